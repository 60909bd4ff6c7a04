package store

import (
	"errors"
	"fmt"
	"sync"
)

// Step does a bounded part of a job and reports whether more remains. After an
// error the job is over.
type Step func() (more bool, err error)

// Scheduler takes the background work of engines. Offer returns without running
// the job if the scheduler is to keep it off the caller's path; an error means that
// it was not taken. It is called with the engine unlocked.
type Scheduler interface {
	Offer(job string, step Step) error
}

// Inline is the scheduler that runs each job to its end at once: there is no
// background, and the operation that made the work waits for it.
var Inline Scheduler = inline{}

type inline struct{}

// Offer runs the job. Its error stands in the engine's Stats, not here.
func (inline) Offer(_ string, step Step) error {
	for {
		if more, err := step(); !more || err != nil {
			return nil
		}
	}
}

// ErrQueueFull reports a job beyond the bound of a [Queue].
var ErrQueueFull = errors.New("store: queue of background work is full")

// Queue keeps jobs until its host runs their steps: in simulation between two
// events, in a server on a goroutine of its own. Jobs take turns, a step each, in
// the order in which they were offered. It is safe for concurrent use.
type Queue struct {
	mu   sync.Mutex
	max  int
	jobs []job
}

type job struct {
	name string
	step Step
}

// NewQueue returns a queue of at most max jobs, at least 1.
func NewQueue(max int) (*Queue, error) {
	if max < 1 {
		return nil, fmt.Errorf("%w: a queue of %d jobs, want at least 1", ErrOptions, max)
	}
	return &Queue{max: max}, nil
}

// Offer queues the job, or returns [ErrQueueFull].
func (q *Queue) Offer(name string, step Step) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.jobs) >= q.max {
		return fmt.Errorf("offer %s: %w: %d jobs", name, ErrQueueFull, q.max)
	}
	q.jobs = append(q.jobs, job{name, step})
	return nil
}

// Len is the number of jobs that are not over.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.jobs)
}

// Step runs a step of the job whose turn it is and reports whether there was one.
// The error names the job.
func (q *Queue) Step() (ran bool, err error) {
	q.mu.Lock()
	if len(q.jobs) == 0 {
		q.mu.Unlock()
		return false, nil
	}
	j := q.jobs[0]
	q.jobs = q.jobs[1:]
	q.mu.Unlock()
	more, err := j.step()
	if err != nil {
		return true, fmt.Errorf("background %s: %w", j.name, err)
	}
	if more {
		q.mu.Lock()
		q.jobs = append(q.jobs, j)
		q.mu.Unlock()
	}
	return true, nil
}

// Drain runs steps until no job is left, at most limit of them, and reports whether
// that was enough. It returns the first error, after trying all.
func (q *Queue) Drain(limit int) (done bool, err error) {
	for range limit {
		ran, e := q.Step()
		if err == nil {
			err = e
		}
		if !ran {
			return true, err
		}
	}
	return q.Len() == 0, err
}
