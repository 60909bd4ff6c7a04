package campaign

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Pool runs seeds on workers until there are none left, the context ends, or what has
// been counted is enough. R is what a seed gives, whatever is being run.
//
// The outcome does not depend on the number of workers: results are counted in the
// order of seeds, and nothing is counted beyond the seed that ended it. Where the
// context ends it, those seeds count that came before the first that was not finished.
type Pool[R any] struct {
	First   uint64 // the first seed
	Seeds   uint64 // how many; 0 is no bound, as long as seeds are numbers of 64 bits
	Workers int    // at least 1
	// Worker makes what runs seeds for one worker. A seed that has begun is finished even
	// where the pool's context ends: a verdict cut short would be none. [ErrExhausted] says
	// that there are no seeds from this one on, any other error ends the pool.
	Worker func() func(ctx context.Context, seed uint64) (R, error)
	// Count takes a result, one at a time and in the order of seeds, and says whether
	// more are wanted.
	Count func(seed uint64, r R) (more bool)

	mu        sync.Mutex
	room      *sync.Cond
	next      uint64                // seeds handed out
	counted   uint64                // seeds counted
	finished  map[uint64]outcome[R] // not yet counted: an earlier seed is still running
	over      bool                  // nothing is counted any more
	exhausted bool
	err       error
}

type outcome[R any] struct {
	r   R
	err error
}

// ahead bounds how far a worker may be ahead of the seed that is counted next, for each
// worker: what is finished and not counted is kept.
const ahead = 64

// Run runs the pool, once. Its error is that of the first seed, in their order, that had
// one.
func (p *Pool[R]) Run(ctx context.Context) error {
	if p.Workers < 1 || p.Worker == nil || p.Count == nil {
		return fmt.Errorf("%w: pool of %d workers: at least one, Worker and Count are needed", ErrSetup, p.Workers)
	}
	p.room = sync.NewCond(&p.mu)
	p.finished = make(map[uint64]outcome[R])
	var wg sync.WaitGroup
	for range p.Workers {
		wg.Go(func() { p.work(ctx) })
	}
	wg.Wait()
	return p.err
}

// Exhausted reports, after Run, whether it was the lack of further seeds, as
// [ErrExhausted] says, that ended the pool.
func (p *Pool[R]) Exhausted() bool { return p.exhausted }

// Counted is how many seeds have been counted. It is safe for concurrent use.
func (p *Pool[R]) Counted() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counted
}

// take hands out the next seed.
func (p *Pool[R]) take(ctx context.Context) (number uint64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Somebody runs the seed that is counted next, and says so when it is finished.
	for p.next-p.counted >= uint64(p.Workers)*ahead && !p.over && ctx.Err() == nil {
		p.room.Wait()
	}
	if ctx.Err() != nil || p.over || p.Seeds > 0 && p.next >= p.Seeds || p.next > 0 && p.First+p.next == 0 {
		return 0, false
	}
	p.next++
	return p.next - 1, true
}

func (p *Pool[R]) work(ctx context.Context) {
	run := p.Worker()
	whole := context.WithoutCancel(ctx)
	for {
		number, ok := p.take(ctx)
		if !ok {
			return
		}
		p.one(whole, run, number)
	}
}

// one runs one seed. Should its code end the goroutine, that is the seed's error.
func (p *Pool[R]) one(ctx context.Context, run func(context.Context, uint64) (R, error), number uint64) {
	seed := p.First + number
	out := outcome[R]{err: fmt.Errorf("%w: seed %d ended its goroutine, as runtime.Goexit and the FailNow of a test do; return an error instead", ErrWorker, seed)}
	defer func() { p.finish(number, out) }()
	out.r, out.err = run(ctx, seed)
}

// finish counts what has finished, in the order of seeds.
func (p *Pool[R]) finish(number uint64, out outcome[R]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.room.Broadcast()
	p.finished[number] = out
	for !p.over {
		out, ok := p.finished[p.counted]
		if !ok {
			return
		}
		delete(p.finished, p.counted)
		switch {
		case errors.Is(out.err, ErrExhausted):
			p.exhausted, p.over = true, true
		case out.err != nil:
			p.err, p.over = out.err, true
		default:
			p.counted++
			p.over = !p.Count(p.First+p.counted-1, out.r)
		}
	}
}
