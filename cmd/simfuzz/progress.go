package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress shows how long work goes on: one live line where it is written to a
// terminal, a plain line now and then elsewhere. It is safe for concurrent use.
type progress struct {
	w    io.Writer
	live bool
	line func() string
	mu   sync.Mutex
	stop chan struct{}
	done chan struct{}
}

const (
	liveEvery  = 200 * time.Millisecond
	plainEvery = 5 * time.Second
)

// startProgress shows what line returns until finish is called.
func startProgress(w io.Writer, line func() string) *progress {
	p := &progress{w: w, live: terminal(w), line: line, stop: make(chan struct{}), done: make(chan struct{})}
	every := plainEvery
	if p.live {
		every = liveEvery
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
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live {
		fmt.Fprintf(p.w, "\r\x1b[K%s", p.line())
	} else {
		fmt.Fprintln(p.w, p.line())
	}
}

// finish stops and clears the live line.
func (p *progress) finish() {
	close(p.stop)
	<-p.done
	if p.live {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
