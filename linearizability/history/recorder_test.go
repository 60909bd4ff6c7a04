package history

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRecorder(t *testing.T) {
	r := NewRecorder("run", nil)
	w := r.Begin(0, Register, Write, "x", Int(1))
	read := r.Begin(1, Register, Read, "x", Nil)
	w.OK(Nil)
	read.OK(Int(1))
	lost := r.Begin(0, Register, Write, "x", Int(2))
	lost.Unknown()
	r.Begin(0, Register, CAS, "x", List(Int(1), Int(3))).Failed()
	r.Fence()
	r.Begin(1, Register, Read, "x", Nil) // still open
	h, err := r.History()
	require.NoError(t, err)
	var got []string
	for _, o := range h.Ops {
		got = append(got, o.String())
	}
	require.Equal(t, []string{
		`#0 s0 [1,3] register "x" write 1 ok`,
		`#1 s1 [2,4] register "x" read -> 1 ok`,
		`#2 s0 [5,…] register "x" write 2 unknown`,
		`#3 s0 [6,7] register "x" cas [1 3] failed`,
		`#4 s1 [9,…] register "x" read unknown`,
	}, got)
	require.Equal(t, []int64{8}, h.Fences)
}

func TestTaggedRecorder(t *testing.T) {
	r := NewTaggedRecorder("run", nil)
	a, b := r.Begin(0, Set, Add, "s", Int(1)), r.Begin(1, Set, Add, "s", Int(2))
	require.Equal(t, []uint64{1, 2}, []uint64{a.Tag(), b.Tag()})
	a.OK(Nil)
	b.OK(Nil)
	r.Begin(0, Set, Read, "s", Nil).OK(SetOf(Int(1), Int(2)), 2, 1, 2)
	r.Begin(1, Set, Read, "s", Nil).OK(SetOf())
	w := r.Begin(0, Register, Write, "x", Int(7))
	w.StampedOK(Nil, Stamp{3, 1})
	h, err := r.History()
	require.NoError(t, err)
	require.Equal(t, []uint64{1, 2}, h.Ops[2].Saw)
	require.Equal(t, []uint64{}, h.Ops[3].Saw)
	require.Equal(t, Stamp{3, 1}, h.Ops[4].Stamp)
}

func TestRecorderMisuse(t *testing.T) {
	r := NewRecorder("twice", nil)
	c := r.Begin(0, Register, Read, "x", Nil)
	c.OK(Nil)
	c.OK(Nil)
	_, err := r.History()
	require.ErrorIs(t, err, ErrEnded)

	r = NewRecorder("overlap", nil)
	r.Begin(0, Register, Read, "x", Nil)
	r.Begin(0, Register, Read, "x", Nil)
	_, err = r.History()
	require.ErrorIs(t, err, ErrOverlap)

	times := []int64{5, 9, 7}
	r = NewRecorder("clock", func() int64 { t := times[0]; times = times[1:]; return t })
	r.Begin(0, Register, Read, "x", Nil).OK(Nil)
	_, err = r.History()
	require.NoError(t, err)
	r.Begin(0, Register, Read, "x", Nil)
	_, err = r.History()
	require.ErrorIs(t, err, ErrClock)
	require.ErrorContains(t, err, "from 9 to 7")
}

// A coarse clock gives equal times; operations still take time.
func TestRecorderWithACoarseClock(t *testing.T) {
	r := NewRecorder("coarse", func() int64 { return 4 })
	for range 3 {
		r.Begin(0, Register, Write, "x", Int(1)).OK(Nil)
	}
	h, err := r.History()
	require.NoError(t, err)
	for i, o := range h.Ops {
		require.Equal(t, []int64{int64(4 + i), int64(5 + i)}, []int64{o.Call, o.Return})
	}
}

func TestRecorderConcurrently(t *testing.T) {
	r := NewRecorder("many", nil)
	var wg sync.WaitGroup
	for s := range 8 {
		wg.Go(func() {
			for i := range 200 {
				r.Begin(s, Register, Write, "x", Int(int64(1000*s+i))).OK(Nil)
			}
		})
	}
	wg.Wait()
	h, err := r.History()
	require.NoError(t, err)
	require.Len(t, h.Ops, 1600)
}
