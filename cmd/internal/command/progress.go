package command

import (
	"fmt"
	"io"
	"os"
	"time"
)

// Progress shows how long work goes on: one live line, or a screen, where it is written
// to a terminal that can take it back, a plain line now and then elsewhere.
type Progress struct {
	w    io.Writer
	live *output // nil: plain lines
	line func() string
	rows func(columns, lines int) []Row // nil: one line
	stop chan struct{}
	done chan struct{}
}

const (
	liveEvery  = 200 * time.Millisecond
	plainEvery = 5 * time.Second
)

// StartProgress shows what line returns until Finish is called.
func StartProgress(w io.Writer, line func() string) *Progress {
	return start(&Progress{w: w, line: line})
}

func start(p *Progress) *Progress {
	p.stop, p.done = make(chan struct{}), make(chan struct{})
	every := plainEvery
	if o, ok := p.w.(*output); ok && Terminal(p.w) && os.Getenv("TERM") != "dumb" {
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
	switch {
	case p.live == nil:
		fmt.Fprintln(p.w, p.line())
	case p.rows != nil:
		p.live.showRows(p.line, p.rows)
	default:
		p.live.show(p.line())
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
