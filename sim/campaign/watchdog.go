package campaign

import (
	"context"
	"fmt"
	"runtime/pprof"
	"time"
)

func now() time.Time                  { return time.Now() }
func since(t time.Time) time.Duration { return time.Since(t) }

// begin calls f on a goroutine of a name.
func begin(f func(), name string) {
	go func() {
		pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(goroutineLabel, name)))
		f()
	}()
}

// watched calls f for a seed on a goroutine of its own, and waits for it as long as the
// watch has patience. If that is not long enough f goes on, so it must touch nothing that
// others go on to use, and late says where it was. An error says that f ended its
// goroutine. In a pool, whose workers are given up whole, and which tells the watch of its
// seeds itself, f is called as it is.
func watched[T any](w *Watch, protocol string, seed uint64, pooled bool, f func() T) (came T, gaveUp *Late, err error) {
	if pooled {
		return f(), nil, nil
	}
	number := w.begin(protocol, seed)
	came, gaveUp, err = await(w.patience(), fmt.Sprintf("%p/%d", w, number), func() T {
		defer w.end(number)
		return f()
	})
	if err != nil {
		err = fmt.Errorf("%w: seed %d ended its goroutine, as runtime.Goexit and the FailNow of a test do; return an error instead", ErrWorker, seed)
	}
	return came, gaveUp, err
}

// await is f, or where it is after so long; 0 is any time. name is that of its goroutine
// alone.
func await[T any](patience time.Duration, name string, f func() T) (came T, gaveUp *Late, err error) {
	type outcome struct {
		came     T
		returned bool
	}
	done := make(chan outcome, 1)
	begin(func() {
		var out outcome
		defer func() { done <- out }()
		out.came = f()
		out.returned = true
	}, name)
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
		return came, &Late{patience, stackOf(name)}, nil
	}
}
