package workers

import (
	"encoding/binary"
	"fmt"
)

// Bounds of what is encoded.
const (
	maxKeys  = 64        // of an operation
	maxKey   = 1 << 10   // bytes
	maxValue = 1 << 18   // bytes, of a value or of arguments
	maxBody  = 1 << 25   // bytes of an item
	maxItems = MaxWindow // of an outbox
	// maxReports is how many versions of a worker can be in no global version: those that it
	// begins of its own accord, and those that others, who know of a later one, make it begin.
	maxReports = 2*MaxPending + 2
	maxUndone  = 16
)

// coder writes a value, or reads one: one description of a format serves both, so that
// they cannot differ. After the first damage it reads zeros, in loops of no length.
type coder struct {
	buf     []byte
	reading bool
	bad     string
}

func (c *coder) fail(what string) {
	if c.bad == "" {
		c.bad = what
	}
	c.buf = nil
}

func (c *coder) uint(v *uint64) {
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, *v)
		return
	}
	x, n := binary.Uvarint(c.buf)
	if n <= 0 {
		c.fail("a number is cut off or too long")
		*v = 0
		return
	}
	*v, c.buf = x, c.buf[n:]
}

// small is uint for numbers below most.
func small[T ~uint8 | ~uint32 | ~int](c *coder, v *T, most uint64) {
	x := uint64(*v)
	c.uint(&x)
	if c.reading && x >= most {
		c.fail(fmt.Sprintf("%d is not below %d", x, most))
		x = 0
	}
	*v = T(x)
}

func (c *coder) bool(v *bool) {
	var x uint8
	if *v {
		x = 1
	}
	small(c, &x, 2)
	*v = x == 1
}

// bytes reads a copy. No bytes are nil.
func (c *coder) bytes(v *[]byte, most int) {
	n := len(*v)
	small(c, &n, uint64(most)+1)
	if !c.reading {
		c.buf = append(c.buf, *v...)
		return
	}
	if n > len(c.buf) {
		c.fail("bytes are cut off")
		n = 0
	}
	*v = append([]byte(nil), c.buf[:n]...)
	c.buf = c.buf[n:]
}

func (c *coder) string(v *string, most int) {
	b := []byte(*v)
	c.bytes(&b, most)
	*v = string(b)
}

// list reads at most as many elements as there are bytes, of which each takes one.
func list[T any](c *coder, v *[]T, most int, each func(*T)) {
	n := len(*v)
	small(c, &n, uint64(most)+1)
	if c.reading {
		if n > len(c.buf) {
			c.fail("a list is cut off")
			n = 0
		}
		*v = nil
		if n > 0 {
			*v = make([]T, n)
		}
	}
	for i := range *v {
		each(&(*v)[i])
	}
}

// encode writes what code describes.
func encode(dst []byte, code func(*coder)) []byte {
	c := coder{buf: dst}
	code(&c)
	return c.buf
}

// decode reads all of src.
func decode(what string, src []byte, code func(*coder)) error {
	c := coder{buf: src, reading: true}
	code(&c)
	if c.bad == "" && len(c.buf) > 0 {
		c.bad = "more follows"
	}
	if c.bad != "" {
		return fmt.Errorf("read %s of %d bytes: %w: %s", what, len(src), ErrDecode, c.bad)
	}
	return nil
}
