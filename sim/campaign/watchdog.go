package campaign

import (
	"fmt"
	"runtime"
	"time"
)

func now() time.Time                  { return time.Now() }
func since(t time.Time) time.Duration { return time.Since(t) }

// late is a call that was given up.
type late struct {
	after time.Duration
	stack stack // where it was by then
}

// watched calls f for a seed on a goroutine of its own, and waits for it as long as the
// watch has patience. If that is not long enough f goes on, so it must touch nothing that
// others go on to use, and late says where it was. An error says that f ended its
// goroutine.
func watched[T any](w *Watch, protocol string, seed uint64, f func() T) (came T, gaveUp *late, err error) {
	number := w.begin(protocol, seed)
	came, gaveUp, err = await(w.patience(), func() T {
		defer w.end(number)
		return f()
	})
	if err != nil {
		err = fmt.Errorf("%w: seed %d ended its goroutine, as runtime.Goexit and the FailNow of a test do; return an error instead", ErrWorker, seed)
	}
	return came, gaveUp, err
}

// await is f, or where it is after so long; 0 is any time.
func await[T any](patience time.Duration, f func() T) (came T, gaveUp *late, err error) {
	type outcome struct {
		came     T
		returned bool
	}
	done, id := make(chan outcome, 1), make(chan string, 1)
	go func() {
		var out outcome
		defer func() { done <- out }()
		id <- goroutineID()
		out.came = f()
		out.returned = true
	}()
	var over <-chan time.Time
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case out := <-done:
		if !out.returned {
			err = ErrWorker
		}
		return out.came, nil, err
	case <-over:
		return came, &late{patience, stackOf(<-id)}, nil
	}
}

// goroutineID is the name that dumps of stacks have for this goroutine: "goroutine 7".
func goroutineID() string {
	var buf [64]byte
	head := string(buf[:runtime.Stack(buf[:], false)])
	for i := range head {
		if head[i] == '[' {
			return head[:i]
		}
	}
	return head
}
