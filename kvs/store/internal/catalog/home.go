package catalog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/joinery-go/joinery/kvs/store"
)

const (
	catalogName = "CATALOG"
	lockName    = "LOCK"
	// VersionsDir may hold an archive.
	VersionsDir = "versions"

	category = vfs.WriteCategoryUnspecified
)

// Home is an engine's directory, held open. It is not safe for concurrent use.
type Home struct {
	opts  store.Options
	fs    vfs.FS
	lock  io.Closer
	state State
	// atLatest says that the directory is empty and begins with the archive's latest version.
	atLatest bool
	// resumed says that nothing was published since the directory was opened.
	resumed bool
	index   func(number uint64) []byte
	whole   func(number uint64) error
	named   bool                // files were created whose names are not durable
	noted   bool                // state is not what the disk has
	later   map[uint64][]string // extensions of numbered files that are written and not synced
}

// OpenHome opens the directory of o for an engine whose files have the extensions
// given, making what is missing, and removes what a crash left over. o has its
// defaults. Errors wrap [store.ErrLocked], [store.ErrForeign], [store.ErrCorrupt],
// [store.ErrFormat], [store.ErrMissing], or what the file system said.
func OpenHome(o store.Options, engine string, exts ...string) (*Home, error) {
	h := &Home{opts: o, fs: o.FS, later: map[uint64][]string{}}
	if err := MakeDir(h.fs, o.Dir); err != nil {
		return nil, fmt.Errorf("open %s: make directory: %w", o.Dir, err)
	}
	names, err := h.fs.List(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Dir, err)
	}
	// Before a lock file is put there, the directory must be known for an engine's.
	if err := h.judge(names, exts); err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Dir, err)
	}
	if h.lock, err = h.fs.Lock(h.path(lockName)); err != nil {
		if noLock(err) {
			return nil, fmt.Errorf("open %s: lock: %w", o.Dir, err)
		}
		return nil, fmt.Errorf("open %s: %w: %w", o.Dir, store.ErrLocked, err)
	}
	if err := h.load(engine, exts); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", o.Dir, err), h.lock.Close())
	}
	return h, nil
}

// noLock reports that taking a lock failed with an error that does not say that somebody holds
// it: the file cannot be made or written. What else there is differs between systems.
func noLock(err error) bool {
	for _, is := range []error{
		fs.ErrPermission, fs.ErrNotExist, syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT, syscall.ENOTDIR, syscall.EISDIR, syscall.EIO,
		syscall.EMFILE, syscall.ENFILE,
	} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// parseNumbered takes the name of a numbered file apart: 8 to 19 digits, a dot, and an extension
// of small letters. ok is false for any other name.
func parseNumbered(name string) (number uint64, ext string, ok bool) {
	digits, ext, ok := strings.Cut(name, ".")
	if !ok || len(digits) < 8 || len(digits) > 19 || ext == "" ||
		strings.ContainsFunc(ext, func(r rune) bool { return r < 'a' || r > 'z' }) ||
		strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, "", false
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, ext, err == nil
}

// judge refuses directories with names that are not an engine's. Those that begin
// with a dot are left alone: desktops and tools put them everywhere.
func (h *Home) judge(names, exts []string) error {
	slices.Sort(names)
	for _, name := range names {
		switch _, ext, is := parseNumbered(name); {
		case name == lockName, name == catalogName, name == catalogName+".tmp", name == VersionsDir:
		case strings.HasPrefix(name, "."):
		case !is || !slices.Contains(exts, ext):
			return fmt.Errorf("%w: it holds %q", store.ErrForeign, name)
		case !slices.Contains(names, catalogName):
			return fmt.Errorf("%w: there is %s and no %s", store.ErrMissing, name, catalogName)
		}
	}
	return nil
}

func (h *Home) load(engine string, exts []string) error {
	names, err := h.fs.List(h.opts.Dir)
	if err != nil {
		return err
	}
	if err := h.judge(names, exts); err != nil {
		return err
	}
	h.resumed = true
	if !slices.Contains(names, catalogName) {
		if err := h.look(); err != nil {
			return err
		}
		return h.Commit(State{Engine: engine, Next: 1, Seen: h.state.Seen})
	}
	b, err := ReadFile(h.fs, h.path(catalogName), maxBytes)
	if err != nil {
		return err
	}
	if h.state, err = Decode(b); err != nil {
		return fmt.Errorf("%s: %w", catalogName, err)
	}
	if h.state.Engine != engine {
		return fmt.Errorf("%w: engine %q, opened as %q", store.ErrForeign, h.state.Engine, engine)
	}
	if !h.state.Begun {
		if err := h.look(); err != nil {
			return err
		}
	}
	// Whoever replaced the catalog may have been killed before its name was durable: a
	// crash could bring the one of before back, so what that names goes only after this.
	if err := SyncDir(h.fs, h.opts.Dir); err != nil {
		return fmt.Errorf("sync %s: %w", h.opts.Dir, err)
	}
	return h.sweep(names)
}

// look sees to what an empty directory has of the archive: it is to open at the latest
// version, or, where that is not wanted, has seen it and begins anew. A directory that has a
// state of its own needs no archive to be opened.
func (h *Home) look() error {
	h.state.Seen = &store.Ref{}
	if h.opts.Archive == nil {
		return nil
	}
	latest, err := h.opts.Archive.Ref(store.Latest)
	if err != nil {
		return fmt.Errorf("read the archive: %w", err)
	}
	if h.atLatest = latest.Version != 0 && !h.opts.Empty; !h.atLatest {
		h.state.Seen = &latest
	}
	return nil
}

// sweep removes numbered files that the catalog does not name, and refuses a
// directory where one that it names is missing or too short.
func (h *Home) sweep(names []string) error {
	parts := map[uint64]Part{}
	for _, p := range h.state.Parts {
		if p.Away {
			continue // what there is of its file is a part that nobody trusts
		}
		parts[p.Number] = p
		info, err := h.fs.Stat(h.Path(p.Number, p.Ext))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s", store.ErrMissing, h.Path(p.Number, p.Ext))
		}
		if err != nil {
			return err
		}
		if info.Size() < p.Length {
			return fmt.Errorf("%w: %s has %d bytes, the catalog knows of %d", store.ErrCorrupt,
				h.Path(p.Number, p.Ext), info.Size(), p.Length)
		}
	}
	for _, name := range names {
		n, _, is := parseNumbered(name)
		if !is {
			continue
		}
		if _, counts := parts[n]; counts || n == h.state.Index && n > 0 {
			continue
		}
		if err := h.removeLeft(name); err != nil {
			return fmt.Errorf("remove what is left over: %w", err)
		}
	}
	return nil
}

// removeLeft removes a file, or a directory with all in it.
func (h *Home) removeLeft(name string) error {
	info, err := h.fs.Stat(h.path(name))
	if err != nil {
		return err
	}
	if info.IsDir() {
		return h.fs.RemoveAll(h.path(name))
	}
	return h.fs.Remove(h.path(name))
}

func (h *Home) path(name string) string { return h.fs.PathJoin(h.opts.Dir, name) }

// Path is where a numbered file is.
func (h *Home) Path(number uint64, ext string) string {
	return h.path(fmt.Sprintf("%08d.%s", number, ext))
}

// StartsAtLatest reports that the directory was empty when it was opened and is to begin with the
// archive's latest version.
func (h *Home) StartsAtLatest() bool { return h.atLatest }

// State is what the catalog says.
func (h *Home) State() State { return h.state.Clone() }

// Commit replaces the catalog durably. After an error either may be what the disk
// has, and the engine must stop.
func (h *Home) Commit(s State) error {
	s.Begun = s.Begun || h.state.Begun || len(s.Parts) > 0 || s.Parent != 0
	if err := s.check(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	b, err := s.Encode()
	if err != nil {
		return err
	}
	for _, p := range s.Parts {
		for _, ext := range h.later[p.Number] {
			if err := h.SyncPart(p.Number, ext); err != nil {
				return fmt.Errorf("sync %s: %w", h.Path(p.Number, ext), err)
			}
		}
	}
	// A crash may keep the new name of the catalog and lose that of a file which was
	// made before it, unless the latter is made durable first.
	if h.named {
		if err := SyncDir(h.fs, h.opts.Dir); err != nil {
			return fmt.Errorf("sync %s: %w", h.opts.Dir, err)
		}
		h.named = false
	}
	if err := WriteFile(h.fs, h.opts.Dir, catalogName, catalogName+".tmp", b); err != nil {
		return fmt.Errorf("replace %s: %w", h.path(catalogName), err)
	}
	h.state, h.noted = s.Clone(), false
	clear(h.later)
	return nil
}

// Later says that numbered files are written and not synced: the next Commit that names
// the part does that first.
func (h *Home) Later(number uint64, exts ...string) { h.later[number] = exts }

// Note has the catalog say s from the next Commit on. Until then the disk has the
// catalog of before, and a crash goes back to it: so all files that it names must
// stay, and say what it says of them.
func (h *Home) Note(s State) error {
	s.Begun = s.Begun || h.state.Begun || len(s.Parts) > 0 || s.Parent != 0
	if err := s.check(); err != nil {
		return fmt.Errorf("note: %w", err)
	}
	h.state, h.noted = s.Clone(), true
	return nil
}

// Noted reports that there is something noted that is not committed.
func (h *Home) Noted() bool { return h.noted }

// Flush commits what was noted.
func (h *Home) Flush() error {
	if !h.noted {
		return nil
	}
	return h.Commit(h.state)
}

// Create makes the numbered file, whose name is durable with the next Commit.
func (h *Home) Create(number uint64, ext string) (vfs.File, error) {
	h.named = true
	return h.fs.Create(h.Path(number, ext), category)
}

// OpenPart opens a numbered file for reading.
func (h *Home) OpenPart(number uint64, ext string) (vfs.File, error) {
	f, err := h.fs.Open(h.Path(number, ext))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", store.ErrMissing, err)
	}
	return f, err
}

// ReadPart reads a numbered file of at most limit bytes.
func (h *Home) ReadPart(number uint64, ext string, limit int64) ([]byte, error) {
	return ReadFile(h.fs, h.Path(number, ext), limit)
}

// WritePart writes a numbered file and syncs it. Its name is durable with a later
// Commit, and until then a crash may take it back: what reads it must know it whole
// from torn.
func (h *Home) WritePart(number uint64, ext string, b []byte) error {
	return h.writePart(number, ext, true, func(write func([]byte) error) error { return write(b) })
}

// WriteStream is [Home.WritePart] of what bytes gives to write, piece by piece.
func (h *Home) WriteStream(number uint64, ext string, bytes func(write func([]byte) error) error) error {
	return h.writePart(number, ext, true, bytes)
}

// WritePartLater is [Home.WritePart] without syncing the file, for [Home.Later].
func (h *Home) WritePartLater(number uint64, ext string, b []byte) error {
	return h.writePart(number, ext, false, func(write func([]byte) error) error { return write(b) })
}

func (h *Home) writePart(number uint64, ext string, sync bool, bytes func(write func([]byte) error) error) error {
	f, err := h.fs.Create(h.Path(number, ext), category)
	if err != nil {
		return err
	}
	err = bytes(func(b []byte) error {
		_, err := f.Write(b)
		return err
	})
	if err == nil && sync {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Has reports that a numbered file is there.
func (h *Home) Has(number uint64, ext string) (bool, error) {
	_, err := h.fs.Stat(h.Path(number, ext))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// SyncPart makes the bytes of a numbered file durable, whoever wrote them.
func (h *Home) SyncPart(number uint64, ext string) error {
	f, err := h.fs.OpenReadWrite(h.Path(number, ext), category)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Remove removes numbered files that the catalog no longer names; those that are
// not there are none to remove. What it fails to remove goes at the next opening.
func (h *Home) Remove(number uint64, exts ...string) error {
	var failed error
	delete(h.later, number)
	for _, ext := range exts {
		if err := h.fs.Remove(h.Path(number, ext)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// Disk is the bytes of all numbered files that count.
func (h *Home) Disk() int64 {
	var n int64
	for _, p := range h.state.Parts {
		n += max(p.Length, 0)
	}
	return n
}

// Close gives the directory free.
func (h *Home) Close() error { return h.lock.Close() }

// ReadFile reads a whole file of at most limit bytes.
func ReadFile(fsys vfs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := readAll(f, limit+1)
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%w: %s has more than %d bytes", store.ErrCorrupt, name, limit)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return b, nil
}

// readAll reads a file to its end, at most limit bytes, into memory that is taken once
// if the file's length is what it says.
func readAll(f vfs.File, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, min(max(info.Size(), 0), limit)+1) // one more, so that the end is seen without growing
	for int64(len(b)) < limit {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := f.Read(b[len(b):min(int64(cap(b)), limit)])
		b = b[:len(b)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}

// WriteFile replaces a file durably: all of it under the name tmp, then renamed.
func WriteFile(fsys vfs.FS, dir, name, tmp string, b []byte) error {
	tmp = fsys.PathJoin(dir, tmp)
	if err := writeSynced(fsys, tmp, b); err != nil {
		// What is of no use takes no room, which may be what was missing.
		if e := fsys.Remove(tmp); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
		return err
	}
	if err := fsys.Rename(tmp, fsys.PathJoin(dir, name)); err != nil {
		return err
	}
	return SyncDir(fsys, dir)
}

func writeSynced(fsys vfs.FS, name string, b []byte) error {
	f, err := fsys.Create(name, category)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// MakeDir makes a directory that only its owner can enter, and those above it that are
// missing, durably: a directory whose name a crash takes goes with all that is in it.
func MakeDir(fsys vfs.FS, dir string) error {
	var made []string
	for d := dir; ; {
		if _, err := fsys.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			break // there, or MkdirAll says what it is
		}
		above := fsys.PathDir(d)
		if above == d {
			break
		}
		made = append(made, above)
		d = above
	}
	if err := fsys.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i := len(made) - 1; i >= 0; i-- {
		if err := SyncDir(fsys, made[i]); err != nil {
			return fmt.Errorf("sync %s: %w", made[i], err)
		}
	}
	return nil
}

// SyncDir makes the names in a directory durable.
func SyncDir(fsys vfs.FS, dir string) error {
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// CloseAfter closes the directory and returns err, or what closing said.
func CloseAfter(err error, h *Home) error { return errors.Join(err, h.Close()) }
