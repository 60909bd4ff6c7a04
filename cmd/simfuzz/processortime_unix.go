//go:build unix

package main

import (
	"syscall"
	"time"
)

// processorTime is the time of processors that this process has used, which does not hang
// on what else the machine does.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return time.Since(began)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
