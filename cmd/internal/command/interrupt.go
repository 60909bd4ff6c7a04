package command

import (
	"context"
	"io"
	"time"
)

// HeedsWithin is how long work that knows of its context may take to come to an
// end after an interruption, before nobody waits for it any more.
const HeedsWithin = 500 * time.Millisecond

// Await runs work and returns what came of it, or false if the context was done
// first and work did not end within grace. What was left is abandoned: it must
// touch nothing that others go on to use.
func Await[T any](ctx context.Context, grace time.Duration, work func() T) (came T, ok bool) {
	if ctx.Err() != nil {
		return came, false
	}
	result := make(chan T, 1)
	go func() { result <- work() }()
	select {
	case came = <-result:
		return came, true
	case <-ctx.Done():
	}
	if grace > 0 {
		last := time.NewTimer(grace)
		defer last.Stop()
		select {
		case came = <-result:
			return came, true
		case <-last.C:
		}
	}
	return came, false
}

// Interruptible is an input on which reading ends where the context does, also
// while nothing comes, as at a terminal. The reading that was under way is
// abandoned with its own buffer.
type Interruptible struct {
	Ctx context.Context
	In  io.Reader
}

func (r *Interruptible) Read(b []byte) (int, error) {
	type read struct {
		b   []byte
		err error
	}
	came, ok := Await(r.Ctx, 0, func() read {
		own := make([]byte, len(b))
		n, err := r.In.Read(own)
		return read{own[:n], err}
	})
	if !ok {
		return 0, context.Cause(r.Ctx)
	}
	return copy(b, came.b), came.err
}
