package handout

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"
)

// Worker does what is left to do of a campaign.
type Worker struct {
	Campaign *Campaign
	// Queue says who does what; nil, or one whose server does not answer, leaves it to the
	// worker.
	Queue *Queue
	// Name tells workers apart that are at work at once, and Incarnation the starts of one.
	Name, Incarnation string
	// Workers is how many seeds are run at once, 1 by default, and Replays how many runs a
	// search for a smaller tape may take, 4,000 by default.
	Workers, Replays int
	// Lease is as [distributed.Options] have it.
	Lease time.Duration
	// Idle is how long a worker waits to be handed something, while there is something to do,
	// before it chooses for itself: 2 s by default. What others are at it may then do too.
	Idle time.Duration
	// Note is told what is done, and what is amiss with the server; nil is not told.
	Note func(text string)

	joins  int
	handed time.Time // when something was done last
}

// Work does what is to be done until nothing is left, or the context ends. Of tasks that
// cannot be done the others are, and then it returns why.
func (w *Worker) Work(ctx context.Context) error {
	if w.Replays == 0 {
		w.Replays = 4000
	}
	if w.Idle == 0 {
		w.Idle = 2 * time.Second
	}
	w.handed = time.Now()
	failed := make(map[string]error)
	var amiss []error
	for ctx.Err() == nil {
		tasks, err := Outstanding(w.Campaign)
		if err != nil {
			return err
		}
		tasks = slices.DeleteFunc(tasks, func(t Task) bool { return failed[t.id()] != nil })
		if len(tasks) == 0 {
			break
		}
		t, over := w.next(ctx, tasks)
		if t == nil {
			continue
		}
		w.note("%v", t)
		err = w.do(ctx, *t)
		over(err == nil)
		w.handed = time.Now()
		if err != nil && ctx.Err() == nil {
			failed[t.id()] = err
			amiss = append(amiss, err)
		}
	}
	return errors.Join(amiss...)
}

// next is what to do next, of what is to be done: what the server hands out, or where it does
// not, what the worker chooses; nil where others are at all of it, as it seems, or what was
// handed out cannot be done here. over is to be told how it ended.
func (w *Worker) next(ctx context.Context, tasks []Task) (t *Task, over func(done bool)) {
	if w.Queue != nil {
		err := w.Queue.Offer(ctx, tasks[:min(len(tasks), mostOffered)])
		var h Handed
		var ok bool
		if err == nil {
			h, ok, err = w.Queue.Take(ctx, min(w.Idle, look))
		}
		switch {
		case ok && !slices.Contains(tasks, h.Task): // it was done meanwhile, or failed here
			if failed, err := w.outstanding(h.Task); err == nil && failed {
				w.tell(h.again())
			} else {
				w.tell(h.done(ctx))
			}
			return nil, nil
		case ok:
			stop := w.Queue.alive(h)
			return &h.Task, func(done bool) {
				stop()
				if done {
					w.tell(h.done(context.WithoutCancel(ctx)))
				} else {
					w.tell(h.again())
				}
			}
		case err == nil && time.Since(w.handed) < w.Idle:
			return nil, nil // others are at them
		}
		w.tell(err)
	}
	return &tasks[w.choice(len(tasks))], func(bool) {}
}

const (
	mostOffered = 64                     // tasks that a server is offered at once
	look        = 500 * time.Millisecond // how often a worker looks whether anything is left
)

// outstanding reports whether a task is still to be done.
func (w *Worker) outstanding(t Task) (bool, error) {
	tasks, err := Outstanding(w.Campaign)
	return slices.Contains(tasks, t), err
}

// choice is one of n, which differs from worker to worker and from time to time.
func (w *Worker) choice(n int) int {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %s %d", w.Name, w.Incarnation, w.joins)
	return int(h.Sum64() % uint64(n))
}

func (w *Worker) note(format string, args ...any) {
	if w.Note != nil {
		w.Note(fmt.Sprintf(format, args...))
	}
}

// tell notes what is amiss with the server, which harms nothing.
func (w *Worker) tell(err error) {
	if err != nil {
		w.note("going on without the server: %v", err)
	}
}

func (w *Worker) now() time.Time { return time.Now() }
