package command

import (
	"fmt"
	"io"
	"os"
	"time"
)

// Progress shows how long work goes on: one live line where it is written to a
// terminal that can take it back, a plain line now and then elsewhere.
type Progress struct {
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

// StartProgress shows what line returns until Finish is called.
func StartProgress(w io.Writer, line func() string) *Progress {
	p := &Progress{w: w, line: line, stop: make(chan struct{}), done: make(chan struct{})}
	every := plainEvery
	if o, ok := w.(*output); ok && Terminal(w) && os.Getenv("TERM") != "dumb" {
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

func (p *Progress) show() {
	if p.live != nil {
		p.live.show(p.line())
	} else {
		fmt.Fprintln(p.w, p.line())
	}
}

// Finish stops and takes the live line back.
func (p *Progress) Finish() {
	close(p.stop)
	<-p.done
	if p.live != nil {
		p.live.hide()
	}
}

// Since is a time that has passed, in whole seconds.
func Since(started time.Time) string { return fmt.Sprintf("%.0fs", time.Since(started).Seconds()) }
