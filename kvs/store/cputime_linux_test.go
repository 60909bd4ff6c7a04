package store_test

import (
	"syscall"
	"time"
	"unsafe"
)

// threadTime is how long the calling thread has computed: what other programs on the
// machine take is not in it. The system knows it to the nanosecond; what it tells of the
// use of resources is in ticks of some milliseconds.
func threadTime() time.Duration { return clock(3) } // CLOCK_THREAD_CPUTIME_ID

// processTime is how long all threads of the process have computed.
func processTime() time.Duration { return clock(2) } // CLOCK_PROCESS_CPUTIME_ID

func clock(which uintptr) time.Duration {
	var t syscall.Timespec
	if _, _, err := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, which, uintptr(unsafe.Pointer(&t)), 0); err != 0 {
		panic(err)
	}
	return time.Duration(t.Nano())
}
