package command

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"time"
)

// HeedsWithin is how long work that knows of its context may take to come to an
// end after an interruption, before nobody waits for it any more.
const HeedsWithin = 500 * time.Millisecond

// keepsWithin is how long after an interruption results go on to be written.
const keepsWithin = time.Second

// Grace tells those who write results one after the other whether there is time for the
// next: until the context is done, and for a second from when they ask first after that.
func Grace(ctx context.Context) (goOn func() bool) {
	var last time.Time
	return func() bool {
		if ctx.Err() == nil {
			return true
		}
		if last.IsZero() {
			last = time.Now().Add(keepsWithin)
		}
		return time.Now().Before(last)
	}
}

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

// noticesWithin is how much later than a child this program may notice an
// interruption of both.
const noticesWithin = 200 * time.Millisecond

// Interrupted returns the context's error, if it is done, of work that a child process
// did and that ended with err. An interruption at a terminal reaches the child at the
// same moment as this program, and which of them notices it first is chance: so where
// the child failed, the context has a moment to end.
func Interrupted(ctx context.Context, err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) || ctx.Err() != nil {
		return ctx.Err()
	}
	late := time.NewTimer(noticesWithin)
	defer late.Stop()
	select {
	case <-ctx.Done():
	case <-late.C:
	}
	return ctx.Err()
}
