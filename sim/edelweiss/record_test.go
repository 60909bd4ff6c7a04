package edelweiss

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
)

// FuzzRecord: whatever an engine might give back is read or refused, and what is read as
// a slot's tuple is written the same.
func FuzzRecord(f *testing.F) {
	p, err := el.Parse(".decl a(x: number, s: symbol, l: numbers) table\n.decl b(x: number) scratch\n")
	require.NoError(f, err)
	fact := eval.Fact{Collection: "a", Tuple: el.Tuple{el.Number(-3), el.Symbol("v"), el.Numbers(1, 2)}}
	f.Add(encode(fact))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 2, 'x', 'y'})
	f.Add([]byte{0, 1, 'a'})
	f.Add([]byte{1, 'b', 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &device{program: p}
		if changes, high, err := d.parse(data); err != nil {
			assert.ErrorIs(t, err, ErrRecord)
		} else {
			assert.LessOrEqual(t, high, uint64(maxSlots))
			for _, c := range changes {
				assert.Less(t, c.slot, high)
			}
		}
		if got, err := d.decode(data); err != nil {
			assert.ErrorIs(t, err, ErrRecord)
		} else {
			again, err := d.decode(encode(got))
			require.NoError(t, err)
			assert.Equal(t, got, again)
			assert.Equal(t, "a", got.Collection)
		}
	})
}

func TestRecordRefused(t *testing.T) {
	p, err := el.Parse(".decl a(x: number) table\n.decl b(x: number) scratch\n")
	require.NoError(t, err)
	d := &device{program: p}
	for name, record := range map[string][]byte{
		"short":         {0, 0, 0},
		"too many":      {1, 0, 0, 0, 0, 0, 0, 0},
		"part":          {0, 0, 0, 0, 0, 0, 0, 9, 0, 0},
		"beyond":        {0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0},
		"value cut off": {0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 2, 1},
	} {
		_, _, err := d.parse(record)
		assert.ErrorIs(t, err, ErrRecord, name)
	}
	for name, slot := range map[string][]byte{
		"empty": {}, "name cut off": {4, 'a'}, "scratch": {1, 'b', 0}, "unknown": {1, 'z'}, "no tuple": {1, 'a', 1},
	} {
		_, err := d.decode(slot)
		assert.ErrorIs(t, err, ErrRecord, name)
	}
}

// TestPlan: a tuple takes the slot of one that goes, and what a host says of its tuples
// must agree with the disk.
func TestPlan(t *testing.T) {
	p, err := el.Parse(".decl a(x: number) table\n")
	require.NoError(t, err)
	fact := func(n int64) []eval.Fact { return []eval.Fact{{Collection: "a", Tuple: el.Tuple{el.Number(n)}}} }
	d := &device{program: p, slots: map[string]uint64{}}
	changes, err := d.plan(nil, append(fact(1), fact(2)...))
	require.NoError(t, err)
	assert.Equal(t, []change{{0, encode(fact(1)[0])}, {1, encode(fact(2)[0])}}, changes)
	changes, err = d.plan(append(fact(1), fact(2)...), fact(3))
	require.NoError(t, err)
	assert.Equal(t, []change{{0, encode(fact(3)[0])}, {1, nil}}, changes)
	changes, err = d.plan(nil, fact(4))
	require.NoError(t, err)
	assert.Equal(t, []change{{1, encode(fact(4)[0])}}, changes)
	_, err = d.plan(fact(1), nil)
	require.ErrorIs(t, err, ErrRecord)
	_, err = d.plan(nil, fact(4))
	require.ErrorIs(t, err, ErrRecord)
	d.high = maxSlots
	_, err = d.plan(nil, fact(5))
	require.ErrorIs(t, err, ErrFull)
}

// TestNamePastTheEnd: a slot whose name is longer than the slot is refused.
func TestNamePastTheEnd(t *testing.T) {
	p, err := el.Parse(".decl ab(x: number) table\n")
	require.NoError(t, err)
	d := &device{program: p}
	for _, value := range [][]byte{{}, {1}, {2, 'a'}, {3, 'a'}, {0x80}} {
		_, err := d.decode(value)
		require.ErrorIs(t, err, ErrRecord, "%v", value)
		assert.ErrorContains(t, err, "without the name")
	}
}
