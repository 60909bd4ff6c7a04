package command

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// full is an output that takes so many bytes and then says why it takes no more.
type full struct {
	room int
	why  error
	text strings.Builder
}

func (f *full) Write(b []byte) (int, error) {
	n := min(f.room, len(b))
	f.room -= n
	f.text.Write(b[:n])
	if n < len(b) {
		return n, f.why
	}
	return n, nil
}

func TestOutputKeepsItsFirstError(t *testing.T) {
	var told []error
	w := &full{room: 3, why: errors.New("first")}
	o := &output{screen: new(screen), w: w, failed: func(err error) { told = append(told, err) }}
	n, err := o.Write([]byte("ab"))
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	assert.NoError(t, o.first())
	n, err = o.Write([]byte("cd"))
	require.EqualError(t, err, "first")
	assert.Equal(t, 1, n)
	w.room, w.why = 100, errors.New("second")
	n, err = o.Write([]byte("ef"))
	require.EqualError(t, err, "first", "it writes no more, lest something be missing in between")
	assert.Zero(t, n)
	assert.EqualError(t, o.first(), "first")
	assert.Len(t, told, 1)
	assert.Equal(t, "abc", w.text.String())
}

// A live line stands alone: whatever is written next, on either output, takes it
// back first.
func TestLiveLine(t *testing.T) {
	var terminal strings.Builder
	both := new(screen)
	out := &output{screen: both, w: &terminal}
	errs := &output{screen: both, w: &terminal}
	errs.show("one")
	errs.show("two")
	fmt.Fprintln(out, "result")
	fmt.Fprintln(out, "more")
	errs.show(strings.Repeat("x", 200))
	errs.hide()
	errs.hide()
	assert.Equal(t, "one"+EraseLine+"two"+EraseLine+"result\nmore\n"+strings.Repeat("x", 79)+EraseLine, terminal.String())
	errs.err = errors.New("gone")
	errs.show("nothing")
	assert.True(t, strings.HasSuffix(terminal.String(), "x"+EraseLine))
}

func TestCut(t *testing.T) {
	assert.Equal(t, "abc", cut("abcdef", 3))
	assert.Equal(t, "abc", cut("abc", 3))
	assert.Equal(t, "a⊔", cut("a⊔b", 2))
	assert.Empty(t, cut("abc", 0))
}
