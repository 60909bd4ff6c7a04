package store_test

import (
	"syscall"
	"time"
)

// threadTime is how long the calling thread has computed: what other programs on the
// machine take is not in it.
func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
