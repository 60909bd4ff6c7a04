package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/joinery-go/joinery/cmd/internal/command"
)

// progress shows how far a measurement is: a bar where standard error is a terminal and
// standard output is not (there the results themselves show it), plain lines now and
// then where neither is.
type progress struct {
	what        string
	done, total atomic.Int64
	bars        *mpb.Progress
	bar         *mpb.Bar
	plain       *command.Progress
}

// startProgress shows how far what is until finish is called.
func (c *cli) startProgress(what string) *progress {
	p := &progress{what: what}
	switch terminal, ok := command.TerminalFile(c.err); {
	case ok && !command.Terminal(c.out):
		p.bars = mpb.NewWithContext(c.ctx, mpb.WithOutput(terminal), mpb.WithWidth(40), mpb.WithRefreshRate(200*time.Millisecond))
		p.bar = p.bars.AddBar(1, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(what+" "), decor.CountersNoUnit("%d/%d ")),
			mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO)))
	case !ok:
		started := time.Now()
		p.plain = command.StartProgress(c.err, func() string {
			return fmt.Sprintf("%s: %s: %d of %d", what, command.Since(started), p.done.Load(), p.total.Load())
		})
	}
	return p
}

// at says how far it is.
func (p *progress) at(done, total int) {
	p.done.Store(int64(done))
	p.total.Store(int64(total))
	if p.bar != nil {
		p.bar.SetTotal(int64(total), false)
		p.bar.SetCurrent(int64(done))
	}
}

// finish takes what is shown back.
func (p *progress) finish() {
	if p.bar != nil {
		p.bar.Abort(true)
		p.bars.Wait()
	}
	if p.plain != nil {
		p.plain.Finish()
	}
}
