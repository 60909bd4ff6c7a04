package store_test

import (
	"syscall"
	"time"
	"unsafe"
)

// threadTime is how long the calling thread has computed: what other programs on the
// machine take is not in it. The system knows it to the nanosecond; what it tells of the
// use of resources is in ticks of some milliseconds.
func threadTime() time.Duration {
	const thread = 3 // CLOCK_THREAD_CPUTIME_ID
	var t syscall.Timespec
	if _, _, err := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, thread, uintptr(unsafe.Pointer(&t)), 0); err != 0 {
		panic(err)
	}
	return time.Duration(t.Nano())
}
