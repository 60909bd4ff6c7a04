package snapshot

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

func goodHead() head {
	versions := func(vs ...store.Version) line {
		l := line{Last: vs[len(vs)-1]}
		for _, v := range vs {
			l.Versions = append(l.Versions, entry{v, object{manifestKind, store.Hash{byte(v)}, uint64(v)}.String()})
		}
		return l
	}
	return head{Epoch: 3, Writers: 4, line: versions(2, 5), Branches: []branch{{"a", versions(2)}, {"b.1-C", versions(7, 8)}}}
}

var goodWriter = store.Writer{Number: 2, First: object{manifestKind, store.Hash{6}, 1}.String()}

func goodManifest() manifest {
	return manifest{
		Manifest: store.Manifest{Version: 5, Parent: 2, Engine: "e", Format: 1, Writer: goodWriter, Segments: []store.Segment{
			{Hash: store.Hash{9}, Length: 7},
			{Hash: store.Hash{8}, Length: 6, Range: store.KeyRange{From: "a\xff", To: "b"}, Index: store.Hash{7}, IndexLength: 5},
		}},
		Epochs: []uint64{2, 3}, IndexEpochs: []uint64{0, 1},
	}
}

func noPages([]object) ([]page, error) { return nil, store.ErrMissing }

func encoded(b []byte, _ []sealed, err error) ([]byte, error) { return b, err }

func TestHeadIsRefused(t *testing.T) {
	for name, change := range map[string]func(*head){
		"no epoch":         func(h *head) { h.Epoch = 0 },
		"no versions":      func(h *head) { h.Versions = nil },
		"nothing":          func(h *head) { *h = head{Epoch: 1} },
		"writers, no last": func(h *head) { *h = head{Epoch: 1, Writers: 1, line: line{Last: 1}} },
		"empty branch":     func(h *head) { h.Branches[0].line = line{} },
		"branch names":     func(h *head) { h.Branches[0].Name = "b.1-C" },
		"branch order":     func(h *head) { h.Branches[0].Name = "c" },
		"no branch name":   func(h *head) { h.Branches[0].Name = "" },
		"long name":        func(h *head) { h.Branches[1].Name = strings.Repeat("x", MaxBranchName+1) },
		"branch path":      func(h *head) { h.Branches[0].Name = "a/b" },
		"branch versions":  func(h *head) { h.Branches[1].Versions[0].Version = 8 },
		"branch last":      func(h *head) { h.Branches[1].Last = 9 },
		"out of order":     func(h *head) { h.Versions[0].Version = 6 },
		"twice":            func(h *head) { h.Versions[0].Version = 5 },
		"last is not last": func(h *head) { h.Last = 6 },
		"version 0":        func(h *head) { h.Versions[0].Version = 0 },
		"a segment":        func(h *head) { h.Versions[0].Manifest = object{segmentKind, store.Hash{1}, 1}.String() },
		"a path":           func(h *head) { h.Versions[0].Manifest = "../x" },
	} {
		h := goodHead()
		change(&h)
		b, _, err := h.encode()
		require.NoError(t, err)
		_, err = decodeHead(b, noPages)
		require.ErrorIs(t, err, store.ErrCorrupt, name)
	}
}

func TestManifestIsRefused(t *testing.T) {
	for name, change := range map[string]func(*manifest){
		"no version":       func(m *manifest) { m.Version = 0 },
		"epochs":           func(m *manifest) { m.Epochs = nil },
		"negative length":  func(m *manifest) { m.Segments[0].Length = -1 },
		"negative index":   func(m *manifest) { m.Segments[1].IndexLength = -1 },
		"index epochs":     func(m *manifest) { m.IndexEpochs = m.IndexEpochs[:1] },
		"no index epochs":  func(m *manifest) { m.IndexEpochs = nil },
		"index epoch 0":    func(m *manifest) { m.IndexEpochs[1] = 0 },
		"epoch, no index":  func(m *manifest) { m.IndexEpochs[0] = 1 },
		"no index hash":    func(m *manifest) { m.Segments[1].Index = store.Hash{} },
		"no index length":  func(m *manifest) { m.Segments[1].IndexLength = 0 },
		"empty range":      func(m *manifest) { m.Segments[1].Range.To = m.Segments[1].Range.From },
		"first, no writer": func(m *manifest) { m.Writer.Number = 0 },
		"first, no name":   func(m *manifest) { m.Writer.First = "man" },
		"first, a segment": func(m *manifest) { m.Writer.First = m.object(0).String() },
		"long key":         func(m *manifest) { m.Segments[0].Range.From = store.Key(make([]byte, store.MaxKeyBytes+1)) },
	} {
		m := goodManifest()
		change(&m)
		b, err := m.encode()
		require.NoError(t, err)
		_, err = decodeManifest(b)
		require.ErrorIs(t, err, store.ErrCorrupt, name)
	}
	b, err := catalog.Seal(manifestTitle, manifestFormat+1, goodManifest())
	require.NoError(t, err)
	_, err = decodeManifest(b)
	require.ErrorIs(t, err, store.ErrFormat)
}

// TestFormatSaysWhatIsInIt reads the formats of heads and manifests: the least that has what
// they say, so that code of before reads what it can.
func TestFormatSaysWhatIsInIt(t *testing.T) {
	format := func(b []byte, err error) string {
		require.NoError(t, err)
		return string(bytes.Fields(b)[2])
	}
	h, m := goodHead(), goodManifest()
	require.Equal(t, "3", format(encoded(h.encode())))
	h.Writers = 0
	require.Equal(t, "2", format(encoded(h.encode())))
	h.Branches = nil
	require.Equal(t, "1", format(encoded(h.encode())))
	require.Equal(t, "3", format(m.encode()))
	m.Writer = store.Writer{}
	require.Equal(t, "2", format(m.encode()))
	m.Segments = m.Segments[:1]
	require.Equal(t, "1", format(m.encode()))
	m.Whole = true
	require.Equal(t, "2", format(m.encode()))
}

func TestParseObject(t *testing.T) {
	o := object{segmentKind, store.Hash{1, 0xff}, 12}
	got, ok := parseObject(o.String())
	require.True(t, ok)
	require.Equal(t, o, got)
	for _, name := range []string{
		"", "seg", o.String() + "0x", o.String()[:60], "abc" + o.String()[3:], o.String() + "-1",
		o.String()[:68] + "-012", "seg-" + string(bytes.ToUpper([]byte(o.String()[4:68]))) + "-12",
	} {
		_, ok := parseObject(name)
		require.False(t, ok, name)
	}
}

func FuzzDecode(f *testing.F) {
	h, m := goodHead(), goodManifest()
	hb, _, err := h.encode()
	require.NoError(f, err)
	mb, err := m.encode()
	require.NoError(f, err)
	f.Add(hb)
	f.Add(mb)
	s := shelf{}
	paged := head{Epoch: 3, since: 2, Writers: 1, line: lineOf(1, 260), Branches: []branch{{"a", lineOf(200, 230)}, {"b", lineOf(7, 8)}}}
	s.save(f, &paged)
	pb, _, err := paged.encode()
	require.NoError(f, err)
	f.Add(pb)
	for _, b := range s {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := decodeHead(b, s.read); err == nil && len(b) > 0 {
			mine := maps.Clone(s)
			once, _, _, _ := mine.save(t, &h)
			require.Equal(t, h.lines(), once.lines())
			again, size, fresh, _ := mine.save(t, &once)
			require.Equal(t, once, again)
			require.Zero(t, fresh, "all pages are there")
			require.Less(t, size, len(h.lines())*16*PageItems*200)
		}
		if p, err := decodePage(b); err == nil {
			again, err := catalog.Seal(pageTitle, pageFormat, p)
			require.NoError(t, err)
			p2, err := decodePage(again)
			require.NoError(t, err)
			require.Equal(t, p, p2)
		}
		if m, err := decodeManifest(b); err == nil {
			again, err := m.encode()
			require.NoError(t, err)
			m2, err := decodeManifest(again)
			require.NoError(t, err)
			require.Equal(t, m, m2)
		}
	})
}
