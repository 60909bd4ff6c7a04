package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows how long work goes on: one live line where it is written to a
// terminal that can take it back, a plain line now and then elsewhere.
type progress struct {
	w    io.Writer
	live *output // nil: plain lines
	line func() string
	stop chan struct{}
	done chan struct{}
}

const (
	liveEvery  = 200 * time.Millisecond
	plainEvery = 5 * time.Second
)

// startProgress shows what line returns until finish is called.
func startProgress(w io.Writer, line func() string) *progress {
	p := &progress{w: w, line: line, stop: make(chan struct{}), done: make(chan struct{})}
	every := plainEvery
	if o, ok := w.(*output); ok && terminal(w) && os.Getenv("TERM") != "dumb" {
		p.live, every = o, liveEvery
	}
	go func() {
		defer close(p.done)
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-t.C:
				p.show()
			}
		}
	}()
	return p
}

func (p *progress) show() {
	if p.live != nil {
		p.live.show(p.line())
	} else {
		fmt.Fprintln(p.w, p.line())
	}
}

// finish stops and takes the live line back.
func (p *progress) finish() {
	close(p.stop)
	<-p.done
	if p.live != nil {
		p.live.hide()
	}
}

// since is a time that has passed, in whole seconds.
func since(started time.Time) string { return fmt.Sprintf("%.0fs", time.Since(started).Seconds()) }
