package disk

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// TestMisdirectionIsRarerThanRot: one write in twenty goes astray for each that rots, and
// one in a thousand at least.
func TestMisdirectionIsRarerThanRot(t *testing.T) {
	for rot, want := range map[int]int{400: 20, 10: 1} {
		var rare uint32
		_, w, _ := keep(t, Options{RotPermille: rot}, answers(func(p choice.Point) uint64 {
			if p.Site == "disk.misdirect" {
				rare = p.Rare
			}
			return 0
		}))
		give(t, w, keeperAppends, keeperAppends)
		assert.Equal(t, choice.Permille(want), rare, rot)
	}
}

// TestRotAsksForEachBit: a file of the file system has as many ways to rot as it has bits.
func TestRotAsksForEachBit(t *testing.T) {
	asked := uint64(0)
	f := newFS(t, FSOptions{Rot: sim.Low, Source: answerer(func(p choice.Point) uint64 {
		if p.Site == "fs.rot" {
			asked = p.N
			return p.N - 1
		}
		return 0
	})})
	put(t, f, "d/a", "ab", true, true)
	f.PowerCut()
	assert.Equal(t, uint64(1+16), asked, "none, or one of its bits")
	assert.Equal(t, "a\xe2", content(t, f, "d/a"), "the last bit")
}

// TestFullWithRecordsUnderWay: a file has no room that records take which are on their way.
func TestFullWithRecordsUnderWay(t *testing.T) {
	const each = frameHeader + len("record") // as long as the file
	for _, room := range []int{2 * each, 2*each - 1} {
		_, w, _ := keep(t, Options{MaxBytes: room}, choice.Benign)
		require.NoError(t, w.Inject(1, 0, keeperAppends))
		require.NoError(t, w.Inject(1, 0, 1)) // before that is durable
		err := w.RunUntil(sim.Second)
		if room == 2*each {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, ErrFull)
		}
	}
}

// TestRewindToBeforeATruncation: a log taken back to when less was durable than what it was
// cut for begins where that ends.
func TestRewindToBeforeATruncation(t *testing.T) {
	f := files{base: 100, starts: []int{100}, cuts: []horizon{{durable: 20, base: 10}, {durable: 50, base: 100}}}
	for _, c := range []struct{ durable, base int }{{120, 100}, {60, 60}, {50, 50}, {49, 10}, {19, 0}} {
		g := files{base: f.base, starts: []int{100}, cuts: append([]horizon(nil), f.cuts...)}
		g.rewind(c.durable)
		assert.Equal(t, c.base, g.base, c.durable)
		assert.Equal(t, []int{c.base}, g.starts, c.durable)
	}
}

// TestFilesBegunWithLostRecords: a file that began with a record that a crash lost is none: what
// is written there later stands in the file before, which is not cut in the middle of a record.
func TestFilesBegunWithLostRecords(t *testing.T) {
	b := newCutRig(t, 20, choice.Benign) // two records of ten bytes a file
	for id := range uint64(3) {
		b.give(t, id, sim.Millisecond)
	}
	b.give(t, 3, 0)
	require.NoError(t, b.Inject(b.Now()+1, 0, 4)) // with it a file begins at 40
	require.NoError(t, b.RunUntil(b.Now()+2))
	assert.Equal(t, []int{0, 20, 40}, b.disk.starts)
	b.crashAndRestart(t)
	require.Equal(t, named(0, 3), b.found)
	assert.Equal(t, []int{0, 20}, b.disk.starts)
	for id := uint64(100); id < 103; id++ { // twelve bytes each: 30 to 42, 42 to 54, 54 to 66
		b.give(t, id, sim.Millisecond)
	}
	assert.Equal(t, []int{0, 20, 42}, b.disk.starts)
	b.give(t, truncating+102, sim.Millisecond)
	b.crashAndRestart(t)
	require.Equal(t, named(101, 103), b.found)
}
