package kvs_test

import (
	"syscall"
	"time"
	"unsafe"
)

// clockThread is CLOCK_THREAD_CPUTIME_ID of clock_gettime(2), which counts nanoseconds.
const clockThread = 3

// threadTime is the processor time of the calling thread so far: it does not count what
// others do with the processor meanwhile. The caller must stay on its thread.
func threadTime() time.Duration {
	var ts syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockThread, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		panic(errno)
	}
	return time.Duration(ts.Nano())
}
