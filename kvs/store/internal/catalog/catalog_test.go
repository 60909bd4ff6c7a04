package catalog_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

var seg = store.Segment{Hash: store.Hash{1, 2, 3}, Length: 40}

var part = store.Segment{
	Hash: seg.Hash, Length: 40, Range: store.KeyRange{From: "a\xff", To: "b"}, Index: store.Hash{4}, IndexLength: 9,
}

func good() catalog.State {
	return catalog.State{
		Engine: "e", Next: 9, Parent: 3, Published: 2,
		Parts: []catalog.Part{
			{Number: 4, Ext: "log", Level: 1, Length: 40, Hash: seg.Hash, Remote: []store.Segment{seg}},
			{Number: 5, Ext: "log", Length: 40, Hash: seg.Hash, Remote: []store.Segment{part}, Range: part.Range, Away: true},
			{Number: 8, Ext: "log", Length: catalog.Open},
		},
	}
}

func emptyOf(s store.Segment) store.Segment {
	s.Range.To = s.Range.From
	return s
}

func TestDecodeReadsWhatEncodeWrote(t *testing.T) {
	b, err := good().Encode()
	require.NoError(t, err)
	s, err := catalog.Decode(b)
	require.NoError(t, err)
	require.Equal(t, good(), s)
	for bit := range len(b) * 8 {
		spoiled := bytes.Clone(b)
		spoiled[bit/8] ^= 1 << (bit % 8)
		_, err := catalog.Decode(spoiled)
		require.ErrorIs(t, err, store.ErrCorrupt, "bit %d", bit)
	}
	for n := range b {
		_, err := catalog.Decode(b[:n])
		require.ErrorIs(t, err, store.ErrCorrupt, "%d bytes", n)
	}
	b, err = catalog.Seal("joinery catalog", 99, good())
	require.NoError(t, err)
	_, err = catalog.Decode(b)
	require.ErrorIs(t, err, store.ErrFormat)
}

func TestDecodeRefusesStatesThatNoEngineCommits(t *testing.T) {
	for name, change := range map[string]func(*catalog.State){
		"number not below next": func(s *catalog.State) { s.Next = 8 },
		"number twice":          func(s *catalog.State) { s.Parts[2].Number = 4 },
		"too many published":    func(s *catalog.State) { s.Published = 4 },
		"negative published":    func(s *catalog.State) { s.Published = -1 },
		"published and open":    func(s *catalog.State) { s.Parts[0].Length = catalog.Open },
		"negative length":       func(s *catalog.State) { s.Parts[2].Length = -2 },
		"negative level":        func(s *catalog.State) { s.Parts[2].Level = -1 },
		"no extension":          func(s *catalog.State) { s.Parts[2].Ext = "" },
		"extension":             func(s *catalog.State) { s.Parts[2].Ext = "../x" },
		"published, no segment": func(s *catalog.State) { s.Parts[0].Remote = nil },
		"empty range":           func(s *catalog.State) { s.Parts[1].Range.To = s.Parts[1].Range.From },
		"away from two":         func(s *catalog.State) { s.Parts[1].Remote = []store.Segment{part, part} },
		"away, other hash":      func(s *catalog.State) { s.Parts[1].Hash[0]++ },
		"away, other length":    func(s *catalog.State) { s.Parts[1].Length++ },
		"away, unpublished":     func(s *catalog.State) { s.Published, s.Parts[1].Remote = 1, nil },
		"segment of no keys":    func(s *catalog.State) { s.Parts[1].Remote = []store.Segment{emptyOf(part)} },
		"uploaded, other hash":  func(s *catalog.State) { s.Parts[0].Uploaded = &store.Segment{Hash: store.Hash{7}, Length: 40} },
		"uploaded, unpublished": func(s *catalog.State) {
			s.Published, s.Parts[1].Remote, s.Parts[1].Away, s.Parts[1].Uploaded = 1, nil, false, &seg
		},
		"uploaded, away":       func(s *catalog.State) { s.Parts[1].Uploaded = &seg },
		"manifest, no parent":  func(s *catalog.State) { s.Parent, s.ParentManifest = 0, "man" },
		"manifest, not seen":   func(s *catalog.State) { s.Seen = &store.Ref{Manifest: "man"} },
		"first, no writer":     func(s *catalog.State) { s.Writer.First = "man" },
		"segment, unpublished": func(s *catalog.State) { s.Parts[2].Remote = []store.Segment{seg} },
	} {
		s := good()
		change(&s)
		b, err := s.Encode()
		require.NoError(t, err)
		_, err = catalog.Decode(b)
		require.ErrorIs(t, err, store.ErrCorrupt, name)
	}
}

func FuzzDecode(f *testing.F) {
	b, err := good().Encode()
	require.NoError(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := catalog.Decode(b)
		if err != nil {
			return
		}
		again, err := s.Encode()
		require.NoError(t, err)
		s2, err := catalog.Decode(again)
		require.NoError(t, err)
		require.Equal(t, s, s2)
	})
}

// TestPickKeepsLevelsSmall merges until nothing is to be merged, after each new part:
// no level keeps fanIn parts, levels do not ascend towards the young, and what is
// written is at most what each level writes once; of a long part before many short ones
// nothing is written again before as many bytes stand beside it.
func TestPickKeepsLevelsSmall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fanIn := rapid.IntRange(2, 8).Draw(t, "fanIn")
		n := rapid.IntRange(0, 600).Draw(t, "n")
		long := int64(rapid.IntRange(1, 2000).Draw(t, "long"))
		var levels []int
		var lengths []int64
		written, all, top := int64(0), int64(0), 0
		for i := range n {
			levels, lengths, all = append(levels, 0), append(lengths, 1), all+1
			if i == 0 {
				lengths[0], all = long, long
			}
			for {
				p, ok := catalog.Pick(levels, lengths, fanIn)
				if !ok {
					break
				}
				sum := int64(0)
				for _, n := range lengths[p.From:p.To] {
					sum += n
				}
				if p.Lifted {
					require.Equal(t, 1, p.From)
					require.GreaterOrEqual(t, p.To, fanIn)
					require.Greater(t, lengths[0], sum)
					levels[0] = p.Level
				} else {
					require.GreaterOrEqual(t, p.To-p.From, fanIn)
					require.True(t, p.From > 0 || fanIn == 2 || 2*lengths[0] <= sum)
				}
				levels = append(append(append([]int(nil), levels[:p.From]...), p.Level), levels[p.To:]...)
				lengths = append(append(append([]int64(nil), lengths[:p.From]...), sum), lengths[p.To:]...)
				written, top = written+sum, max(top, p.Level)
			}
		}
		require.LessOrEqual(t, written, int64(top)*all, "a level writes nothing twice")
		count := map[int]int{}
		for i, l := range levels {
			count[l]++
			require.True(t, i == 0 || levels[i-1] >= l)
			require.Less(t, count[l], fanIn)
		}
		bound := float64(fanIn) * (1 + math.Log(float64(n+1))/math.Log(float64(fanIn)))
		require.LessOrEqual(t, float64(len(levels)), bound)
	})
}

// TestPickIsTheLowestLevelOfTheYoungest holds Pick against its words, read literally.
func TestPickIsTheLowestLevelOfTheYoungest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fanIn := rapid.IntRange(2, 4).Draw(t, "fanIn")
		levels := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 10).Draw(t, "levels")
		var lengths []int64
		if rapid.Bool().Draw(t, "lift") {
			lengths = rapid.SliceOfN(rapid.Int64Range(0, 9), len(levels), len(levels)).Draw(t, "lengths")
		}
		p, ok := catalog.Pick(levels, lengths, fanIn)
		for l := range 4 {
			young := levels
			for i, x := range levels {
				if x > l {
					young = levels[i+1:]
				}
			}
			start := len(levels) - len(young)
			var at []int
			for i, x := range young {
				if x == l {
					at = append(at, start+i)
				}
			}
			if len(at) >= fanIn {
				require.True(t, ok)
				want := catalog.Tiers{From: at[0], To: at[len(at)-1] + 1, Level: l + 1}
				if want.From == 0 && len(at) > 2 && lengths != nil && 2*lengths[0] > sum(lengths[:want.To]) {
					want.From, want.Lifted = 1, true
				}
				require.Equal(t, want, p)
				return
			}
		}
		require.False(t, ok)
	})
}

func sum(ns []int64) (all int64) {
	for _, n := range ns {
		all += n
	}
	return all
}

// TestSealedBytesAreBounded reads what is as long as it may be, and refuses one byte more.
func TestSealedBytesAreBounded(t *testing.T) {
	const most = 64 << 20
	for _, over := range []int{0, 1} {
		b, err := catalog.Seal("t", 1, strings.Repeat("x", most-len("t 1 12345678\n\"\"\n")+over))
		require.NoError(t, err)
		require.Len(t, b, most+over)
		var got string
		if err = catalog.Unseal("t", 1, b, &got); over == 0 {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, store.ErrCorrupt)
		require.ErrorContains(t, err, "67108865 bytes")
	}
}

// TestExtensions holds the letters that an extension may have.
func TestExtensions(t *testing.T) {
	for ext, ok := range map[string]bool{"a": true, "az": true, "z": true, "": false, "`": false, "{": false, "lo g": false} {
		s := good()
		s.Parts[2].Ext = ext
		b, err := s.Encode()
		require.NoError(t, err)
		_, err = catalog.Decode(b)
		require.Equal(t, ok, err == nil, "%q: %v", ext, err)
	}
}

// TestPickAround compares it with looking at each stretch between parts that cannot be
// read for itself.
func TestPickAround(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "parts")
		levels := rapid.SliceOfN(rapid.IntRange(0, 2), n, n).Draw(t, "levels")
		lengths := rapid.SliceOfN(rapid.Int64Range(1, 9), n, n).Draw(t, "lengths")
		bad := rapid.SliceOfN(rapid.IntRange(0, 3), n, n).Draw(t, "spoiled where 0")
		spoiled := func(i int) bool { return bad[i] == 0 }
		var want catalog.Tiers
		found := false
		for from := 0; from <= n; from++ { // the last stretch that has one counts
			to := from
			for to < n && !spoiled(to) {
				to++
			}
			var of []int64
			if from == 0 {
				of = lengths[:to]
			}
			if s, ok := catalog.Pick(levels[from:to], of, 3); ok {
				s.From, s.To = s.From+from, s.To+from
				want, found = s, true
			}
			from = to
		}
		got, ok := catalog.PickAround(levels, lengths, spoiled, 3)
		require.Equal(t, found, ok)
		require.Equal(t, want, got)
	})
}

// TestFormatSaysWhatIsInIt reads the format that a catalog is written in: the least that
// has what it says, so that who cannot read it is told so.
func TestFormatSaysWhatIsInIt(t *testing.T) {
	s := good()
	format := func() string {
		b, err := s.Encode()
		require.NoError(t, err)
		_, err = catalog.Decode(b)
		require.NoError(t, err)
		return strings.Fields(string(b))[2]
	}
	require.Equal(t, "2", format())
	s.Parts[0].Uploaded = &seg
	require.Equal(t, "3", format())
	s.Parts[0].Uploaded = nil
	s.Parts[1] = catalog.Part{Number: 5, Ext: "log", Length: 40, Hash: seg.Hash, Remote: []store.Segment{seg, part}}
	require.Equal(t, "2", format(), "a part of all keys, one of whose segments is not")
	s.Parts[1].Remote = s.Parts[1].Remote[:1]
	require.Equal(t, "1", format())
	s.Parts = s.Parts[2:]
	s.Published = 0
	require.Equal(t, "1", format())
	for _, change := range []func(){
		func() { s.Seen = &store.Ref{} }, func() { s.ParentManifest = "man" }, func() { s.Writer.Number = 1 },
	} {
		before := s
		change()
		require.Equal(t, "4", format())
		s = before
	}
}
