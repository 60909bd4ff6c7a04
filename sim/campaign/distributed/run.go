package distributed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Job is what a worker does with seeds.
type Job struct {
	First uint64 // the first seed, 1 by default
	Seeds uint64 // how many, for all workers together
	// Run runs n seeds from one on, and gives what came of those that it finished. more says
	// whether it is to be given others. With an error what came before it still counts.
	Run func(ctx context.Context, from, n uint64) (b Batch, more bool, err error)
	// Size is about how long the seeds of one claim are to take, 10 seconds by default.
	Size time.Duration
	// Every calls a function again and again, until it is told to stop, which waits for the
	// last call: signs of life while Run goes on. nil gives none, and then Run must end
	// within a lease.
	Every func(d time.Duration, f func()) (stop func())
	// Progress is told after each claim; nil is not told.
	Progress func(s *State)
}

// Sizes of claims, in seeds.
const (
	firstClaim = 32
	mostClaim  = 1 << 20
)

// Run claims seeds, runs them and publishes what came of them, until there are none left,
// the context ends, or the job wants no more; then it leaves. complete says that every seed
// was finished, or abandoned, by whomever. Where others are at the last ones it waits for
// them.
func (w *Worker) Run(ctx context.Context, j Job) (complete bool, err error) {
	j.First, j.Size = cmp.Or(j.First, 1), cmp.Or(j.Size, 10*time.Second)
	if j.Seeds < 1 || j.Seeds-1 > maxSeed-j.First || j.Run == nil || j.Size < 0 {
		return false, fmt.Errorf("%w: %d seeds from %d, of %v: want 1 or more, and a function that runs them", ErrOptions, j.Seeds, j.First, j.Size)
	}
	whole := context.WithoutCancel(ctx) // what was finished is published
	defer func() {
		if e := w.Leave(whole); err == nil {
			err = e
		}
	}()
	size := uint64(firstClaim)
	for ctx.Err() == nil {
		c, ok, open, err := w.Claim(ctx, j.First, j.First+j.Seeds-1, size)
		switch {
		case err != nil && ctx.Err() != nil:
			return false, nil
		case err != nil:
			return false, err
		case !ok && !open:
			return true, nil
		case !ok: // those that others are at come back if they die
			if w.o.Wait(ctx, min(w.o.Lease/8, 5*time.Second)) != nil {
				return false, nil
			}
			continue
		}
		started := w.o.Now()
		b, more, err := w.work(ctx, &j, c)
		if e := w.Publish(whole, c, b); e != nil || err != nil {
			return false, errors.Join(err, e)
		}
		if j.Progress != nil {
			j.Progress(&w.last)
		}
		if !more {
			return false, nil
		}
		if b.Seeds == 0 && ctx.Err() == nil {
			return false, fmt.Errorf("%w: none of the seeds %d to %d was finished, and the job wants more", ErrOptions, c.From, c.To)
		}
		size = resized(size, b.Seeds, w.o.Now().Sub(started), j.Size)
	}
	return false, nil
}

// work runs the seeds of a claim, and gives signs of life meanwhile.
func (w *Worker) work(ctx context.Context, j *Job, c Claim) (Batch, bool, error) {
	if j.Every != nil {
		whole := context.WithoutCancel(ctx)
		// One that cannot be given is no error yet: what comes of the claim is published or
		// is not.
		defer j.Every(w.o.Lease/8, func() { _ = w.Live(whole) })()
	}
	return j.Run(ctx, c.From, c.To-c.From+1)
}

// resized is the next claim's size, so that it takes about as long as is wanted: at most
// four times or a quarter of the last.
func resized(size, seeds uint64, took, want time.Duration) uint64 {
	if seeds < size || took <= 0 {
		return size // what was left of something says little
	}
	next := uint64(float64(seeds) * float64(want) / float64(took))
	return min(max(next, size/4, 1), size*4, mostClaim)
}
