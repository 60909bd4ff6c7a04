package campaign

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/joinery-go/joinery/sim/wall"
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
	// Patience is how long a seed may run by the wall clock; 0 is any time. One that takes
	// longer is given up: Late makes its result, told where it is by then, and no seed after
	// it begins, since its worker goes on with it, which nothing in a Go process could end.
	Patience time.Duration
	Late     func(seed uint64, l Late) (R, error)

	mu        sync.Mutex
	room      *sync.Cond
	next      uint64                // seeds handed out
	counted   uint64                // seeds counted
	finished  map[uint64]outcome[R] // not yet counted: an earlier seed is still running
	at        []task                // by worker
	working   int                   // workers that are waited for
	over      bool                  // nothing is counted any more
	exhausted bool
	err       error
}

// task is what a worker is at.
type task struct {
	number uint64
	begun  time.Time // zero for none
	gaveUp bool
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
	p.at, p.working = make([]task, p.Workers), p.Workers
	for i := range p.Workers {
		begin(func() {
			defer p.leave(i)
			p.work(ctx, i)
		}, p.worker(i))
	}
	if p.Patience > 0 && p.Late != nil {
		defer wall.Every(max(min(p.Patience/4, time.Second), time.Millisecond), p.giveUp)()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.working > 0 {
		p.room.Wait()
	}
	return p.err
}

// worker is the name of a worker's goroutine.
func (p *Pool[R]) worker(i int) string { return fmt.Sprintf("pool %p worker %d", p, i) }

// leave is the end of a worker. One that was given up is not waited for.
func (p *Pool[R]) leave(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.at[i].gaveUp {
		p.working--
	}
	p.room.Broadcast()
}

// giveUp gives up the seeds that have taken too long.
func (p *Pool[R]) giveUp() {
	for i := range p.at {
		p.mu.Lock()
		t := &p.at[i]
		number, late := t.number, !t.begun.IsZero() && !t.gaveUp && since(t.begun) > p.Patience
		if late {
			t.gaveUp = true
		}
		p.mu.Unlock()
		if late {
			var out outcome[R]
			out.r, out.err = p.Late(p.First+number, Late{p.Patience, stackOf(p.worker(i))})
			p.count(number, out, true)
			p.mu.Lock()
			p.working-- // not before, or Run could end without what has just been counted
			p.room.Broadcast()
			p.mu.Unlock()
		}
	}
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
func (p *Pool[R]) take(ctx context.Context, worker int) (number uint64, ok bool) {
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
	p.at[worker] = task{number: p.next - 1, begun: now()}
	return p.next - 1, true
}

func (p *Pool[R]) work(ctx context.Context, worker int) {
	run := p.Worker()
	whole := context.WithoutCancel(ctx)
	for {
		number, ok := p.take(ctx, worker)
		if !ok || !p.one(whole, run, worker, number) {
			return
		}
	}
}

// one runs one seed, and says whether its worker is to go on. Should its code end the
// goroutine, that is the seed's error.
func (p *Pool[R]) one(ctx context.Context, run func(context.Context, uint64) (R, error), worker int, number uint64) (more bool) {
	seed := p.First + number
	out := outcome[R]{err: fmt.Errorf("%w: seed %d ended its goroutine, as runtime.Goexit and the FailNow of a test do; return an error instead", ErrWorker, seed)}
	defer func() { more = p.finish(worker, number, out) }()
	out.r, out.err = run(ctx, seed)
	return true
}

// finish counts what a worker has finished, unless it was given up.
func (p *Pool[R]) finish(worker int, number uint64, out outcome[R]) (more bool) {
	p.mu.Lock()
	gaveUp := p.at[worker].gaveUp
	p.at[worker].begun = time.Time{}
	p.mu.Unlock()
	if !gaveUp {
		p.count(number, out, false)
	}
	return !gaveUp
}

// count counts what has finished, in the order of seeds; behind the last one nothing is.
func (p *Pool[R]) count(number uint64, out outcome[R], last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.room.Broadcast()
	p.finished[number] = out
	for !p.over {
		out, ok := p.finished[p.counted]
		if !ok {
			break
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
	if last && (p.Seeds == 0 || p.Seeds > number+1) {
		p.Seeds = number + 1
	}
}
