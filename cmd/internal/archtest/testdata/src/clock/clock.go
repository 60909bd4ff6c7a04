package clock

import (
	"context"
	"time"
)

type recorder struct{ now func() time.Time }

func mutants(ctx context.Context) {
	_ = time.Now()                         // want `time.Now is not a function of the seed`
	_ = time.Since(time.Time{})            // want `time.Since`
	_ = time.Until(time.Time{})            // want `time.Until`
	time.Sleep(1)                          // want `time.Sleep`
	<-time.After(1)                        // want `time.After`
	time.AfterFunc(1, func() {})           // want `time.AfterFunc`
	_ = time.Tick(1)                       // want `time.Tick`
	_ = time.NewTimer(1)                   // want `time.NewTimer`
	_ = time.NewTicker(1)                  // want `time.NewTicker`
	_ = recorder{now: time.Now}            // want `time.Now`
	_, stop := context.WithTimeout(ctx, 1) // want `context.WithTimeout`
	stop()
	_, stop = context.WithDeadline(ctx, time.Time{}) // want `context.WithDeadline`
	stop()
}

func fine(r recorder, ctx context.Context) time.Duration {
	t := r.now()
	_, stop := context.WithCancel(ctx)
	stop()
	return t.Sub(time.Unix(0, 0)) + 3*time.Second
}
