package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// tester is what a test and a property of rapid have in common.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
}

const category = vfs.WriteCategoryUnspecified

func newFS(t tester, o FSOptions) *FS {
	t.Helper()
	f, err := NewFS(o)
	require.NoError(t, err)
	require.NoError(t, f.MkdirAll("d/e", 0o755))
	return f
}

// put creates a file with content and, as told, syncs it and its directory.
func put(t tester, f *FS, name, content string, sync, syncDir bool) vfs.File {
	t.Helper()
	h, err := f.Create(name, category)
	require.NoError(t, err)
	_, err = h.Write([]byte(content))
	require.NoError(t, err)
	if sync {
		require.NoError(t, h.Sync())
	}
	if syncDir {
		dirSync(t, f, f.PathDir(name))
	}
	return h
}

func dirSync(t tester, f *FS, dir string) {
	t.Helper()
	d, err := f.OpenDir(dir)
	require.NoError(t, err)
	require.NoError(t, d.Sync())
	require.NoError(t, d.Close())
}

func content(t tester, f *FS, name string) string {
	t.Helper()
	h, err := f.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "-"
	}
	require.NoError(t, err)
	b, err := io.ReadAll(h)
	require.NoError(t, err)
	require.NoError(t, h.Close())
	return string(b)
}

func TestSyncedBytesAndNamesSurviveAndOthersDoNot(t *testing.T) {
	f := newFS(t, FSOptions{})
	put(t, f, "d/both", "1", true, true)
	h := put(t, f, "d/more", "22", true, true)
	_, err := h.Write([]byte("33"))
	require.NoError(t, err)
	put(t, f, "d/noname", "4", true, false)
	put(t, f, "d/e/nobytes", "5", false, true)
	require.Equal(t, "2233", content(t, f, "d/more"))
	f.PowerCut()
	require.Equal(t, "1", content(t, f, "d/both"))
	require.Equal(t, "22", content(t, f, "d/more"))
	require.Equal(t, "-", content(t, f, "d/noname"))
	require.Empty(t, content(t, f, "d/e/nobytes"), "its name is all that is left")
	_, err = h.Write([]byte("x"))
	require.ErrorIs(t, err, ErrCrashed, "a handle of before is dead")
}

func TestRenameIsAtomicAndDurableWithItsDirectory(t *testing.T) {
	for _, sync := range []bool{false, true} {
		f := newFS(t, FSOptions{})
		put(t, f, "d/old", "old", true, true)
		put(t, f, "d/tmp", "new", true, true)
		require.NoError(t, f.Rename("d/tmp", "d/old"))
		require.Equal(t, "new", content(t, f, "d/old"))
		require.Equal(t, "-", content(t, f, "d/tmp"))
		if sync {
			dirSync(t, f, "d")
		}
		f.PowerCut()
		want := map[bool][2]string{true: {"new", "-"}, false: {"old", "new"}}[sync]
		require.Equal(t, want, [2]string{content(t, f, "d/old"), content(t, f, "d/tmp")})
	}
}

// siteFS answers one site always with one value.
func siteFS(t testing.TB, site string, v uint64, o FSOptions) *FS {
	o.Source = answerer(func(p choice.Point) uint64 {
		if p.Site == site {
			return min(v, p.N-1)
		}
		return 0
	})
	return newFS(t, o)
}

type answerer func(choice.Point) uint64

func (a answerer) Choose(p choice.Point) uint64 { return a(p) }

func TestACrashMayKeepWhatWasNotSynced(t *testing.T) {
	f := siteFS(t, "fs.crash.write", 1, FSOptions{Crash: sim.Low})
	put(t, f, "d/a", "kept", false, true)
	put(t, f, "d/b", "noname", false, false)
	f.PowerCut()
	require.Equal(t, "kept", content(t, f, "d/a"))
	require.Equal(t, "-", content(t, f, "d/b"))
	f = siteFS(t, "fs.crash.name", 1, FSOptions{Crash: sim.Low})
	put(t, f, "d/b", "bytes", false, false)
	f.PowerCut()
	require.Empty(t, content(t, f, "d/b"))
	require.Equal(t, FSStats{NamesKept: 1, Lost: 1}, f.Stats())
}

func TestATornWriteKeepsSomeSectorsAndCutsOne(t *testing.T) {
	shapes := map[string]bool{}
	for i := range 40 {
		f := siteFS(t, "fs.crash.write", 2, FSOptions{Crash: sim.Low, Sector: 4, Disk: i})
		h := put(t, f, "d/a", "................", true, true)
		_, err := h.WriteAt([]byte("AAAABBBBCCCCDDDD"), 0)
		require.NoError(t, err)
		f.PowerCut()
		got := content(t, f, "d/a")
		require.Len(t, got, 16)
		cut := 0
		for s := range 4 {
			sector := got[4*s : 4*s+4]
			full := "AAAABBBBCCCCDDDD"[4*s : 4*s+4]
			n := 0
			for n < 4 && sector[n] == full[n] {
				n++
			}
			require.Equal(t, full[:n]+"...."[n:], sector, "a sector keeps its first bytes, or none, or all")
			if n > 0 && n < 4 {
				cut++
			}
		}
		require.LessOrEqual(t, cut, 1)
		shapes[got] = true
	}
	require.Greater(t, len(shapes), 15)
}

func TestInjectedErrorsLeaveWhatTheyShould(t *testing.T) {
	f := siteFS(t, "fs.write", 1, FSOptions{Errors: sim.Low})
	h, err := f.Create("d/a", category)
	require.NoError(t, err)
	_, err = h.Write([]byte("abcd"))
	require.ErrorIs(t, err, syscall.EIO)
	require.Empty(t, content(t, f, "d/a"))

	f = siteFS(t, "fs.write", 2, FSOptions{Errors: sim.Low})
	h, err = f.Create("d/a", category)
	require.NoError(t, err)
	_, err = h.Write([]byte("abcd"))
	require.ErrorIs(t, err, syscall.ENOSPC)

	f = siteFS(t, "fs.write", 3, FSOptions{Errors: sim.Low})
	h, err = f.Create("d/a", category)
	require.NoError(t, err)
	n, err := h.Write([]byte("abcd"))
	require.ErrorIs(t, err, io.ErrShortWrite)
	require.Equal(t, 2, n)
	require.Equal(t, "ab", content(t, f, "d/a"))

	f = siteFS(t, "fs.read", 1, FSOptions{Errors: sim.Low})
	h = put(t, f, "d/a", "abcd", true, true)
	_, err = h.ReadAt(make([]byte, 4), 0)
	require.ErrorIs(t, err, syscall.EIO)
	f = siteFS(t, "fs.read", 2, FSOptions{Errors: sim.Low})
	h = put(t, f, "d/a", "abcd", true, true)
	n, err = h.ReadAt(make([]byte, 4), 0)
	require.Error(t, err)
	require.Equal(t, 2, n)

	f = siteFS(t, "fs.open", 1, FSOptions{Errors: sim.Low})
	_, err = f.Create("d/a", category)
	require.ErrorIs(t, err, syscall.EIO)
	require.Equal(t, "-", content(t, f, "d/a"))
	require.Equal(t, int64(1), f.Stats().Errors)
}

func TestAFailedSyncLosesForGoodWhatReadsStillShow(t *testing.T) {
	failing := true
	f := newFS(t, FSOptions{Errors: sim.Low, Source: answerer(func(p choice.Point) uint64 {
		if p.Site == "fs.sync" && failing {
			return 1
		}
		return 0
	})})
	h, err := f.Create("d/a", category)
	require.NoError(t, err)
	dirSync(t, f, "d")
	_, err = h.Write([]byte("lost"))
	require.NoError(t, err)
	require.ErrorIs(t, h.Sync(), syscall.EIO)
	failing = false
	require.NoError(t, h.Sync(), "a second sync has nothing to do")
	require.Equal(t, "lost", content(t, f, "d/a"))
	f.PowerCut()
	require.Empty(t, content(t, f, "d/a"))
}

func TestAMisdirectedWriteLandsInAnotherSector(t *testing.T) {
	armed := false
	f := newFS(t, FSOptions{Misdirect: sim.Low, Sector: 4, Source: answerer(func(p choice.Point) uint64 {
		if p.Site == "fs.misdirect" && armed {
			return 1
		}
		return 0
	})})
	h := put(t, f, "d/a", "aaaabbbbcccc", true, true)
	armed = true
	_, err := h.WriteAt([]byte("XX"), 4)
	require.NoError(t, err)
	require.Equal(t, "aaaabbbbXXcc", content(t, f, "d/a"))
	require.NoError(t, h.Sync())
	f.PowerCut()
	require.Equal(t, "aaaabbbbXXcc", content(t, f, "d/a"))
	require.Equal(t, int64(1), f.Stats().Misdirected)
}

func TestRotFlipsOneBitAndTheBudgetKeepsACopy(t *testing.T) {
	budget := &Budget{Copies: 3}
	spoiled := 0
	for disk := range 3 {
		f := siteFS(t, "fs.rot", 6, FSOptions{Rot: sim.Low, Disk: disk, Budget: budget})
		put(t, f, "d/a", "aaaa", true, true)
		put(t, f, "d/b", "aaaa", true, true)
		f.PowerCut()
		a, b := content(t, f, "d/a"), content(t, f, "d/b")
		require.Equal(t, a, b)
		if disk < 2 {
			require.Equal(t, "Aaaa", a)
			spoiled++
		} else {
			require.Equal(t, "aaaa", a, "the last copy is spared")
			require.Equal(t, int64(2), f.Stats().Spared)
		}
	}
	require.Equal(t, 2, spoiled)
	byName := &Budget{Copies: 2, Unit: func(name string) string { return name }}
	require.True(t, byName.take(0, "x"))
	require.True(t, byName.take(1, "y"))
	require.False(t, byName.take(1, "x"))
	require.True(t, byName.take(0, "x"), "what is spoiled may be spoiled more")
}

func TestCrashAtStopsTheMachineAtAnOperation(t *testing.T) {
	f := newFS(t, FSOptions{})
	h := put(t, f, "d/a", "1", true, true)
	f.CrashAt(f.Ops() + 2)
	_, err := h.Write([]byte("2"))
	require.NoError(t, err)
	require.ErrorIs(t, h.Sync(), ErrCrashed)
	_, err = h.Write([]byte("3"))
	require.ErrorIs(t, err, ErrCrashed)
	_, err = f.Create("d/b", category)
	require.ErrorIs(t, err, ErrCrashed)
	_, err = h.ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, ErrCrashed)
	f.PowerCut()
	require.Equal(t, "1", content(t, f, "d/a"))
	put(t, f, "d/c", "goes on", true, true)
}

func TestWhatSurvivesIsTheSyncedWithSomeOfTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, err := NewFS(FSOptions{Crash: sim.Extreme, Sector: 4, Source: choice.FromRapid(t)})
		require.NoError(t, err)
		h := put(t, f, "a", "", true, true)
		size, synced := 32, 0
		may := make([]map[byte]bool, size) // what each byte may be
		for i := range may {
			may[i] = map[byte]bool{0: true}
		}
		now := make([]byte, size)
		for i := range rapid.IntRange(1, 12).Draw(t, "operations") {
			if rapid.IntRange(0, 3).Draw(t, "sync") == 0 {
				require.NoError(t, h.Sync())
				synced = max(synced, len(content(t, f, "a")))
				for at := range may {
					may[at] = map[byte]bool{now[at]: true}
				}
				continue
			}
			off := rapid.IntRange(0, size-1).Draw(t, "offset")
			p := bytes.Repeat([]byte{byte(i + 1)}, rapid.IntRange(1, size-off).Draw(t, "length"))
			_, err := h.WriteAt(p, int64(off))
			require.NoError(t, err)
			copy(now[off:], p)
			for j := range p {
				may[off+j][byte(i+1)] = true
			}
		}
		require.Equal(t, string(now[:len(content(t, f, "a"))]), content(t, f, "a"))
		f.PowerCut()
		got := content(t, f, "a")
		require.GreaterOrEqual(t, len(got), synced)
		for at := range got {
			require.True(t, may[at][got[at]], "byte %d is %d, may be %v", at, got[at], may[at])
		}
	})
}

func TestACloneIsApart(t *testing.T) {
	f := newFS(t, FSOptions{})
	h := put(t, f, "d/a", "1", true, true)
	var clone *FS
	f.CloneAt(f.Ops()+2, func(c *FS) { clone = c })
	for range 3 {
		_, err := h.Write([]byte("2"))
		require.NoError(t, err)
	}
	require.Equal(t, "1222", content(t, f, "d/a"))
	require.Equal(t, "12", content(t, clone, "d/a"))
	clone.PowerCut()
	require.Equal(t, "1", content(t, clone, "d/a"))
	require.NoError(t, h.Sync(), "the original goes on")
}

// storer is an actor on a file system.
type storer struct{ f *FS }

func (s storer) Start(*sim.Context)                       {}
func (s storer) Receive(*sim.Context, sim.NodeID, []byte) {}
func (s storer) Timer(*sim.Context, sim.TimerID)          {}
func (s storer) Input(c *sim.Context, id uint64) {
	h, err := s.f.Create(fmt.Sprint(id), category)
	if err == nil && id%2 == 0 {
		var dir vfs.File
		if dir, err = s.f.OpenDir("."); err == nil {
			err = dir.Sync()
		}
	}
	if err == nil {
		err = h.Close()
	}
	if err != nil {
		c.Fail(err)
	}
}

func TestAFileSystemIsADeviceThatCrashesWithItsNode(t *testing.T) {
	f := newFS(t, FSOptions{})
	w, err := sim.New(sim.Options{Nodes: 1, Device: func(sim.NodeID) sim.Device { return f },
		Factory: func(sim.NodeID) sim.Actor { return storer{f} }})
	require.NoError(t, err)
	for id := range uint64(4) {
		require.NoError(t, w.Inject(sim.Time(id), 0, id))
	}
	require.NoError(t, w.RunUntil(sim.Second))
	require.NoError(t, w.Crash(0))
	names, err := f.List(".")
	require.NoError(t, err)
	require.Equal(t, []string{"0", "1", "2", "d"}, names, "3 was not synced")
}

// TestAlive: the machine stops at the operation before which it is said to be dead, for
// good, and what was synced before is there after the power cut.
func TestAlive(t *testing.T) {
	left := 5
	fs, err := NewFS(FSOptions{Alive: func() bool { left--; return left >= 0 }})
	require.NoError(t, err)
	f, err := fs.Create("f", category) // 1
	require.NoError(t, err)
	dir, err := fs.OpenDir(".")
	require.NoError(t, err)
	require.NoError(t, dir.Sync()) // 2
	_, err = f.Write([]byte("ab")) // 3
	require.NoError(t, err)
	require.NoError(t, f.Sync())   // 4
	_, err = f.Write([]byte("cd")) // 5
	require.NoError(t, err)
	require.ErrorIs(t, f.Sync(), ErrCrashed)
	left = 100
	require.ErrorIs(t, f.Sync(), ErrCrashed, "it stays so")
	_, err = f.ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, ErrCrashed)
	fs.PowerCut()
	g, err := fs.Open("f")
	require.NoError(t, err)
	b := make([]byte, 4)
	n, err := g.ReadAt(b, 0)
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, "ab", string(b[:n]))
}

// TestClone: a copy has what is not durable too, and nothing that happens to one of the two
// is seen in the other.
func TestClone(t *testing.T) {
	fs, err := NewFS(FSOptions{})
	require.NoError(t, err)
	f, err := fs.Create("f", category)
	require.NoError(t, err)
	_, err = f.Write([]byte("ab"))
	require.NoError(t, err)
	copied := fs.Clone()
	_, err = f.WriteAt([]byte("x"), 0)
	require.NoError(t, err)
	read := func(fs *FS) string {
		f, err := fs.Open("f")
		if err != nil {
			return ""
		}
		b := make([]byte, 8)
		n, err := f.ReadAt(b, 0)
		require.ErrorIs(t, err, io.EOF)
		return string(b[:n])
	}
	require.Equal(t, "ab", read(copied))
	require.Equal(t, "xb", read(fs))
	copied.PowerCut()
	require.Empty(t, read(copied))
	require.Equal(t, "xb", read(fs))
}

// TestCloneOfWhatHasPassed: a copy that was asked for at an operation which others have come to
// meanwhile is made before the next one, once.
func TestCloneOfWhatHasPassed(t *testing.T) {
	f := newFS(t, FSOptions{})
	write := func(name string) {
		x, err := f.Create(name, vfs.WriteCategoryUnspecified)
		require.NoError(t, err)
		require.NoError(t, x.Close())
	}
	at := f.Ops() + 1
	write("a")
	copies := 0
	f.CloneAt(at, func(c *FS) {
		copies++
		_, err := c.Stat("a")
		require.NoError(t, err)
		_, err = c.Stat("b")
		require.Error(t, err)
	})
	write("b")
	write("c")
	require.Equal(t, 1, copies)
}
