package logset

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store/internal/record"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// written is a record of a file that stands in memory.
type written struct {
	kind record.Kind
	key  string
	off  int64
	size int
}

// history is files with their records, oldest first, and what they say.
type history struct {
	files   []*File
	records map[uint64][]written
	next    uint64
}

func (h *history) file(at int) *File {
	h.next++
	f := &File{number: h.next, salt: uint32(h.next) * 3, length: record.HeaderBytes}
	h.files = slices.Insert(h.files, at, f)
	return f
}

func (h *history) add(f *File, kind record.Kind, key string) {
	size := record.Size(len(key), 9)
	h.records[f.number] = append(h.records[f.number], written{kind, key, f.length, size})
	f.length += int64(size)
}

// state is where each key's value is, by going through all records.
func (h *history) state() map[string]Place {
	m := map[string]Place{}
	for i, f := range h.files {
		f.slot = i
		for _, r := range h.records[f.number] {
			if delete(m, r.key); r.kind == record.Value {
				m[r.key] = placeOf(i, r.off, r.size)
			}
		}
	}
	return m
}

// merge puts one file in the place of some, by the rule of merges: the values that count, and
// tombstones of keys that have none, unless nothing is older.
func (h *history) merge(from, to int) {
	now, inputs := h.state(), slices.Clone(h.files[from:to])
	h.files = slices.Delete(h.files, from, to)
	out, buried := h.file(from), map[string]bool{}
	for i, f := range inputs {
		for _, r := range h.records[f.number] {
			p, live := now[r.key]
			switch {
			case r.kind == record.Value && live && p == placeOf(from+i, r.off, r.size):
				h.add(out, record.Value, r.key)
			case r.kind == record.Tombstone && !live && from > 0 && !buried[r.key]:
				buried[r.key] = true
				h.add(out, record.Tombstone, r.key)
			}
		}
	}
}

func (h *history) draw(t *rapid.T) {
	f := h.file(len(h.files))
	for range rapid.IntRange(1, 6).Draw(t, "records") {
		kind := rapid.SampledFrom([]record.Kind{record.Value, record.Value, record.Tombstone}).Draw(t, "kind")
		h.add(f, kind, fmt.Sprint("key ", rapid.IntRange(0, 7).Draw(t, "key")))
	}
}

// TestReplayOnSaved draws files, saves the index, goes on with the files and merges any of them,
// and has the index be made of the saved one and what that does not know: it says what going
// through all records says, and so do the bytes that count of each file.
func TestReplayOnSaved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{records: map[uint64][]written{}}
		for range rapid.IntRange(1, 5).Draw(t, "files") {
			h.draw(t)
		}
		x := NewIndex()
		for key, p := range h.state() {
			x.Put([]byte(key), p)
		}
		b := encodeSaved(x, h.files)
		for range rapid.IntRange(0, 6).Draw(t, "changes") {
			switch from := rapid.IntRange(0, len(h.files)-1).Draw(t, "from"); {
			case rapid.Bool().Draw(t, "merge"):
				h.merge(from, rapid.IntRange(from+1, len(h.files)).Draw(t, "to"))
			default: // the last one grows, or another is begun
				if rapid.Bool().Draw(t, "grows") {
					h.add(h.files[len(h.files)-1], record.Value, fmt.Sprint("key ", from))
				} else {
					h.draw(t)
				}
			}
		}
		want := h.state()
		s := &Set{view: newView()}
		s.slots = h.files
		d, err := decodeSaved(bytes.NewReader(b), int64(len(b)), h.files)
		require.NoError(t, err)
		s.view.index = d.index
		for _, k := range d.known {
			if k.slot != goneSlot {
				h.files[k.slot].known = k.length
			}
		}
		into := &replay{view: s.view, base: d}
		for _, f := range h.files {
			for _, r := range h.records[f.number] {
				if r.off >= f.known {
					into.add(f, r.kind, []byte(r.key), r.off, r.size)
				}
			}
			if rapid.Bool().Draw(t, "at once") {
				into.run()
			}
		}
		require.NoError(t, into.end())
		checkIndex(t, s.view.index, want)
		live := make([]int64, len(h.files))
		for _, p := range want {
			live[p.Slot()] += int64(p.Size)
		}
		for i, f := range h.files {
			require.Equal(t, live[i], f.live)
		}
	})
}

// TestReplayTakesBack adds records of a tail and takes some of them back.
func TestReplayTakesBack(t *testing.T) {
	f := &File{length: 1000}
	v := newView()
	v.slots = []*File{f}
	into := &replay{view: v, hold: true}
	for i := range 10 {
		into.add(f, record.Value, fmt.Appendf(nil, "key %d", i%5), int64(20+i), 15)
	}
	into.cut(7)
	into.hold = false
	require.NoError(t, into.end())
	checkIndex(t, v.index, map[string]Place{
		"key 0": placeOf(0, 25, 15), "key 1": placeOf(0, 26, 15), "key 2": placeOf(0, 22, 15),
		"key 3": placeOf(0, 23, 15), "key 4": placeOf(0, 24, 15),
	})
	require.Equal(t, int64(75), f.live)
}

// TestReplayKnowsYounger has a record of an older file come after the saved index has the key in
// a younger one.
func TestReplayKnowsYounger(t *testing.T) {
	for _, kind := range []record.Kind{record.Value, record.Tombstone} {
		files := []*File{{number: 1, length: 1000}, {number: 2, slot: 1, length: 1000}}
		x, p := NewIndex(), placeOf(1, 50, 20)
		x.Put([]byte("key"), p)
		b := encodeSaved(x, files)
		d, err := decodeSaved(bytes.NewReader(b), int64(len(b)), files)
		require.NoError(t, err)
		v := &view{slots: files, index: d.index}
		into := &replay{view: v, base: d}
		into.add(files[0], kind, []byte("key"), 100, 20)
		require.NoError(t, into.end())
		checkIndex(t, v.index, map[string]Place{"key": p})
		require.Equal(t, []int64{0, 20}, []int64{files[0].live, files[1].live})
	}
}

// TestSavedGivenUp gives up a saved index while its file is written without the lock, and before.
func TestSavedGivenUp(t *testing.T) {
	for _, away := range []bool{false, true} {
		d := newDisk(t)
		s := openSet(t, d)
		addLog(t, s, 1)
		s.mu.Lock()
		require.NoError(t, s.beginCheckpoint(nil))
		c := s.check
		if away {
			require.NoError(t, s.apart(c, func() error {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.dropCheckpoint()
				return nil
			}))
		} else {
			s.dropCheckpoint()
		}
		require.NoError(t, s.left)
		_, err := d.Stat(s.home.Path(c.number, savedExt))
		require.Error(t, err)
		s.mu.Unlock()
		closeSet(t, s)
	}
}

// TestTailBesideSaved writes on and on: whenever background work rests, the files of which the
// saved index does not know hold less than is allowed, and what the index on the disk knows is so.
func TestTailBesideSaved(t *testing.T) {
	d := newDisk(t)
	s := openSet(t, d)
	saves := map[uint64]bool{}
	for i := range 200 {
		addLog(t, s, i)
		rest(t, s)
		var fresh int64
		for _, f := range s.files {
			fresh += f.length - f.known
		}
		require.Less(t, fresh, s.enough()+int64(len(s.files))*record.HeaderBytes)
		require.Equal(t, s.home.State().Index, s.saved.number)
		saves[s.saved.number] = true
	}
	require.Greater(t, len(saves), 10)
	names, err := d.List("dir")
	require.NoError(t, err)
	indices := 0
	for _, n := range names {
		if bytes.HasSuffix([]byte(n), []byte("."+savedExt)) {
			indices++
		}
	}
	require.Equal(t, 1, indices)
	want := map[string]int64{}
	for k := range s.index.All() {
		want[string(k)]++
	}
	d.PowerCut()
	s = openSet(t, d)
	got := map[string]int64{}
	for k := range s.index.All() {
		got[string(k)]++
	}
	require.Equal(t, want, got)
	require.NotZero(t, s.saved.number)
	closeSet(t, s)
}

// TestRestoredIsSaved restores a version: its files are none that the saved index knows, which is
// gone, and it is saved anew.
func TestRestoredIsSaved(t *testing.T) {
	d := newDisk(t)
	s := openSet(t, d)
	b, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
	require.NoError(t, err)
	s.opts.Archive = snapshot.New(b)
	closeSet(t, s)
	s, err = Open(s.opts, s.mu, s.harden)
	require.NoError(t, err)
	for i := range 20 {
		addLog(t, s, i)
	}
	rest(t, s)
	v, err := s.Snapshot()
	require.NoError(t, err)
	rest(t, s)
	before := s.saved.number
	require.NotZero(t, before)
	require.NoError(t, s.Restore(v))
	var all int64
	for _, f := range s.files {
		require.Zero(t, f.known)
		all += f.length
	}
	require.Equal(t, all, s.fresh)
	has, err := s.home.Has(before, savedExt)
	require.NoError(t, err)
	require.False(t, has)
	closeSet(t, s)
}

// TestHash holds the hash to what saved indices were written with.
func TestHash(t *testing.T) {
	require.Equal(t, uint64(0xef46db3751d8e999), hashOf(nil))
	require.Equal(t, uint64(0x44bc2cf5ad770999), hashOf([]byte("abc")))
}
