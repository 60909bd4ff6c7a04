package terminaltest

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// Open opens a pseudo terminal of some size: what a program sees, and what a user does. They
// are closed when the test ends, if they were not before.
func Open(t *testing.T, columns, lines uint16) (program, user *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { user.Close() })
	var unlocked, number int32
	control(t, user, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked))
	control(t, user, syscall.TIOCGPTN, unsafe.Pointer(&number))
	Resize(t, user, columns, lines)
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return program, user
}

// Resize gives a terminal another size.
func Resize(t *testing.T, user *os.File, columns, lines uint16) {
	t.Helper()
	size := [4]uint16{lines, columns}
	control(t, user, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
}

func control(t *testing.T, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(arg)); errno != 0 {
		t.Fatal(errno)
	}
}
