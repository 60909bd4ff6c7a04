package pebble

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var errNoRoom = errors.New("no room")

// limited is a file system that takes so many changes of files and names and refuses all from then on,
// but for half the bytes of a write.
type limited struct {
	vfs.FS
	left, refused *int
}

func (l limited) change() error {
	if *l.left > 0 {
		*l.left--
		return nil
	}
	*l.refused++
	return errNoRoom
}

func (l limited) file(f vfs.File, err error) (vfs.File, error) { return limitedFile{f, l}, err }

func (l limited) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := l.change(); err != nil {
		return nil, err
	}
	return l.file(l.FS.Create(name, c))
}

func (l limited) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := l.change(); err != nil {
		return nil, err
	}
	return l.file(l.FS.ReuseForWrite(old, name, c))
}

func (l limited) Rename(from, to string) error {
	if err := l.change(); err != nil {
		return err
	}
	return l.FS.Rename(from, to)
}

type limitedFile struct {
	vfs.File
	fs limited
}

func (f limitedFile) Write(p []byte) (int, error) {
	if err := f.fs.change(); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f limitedFile) Sync() error {
	if err := f.fs.change(); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f limitedFile) SyncData() error { return f.Sync() }

// guardTwin is what files of a database have by what the guard was told, and the guard.
type guardTwin struct {
	g     *guard
	names []string // of closed files
	has   map[string][]byte
	tail  map[string]bool // files behind whose bytes those of another may stand
	next  int
}

func (w *guardTwin) name(t *rapid.T) string {
	w.next++
	return fmt.Sprintf("db/%06d.%s", w.next, rapid.SampledFrom([]string{"sst.tmp", "dbtmp", "log"}).Draw(t, "kind"))
}

// write writes a file to its end.
func (w *guardTwin) write(t *rapid.T, name string, f vfs.File, err error) {
	require.NoError(t, err)
	w.has[name] = []byte{}
	for range rapid.IntRange(0, 4).Draw(t, "writes") {
		p := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")
		w.has[name] = append(w.has[name], p...)
		n, err := f.Write(p) // which may change p
		require.NoError(t, err)
		require.Equal(t, len(p), n)
		info, err := f.Stat()
		require.NoError(t, err)
		w.size(t, name, info)
		if rapid.Bool().Draw(t, "sync") {
			require.NoError(t, f.Sync())
		}
	}
	require.NoError(t, f.SyncData())
	require.NoError(t, f.Close())
	w.names = append(w.names, name)
}

// size holds a file's length against its twin.
func (w *guardTwin) size(t *rapid.T, name string, info vfs.FileInfo) {
	if !w.tail[name] {
		require.Equal(t, int64(len(w.has[name])), info.Size())
	}
	require.GreaterOrEqual(t, info.Size(), int64(len(w.has[name])))
}

// take takes one of the closed files out, if there is one.
func (w *guardTwin) take(t *rapid.T) (name string, ok bool) {
	if len(w.names) == 0 {
		return "", false
	}
	i := rapid.IntRange(0, len(w.names)-1).Draw(t, "file")
	name = w.names[i]
	w.names = append(w.names[:i:i], w.names[i+1:]...)
	return name, true
}

// read holds a file against its twin: its length, a stretch of it, and all of it. Behind what was
// written to a file that was made of another there may be bytes of that.
func (w *guardTwin) read(t *rapid.T, name string) {
	want := w.has[name]
	info, err := w.g.Stat(name)
	require.NoError(t, err)
	w.size(t, name, info)
	f, err := w.g.Open(name)
	require.NoError(t, err)
	from := rapid.IntRange(0, len(want)).Draw(t, "from")
	p := make([]byte, rapid.IntRange(1, len(want)+3).Draw(t, "n"))
	n, err := f.ReadAt(p, int64(from))
	require.GreaterOrEqual(t, n, min(len(p), len(want)-from))
	if n < len(p) {
		require.ErrorIs(t, err, io.EOF)
	} else {
		require.NoError(t, err)
	}
	got := p[:min(n, len(want)-from)]
	require.Equal(t, string(want[from:from+len(got)]), string(got), "%s from %d on", name, from)
	all, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Len(t, all, int(info.Size()))
	require.Equal(t, string(want), string(all[:len(want)]), name)
	require.NoError(t, f.Close())
}

// TestGuardIsTheDisk writes, renames, reuses, removes and reads files behind a guard while the disk
// refuses every change from some moment on: whoever uses the guard is told of no failure and reads
// what was written, and the disk is not asked for another change.
func TestGuardIsTheDisk(t *testing.T) {
	mixed := 0
	rapid.Check(t, func(t *rapid.T) {
		left, refused := rapid.IntRange(0, 40).Draw(t, "changes"), 0
		below := limited{vfs.NewMem(), &left, &refused}
		require.NoError(t, below.MkdirAll("db", 0o700))
		w := &guardTwin{g: newGuard(below, "db"), has: map[string][]byte{}, tail: map[string]bool{}}
		for range rapid.IntRange(1, 30).Draw(t, "operations") {
			switch rapid.IntRange(0, 5).Draw(t, "operation") {
			case 0, 1:
				name := w.name(t)
				f, err := w.g.Create(name, vfs.WriteCategoryUnspecified)
				w.write(t, name, f, err)
			case 2:
				if from, ok := w.take(t); ok {
					to := w.name(t)
					require.NoError(t, w.g.Rename(from, to))
					w.names, w.has[to], w.tail[to] = append(w.names, to), w.has[from], w.tail[from]
				}
			case 3:
				if old, ok := w.take(t); ok {
					name := w.name(t)
					w.tail[name] = true
					f, err := w.g.ReuseForWrite(old, name, vfs.WriteCategoryUnspecified)
					w.write(t, name, f, err)
				}
			case 4:
				if name, ok := w.take(t); ok {
					require.NoError(t, w.g.Remove(name))
				}
			case 5:
				for _, name := range w.names {
					w.read(t, name)
				}
			}
		}
		for _, name := range w.names {
			w.read(t, name)
			if s := w.g.shadowOf(name); s != nil && s.base > 0 && len(s.data) > 0 {
				mixed++
			}
		}
		require.LessOrEqual(t, refused, 1, "changes that the disk was asked for after the first it refused")
		if refused > 0 {
			require.ErrorIs(t, w.g.failed(), errNoRoom)
		} else {
			require.NoError(t, w.g.failed())
		}
	})
	require.Positive(t, mixed, "files of which the disk has a part")
}
