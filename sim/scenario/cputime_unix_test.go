//go:build unix

package scenario

import (
	"syscall"
	"time"
)

// cpuTime is the processor time that this process has used so far, its garbage
// collection included: what a busy machine gives to others does not count.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("getrusage of this process: " + err.Error())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
