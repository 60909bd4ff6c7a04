package session_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
)

func TestCausalSessionRemembers(t *testing.T) {
	s := session.Session{Level: session.Causal}
	first, more := session.Matrix{{1, 10, 3}, {2, 20, 5}}, session.Matrix{{1, 10, 3}, {1, 11, 1}, {2, 20, 5}}
	assert.Nil(t, required(s, 1))
	require.True(t, s.ObserveBoth(first, nil, session.Proof{1}, 77))
	require.True(t, s.ObserveBoth(more, nil, session.Proof{2}, 50))
	assert.Equal(t, session.Row{{1, 10, 3}, {1, 11, 1}}, required(s, 1))
	assert.Equal(t, session.Row{{2, 20, 5}}, required(s, 2), "what a read depended on is depended on")
	past, proof := s.Past()
	assert.Equal(t, more, past)
	assert.Equal(t, session.Proof{2}, proof)
	assert.Equal(t, uint64(77), s.Clock())

	assert.False(t, s.ObserveBoth(first, nil, session.Proof{1}, 99), "a late answer")
	assert.False(t, s.ObserveBoth(session.Matrix{{1, 10, 9}}, nil, session.Proof{3}, 99), "one that leaves out what was seen")
	assert.Equal(t, uint64(77), s.Clock())
	require.True(t, s.ObserveBoth(more, nil, session.Proof{4}, 78), "one that adds nothing")
	past, proof = s.Past()
	assert.Equal(t, more, past)
	assert.Equal(t, session.Proof{4}, proof)

	s.Reset(session.Causal)
	past, proof = s.Past()
	assert.Empty(t, past)
	assert.Zero(t, proof)
	assert.Zero(t, s.Clock())
}

func TestEventualSessionForgets(t *testing.T) {
	var s session.Session
	require.True(t, s.ObserveBoth(session.Matrix{{2, 20, 5}}, nil, session.Proof{1}, 77))
	require.True(t, s.ObserveBoth(nil, nil, session.Proof{}, 50))
	assert.Nil(t, required(s, 2))
	past, proof := s.Past()
	assert.Nil(t, past)
	assert.Zero(t, proof)
	assert.Equal(t, uint64(77), s.Clock(), "but not the time, so that its later write wins")
}

// TestProofs: a proof is of one past and of one secret.
func TestProofs(t *testing.T) {
	n := session.NewNotary([]byte("secret one"))
	past := session.Matrix{{1, 10, 3}, {2, 20, 5}}
	p := n.ProveBoth(past, nil)
	assert.True(t, n.VouchesBoth(past, nil, p))
	assert.Equal(t, p, session.NewNotary([]byte("secret one")).ProveBoth(past, nil), "whichever replica makes it")
	assert.NotEqual(t, p, session.NewNotary([]byte("secret two")).ProveBoth(past, nil))
	for i := range past {
		invented := past.Clone()
		invented[i].Seq++
		assert.False(t, n.VouchesBoth(invented, nil, p))
	}
	assert.False(t, n.VouchesBoth(past[:1], nil, p))
	for i := range p {
		bad := p
		bad[i] ^= 1
		assert.False(t, n.VouchesBoth(past, nil, bad), "byte %d", i)
	}
	assert.True(t, n.VouchesBoth(nil, nil, session.Proof{}))
	assert.False(t, n.VouchesBoth(past, nil, session.Proof{}))
	assert.True(t, n.Of([]byte("secret one")))
	assert.False(t, n.Of([]byte("secret two")))
	assert.False(t, (*session.Notary)(nil).Of(nil))

	assert.Equal(t, append(past.Append(nil), p[:]...), session.AppendPast(nil, past, p))
	assert.Equal(t, []byte{0}, session.AppendPast(nil, nil, p), "the empty past has none")
}

func TestMatrixCodec(t *testing.T) {
	m := session.Matrix{{2, 1, 1}, {7, 1, 9}, {7, 3, 1}}
	b := m.Append(nil)
	got, rest, err := session.Decode(nil, append(b, 0xff))
	require.NoError(t, err)
	assert.Equal(t, m, got)
	assert.Equal(t, []byte{0xff}, rest)
	for i := range b {
		_, _, err := session.Decode(nil, b[:i])
		assert.ErrorIs(t, err, session.ErrDecode, "truncated at %d", i)
	}
	for name, bad := range map[string][]byte{
		"empty row": {1, 7, 0}, "repeated partition": {2, 7, 1, 1, 1, 7, 1, 1, 1}, "sequence 0": {1, 7, 1, 1, 0},
		"origins descend": {1, 7, 2, 3, 1, 2, 1}, "padded number": {1, 0x87, 0, 1, 1, 1},
	} {
		_, _, err := session.Decode(nil, bad)
		assert.ErrorIs(t, err, session.ErrDecode, name)
	}
}

// plain is the matrix as what it stands for: a map of version vectors.
type plain = map[ring.Partition]causal.Version

var plainMerge = lattice.MapOf[ring.Partition](causal.VersionMerge())

func randomPlain(r *rand.Rand) plain {
	m := plain{}
	for range r.IntN(6) {
		p := ring.Partition(r.IntN(3))
		if m[p] == nil {
			m[p] = causal.Version{}
		}
		m[p][1+r.Uint64N(3)] = 1 + r.Uint64N(200)
	}
	return m
}

func flat(t *testing.T, m plain) session.Matrix {
	out, rest, err := session.Decode(nil, lattice.Encode(plainMerge, m))
	require.NoError(t, err)
	require.Empty(t, rest)
	return out
}

// TestMatrixIsAMapOfVersions holds the flat matrix to the map of maps: merging,
// comparing, rows and encoding.
func TestMatrixIsAMapOfVersions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	merge := matrixMerge{}
	for range 5000 {
		a, b := randomPlain(r), randomPlain(r)
		x, y := flat(t, a), flat(t, b)
		assert.Equal(t, plainMerge.Compare(a, b), merge.Compare(x, y))
		before := y.Append(nil)
		joined := x.Clone()
		assert.Equal(t, plainMerge.MergeIn(&a, b), joined.MergeIn(y))
		assert.Equal(t, lattice.Encode(plainMerge, a), joined.Append(nil))
		assert.Equal(t, before, y.Append(nil), "the delta is not changed")
		assert.Equal(t, len(a), joined.Rows())
		for p := range ring.Partition(3) {
			row := joined.Row(p)
			assert.Len(t, row, len(a[p]))
			for _, m := range row {
				assert.Equal(t, session.Mark{Partition: p, Origin: m.Origin, Seq: a[p][m.Origin]}, m)
			}
			got, _, err := session.DecodeRow(nil, p, lattice.Encode(causal.VersionMerge(), a[p]))
			require.NoError(t, err)
			assert.ElementsMatch(t, row, got)
		}
	}
}

func TestLevels(t *testing.T) {
	for _, name := range session.Levels() {
		l, err := session.ParseLevel(name)
		require.NoError(t, err)
		assert.Equal(t, name, l.String())
	}
	_, err := session.ParseLevel("strict")
	assert.ErrorIs(t, err, session.ErrLevel)
}

// TestStamps: a write is later than all that its session has met, and as late as the clock
// of its host where that is later still.
func TestStamps(t *testing.T) {
	const ms = 1 << 16 // of hybrid time
	var s session.Session
	assert.Equal(t, uint64(1), s.Stamp(0))
	assert.Equal(t, uint64(5*ms), s.Stamp(5))
	assert.Equal(t, uint64(5*ms+1), s.Stamp(5), "a second write in a millisecond")
	assert.Equal(t, uint64(5*ms+2), s.Stamp(4), "a clock that went back")
	require.True(t, s.ObserveBoth(nil, nil, session.Proof{}, 9*ms))
	assert.Equal(t, uint64(9*ms+1), s.Stamp(6), "an answer from ahead")
	assert.Equal(t, uint64(10*ms), s.Stamp(10))
	assert.Equal(t, uint64(10*ms), s.Clock())
}

// TestPartitionsAreBounded: a partition of 32 bits is one, and the next number is none.
func TestPartitionsAreBounded(t *testing.T) {
	encoded := func(p uint64) []byte {
		return append(binary.AppendUvarint([]byte{1}, p), 1, 5, 7) // one row, of one mark
	}
	m, rest, err := session.Decode(nil, encoded(math.MaxUint32))
	require.NoError(t, err)
	assert.Empty(t, rest)
	assert.Equal(t, session.Matrix{{Partition: math.MaxUint32, Origin: 5, Seq: 7}}, m)
	assert.Equal(t, encoded(math.MaxUint32), m.Append(nil))
	for _, p := range []uint64{math.MaxUint32 + 1, math.MaxUint32 + 2, math.MaxUint64} {
		_, _, err = session.Decode(nil, encoded(p))
		assert.ErrorIs(t, err, session.ErrDecode)
	}
}
