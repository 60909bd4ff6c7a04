package snapshot

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

func goodHead() head {
	return head{Epoch: 3, Last: 5, Versions: []entry{
		{2, object{manifestKind, store.Hash{1}, 1}.String()}, {5, object{manifestKind, store.Hash{2}, 3}.String()},
	}}
}

func goodManifest() manifest {
	return manifest{
		Manifest: store.Manifest{Version: 5, Parent: 2, Engine: "e", Format: 1, Segments: []store.Segment{{Hash: store.Hash{9}, Length: 7}}},
		Epochs:   []uint64{2},
	}
}

func TestHeadIsRefused(t *testing.T) {
	for name, change := range map[string]func(*head){
		"no epoch":         func(h *head) { h.Epoch = 0 },
		"no versions":      func(h *head) { h.Versions = nil },
		"out of order":     func(h *head) { h.Versions[0].Version = 6 },
		"twice":            func(h *head) { h.Versions[0].Version = 5 },
		"last is not last": func(h *head) { h.Last = 6 },
		"version 0":        func(h *head) { h.Versions[0].Version = 0 },
		"a segment":        func(h *head) { h.Versions[0].Manifest = object{segmentKind, store.Hash{1}, 1}.String() },
		"a path":           func(h *head) { h.Versions[0].Manifest = "../x" },
	} {
		h := goodHead()
		change(&h)
		b, err := h.encode()
		require.NoError(t, err)
		_, err = decodeHead(b)
		require.ErrorIs(t, err, store.ErrCorrupt, name)
	}
}

func TestManifestIsRefused(t *testing.T) {
	for name, change := range map[string]func(*manifest){
		"no version":      func(m *manifest) { m.Version = 0 },
		"epochs":          func(m *manifest) { m.Epochs = nil },
		"negative length": func(m *manifest) { m.Segments[0].Length = -1 },
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
	hb, err := h.encode()
	require.NoError(f, err)
	mb, err := m.encode()
	require.NoError(f, err)
	f.Add(hb)
	f.Add(mb)
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := decodeHead(b); err == nil && len(b) > 0 {
			again, err := h.encode()
			require.NoError(t, err)
			h2, err := decodeHead(again)
			require.NoError(t, err)
			require.Equal(t, h, h2)
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
