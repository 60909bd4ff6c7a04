package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// ErrCrashed reports a file operation after the moment of [FS.CrashAt], or by a
// handle from before the last crash.
var ErrCrashed = errors.New("sim/disk: the machine has crashed")

// FSOptions describe a file system. The zero value has no faults, and loses at a
// crash all that was not synced.
type FSOptions struct {
	// Source answers the decisions; nil is [choice.Benign].
	Source choice.Source
	// Crash is how much of what was not synced survives a crash, Errors how often
	// operations fail, Rot and Misdirect how often durable data is spoiled. Off
	// does not ask.
	Crash, Errors, Rot, Misdirect sim.Level
	// Permille is the chance of a fault of each sort by level. Zero entries are
	// 0, 300, 700 for Crash; 0, 2, 30 for Errors; 0, 50, 400 for Rot, per file and
	// crash; 0, 2, 30 for Misdirect.
	CrashPermille, ErrorsPermille, RotPermille, MisdirectPermille [sim.NumLevels]int
	// Budget, if not nil, must grant each file that Rot or Misdirect spoils.
	Budget *Budget
	// Disk is the number under which this file system draws on the budget.
	Disk int
	// Sector is the size in bytes of what is written or torn as one, 512 by default.
	Sector int
	// Alive is asked before each operation that changes something, if it is not nil: false
	// stops the machine then, as [FS.CrashAt] would.
	Alive func() bool
	// MaxBytes bounds all files together, by default 1 GiB. A write beyond it fails with
	// ENOSPC once what fits is written, and no file or directory is made without a byte to
	// spare.
	MaxBytes int64
	// Room is asked by each operation that takes room, if it is not nil: how many bytes all
	// files may have for now, of which they have used. Less than MaxBytes is as if that were
	// the bound; but if late, writes go through, and the sync of a file that has grown fails
	// with ENOSPC, as where room is only found when bytes are written back.
	Room func(used int64) (bytes int64, late bool)
}

// FS is a file system in memory that can lose what was not synced, as
// [vfs.FS] of pebble, so that real engines run on it. Files and names are separate:
// the bytes of a file become durable by its Sync, its name by the Sync of its
// directory ([vfs.FS.OpenDir]). Directories themselves are durable at once, but one that was
// removed is there again after a crash that a file in it survives.
//
// Every fault is a decision under a key made of the file's first name, how many
// files had it before, and the number of the operation on it:
//
//	site            answer other than 0
//	fs.open         creating, opening, linking, renaming or removing fails with EIO
//	fs.write        1 EIO, 2 ENOSPC, though there is room, 3 half is written and the rest not
//	fs.read         1 EIO, 2 less is read than was asked for, and says so
//	fs.sync         fails with EIO; what was to be synced never is, though reads see it
//	fs.misdirect    a write lands in another sector of the file than it was meant for
//	fs.crash.write  of one unsynced write, 1 all survives, 2 some sectors, one of them torn
//	fs.crash.name   an unsynced change of a name survives
//	fs.rot          a bit of the file flips while the machine is down
//
// It is safe for concurrent use and starts no goroutine.
type FS struct {
	mu      sync.Mutex
	opts    FSOptions
	names   map[string]*inode // as seen now
	durable map[string]*inode // as a crash leaves them
	changes []change          // of names, not synced, oldest first
	dirs    map[string]bool
	births  map[string]uint64 // files created by name
	locks   map[string]bool
	life    uint64 // crashes so far; handles of an earlier life are dead
	ops     int64
	stopAt  int64 // the operation at which the machine stops; 0 is never
	cloneAt int64 // the operation before which a copy is made; 0 is never
	onClone func(*FS)
	stats   FSStats
}

// change is an atomic change of names: from, if any, goes; to, if any, is node.
type change struct {
	from, to string
	node     *inode
}

// inode is a file apart from its names.
type inode struct {
	key     uint64
	ops     uint64
	data    []byte   // as seen now
	durable []byte   // as synced
	pending []extent // written since, oldest first
}

type extent struct {
	off  int64
	data []byte
}

// NewFS returns an empty file system, or an error for levels that do not exist.
func NewFS(o FSOptions) (*FS, error) {
	for _, l := range []sim.Level{o.Crash, o.Errors, o.Rot, o.Misdirect} {
		if l >= sim.NumLevels {
			return nil, fmt.Errorf("%w: a level of %d", ErrOptions, l)
		}
	}
	if o.Sector < 0 || o.MaxBytes < 0 {
		return nil, fmt.Errorf("%w: Sector %d, MaxBytes %d: need 0 or more", ErrOptions, o.Sector, o.MaxBytes)
	}
	if o.Source == nil {
		o.Source = choice.Benign
	}
	if o.Sector == 0 {
		o.Sector = 512
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 30
	}
	rates := func(r *[sim.NumLevels]int, low, extreme int) {
		if *r == ([sim.NumLevels]int{}) {
			*r = [sim.NumLevels]int{sim.Low: low, sim.Extreme: extreme}
		}
	}
	rates(&o.CrashPermille, 300, 700)
	rates(&o.ErrorsPermille, 2, 30)
	rates(&o.RotPermille, 50, 400)
	rates(&o.MisdirectPermille, 2, 30)
	return &FS{
		opts: o, names: map[string]*inode{}, durable: map[string]*inode{}, dirs: map[string]bool{".": true, "/": true},
		births: map[string]uint64{}, locks: map[string]bool{},
	}, nil
}

// ErrOptions reports options that describe no file system.
var ErrOptions = errors.New("sim/disk: invalid options")

var _ vfs.FS = (*FS)(nil)

// Ops is the number of operations that changed something, or tried to: the
// moments that CrashAt can name.
func (f *FS) Ops() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// CrashAt stops the machine at operation n, counted as by [FS.Ops]: it and all
// after it fail with [ErrCrashed], until [FS.PowerCut]. 0 is never.
func (f *FS) CrashAt(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopAt = n
}

// CloneAt makes a copy just before operation n, counted as by [FS.Ops], or before the
// next one where others have come to n since it was counted, and hands it to take,
// during which the file system stands still. It is for engines that cannot bear
// CrashAt: they go on undisturbed while the copy is crashed by [FS.PowerCut] and opened
// anew.
func (f *FS) CloneAt(n int64, take func(*FS)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cloneAt, f.onClone = n, take
}

// tick counts an operation that changes something.
func (f *FS) tick() error {
	f.ops++
	if f.cloneAt > 0 && f.ops >= f.cloneAt {
		f.cloneAt = 0
		f.onClone(f.clone())
	}
	if f.stopAt == 0 && f.opts.Alive != nil && !f.opts.Alive() {
		f.stopAt = f.ops
	}
	if f.stopAt > 0 && f.ops >= f.stopAt {
		return ErrCrashed
	}
	return nil
}

// Stats returns the counts so far.
func (f *FS) Stats() FSStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}

// ask asks for a decision, if its sort is in force.
func (f *FS) ask(site string, key uint64, l sim.Level, permille [sim.NumLevels]int, n uint64) uint64 {
	if l == sim.Off {
		return 0
	}
	v := f.opts.Source.Choose(choice.Point{Site: site, Key: key, N: n, Rare: max(choice.Permille(permille[l]), 1)})
	return min(v, n-1)
}

// step counts an operation on a file and asks whether it fails; n is the number of
// answers. It returns the answer and the key of the operation.
func (f *FS) step(node *inode, site string, n uint64) (v, key uint64, err error) {
	if err := f.tick(); err != nil {
		return 0, 0, err
	}
	node.ops++
	key = choice.Mix(node.key, node.ops)
	v = f.ask(site, key, f.opts.Errors, f.opts.ErrorsPermille, n)
	if v != 0 {
		f.stats.Errors++
	}
	return v, key, nil
}

// room is how many bytes there are for an operation that takes some, and whether a sync
// comes too late for those of before it.
func (f *FS) room() (left int64, late bool) {
	used := f.used()
	left = f.opts.MaxBytes - used
	if f.opts.Room == nil {
		return left, false
	}
	bytes, late := f.opts.Room(used)
	if late {
		return left, bytes < used
	}
	return min(left, bytes-used), false
}

// noRoom counts an operation that there is no room for.
func (f *FS) noRoom(op, name string) error {
	f.stats.Full++
	return fail(op, name, syscall.ENOSPC)
}

func fail(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// named does op on the names of the file system unless it fails by a fault.
func (f *FS) named(op, name string, node *inode) error {
	v, _, err := f.step(node, "fs.open", 2)
	switch {
	case err != nil:
		return fail(op, name, err)
	case v != 0:
		return fail(op, name, syscall.EIO)
	}
	return nil
}

func (f *FS) find(op, name string) (*inode, error) {
	if node := f.names[name]; node != nil {
		return node, nil
	}
	return nil, fail(op, name, fs.ErrNotExist)
}

func (f *FS) change(c change) {
	f.changes = append(f.changes, c)
	c.apply(f.names)
}

func (c change) apply(names map[string]*inode) {
	if c.from != "" {
		delete(names, c.from)
	}
	if c.to != "" {
		names[c.to] = c.node
	}
}

func clean(name string) string { return path.Clean(name) }

// birth makes a file of that name.
func (f *FS) birth(name string) *inode {
	f.births[name]++
	return &inode{key: choice.Mix(choice.MixString(uint64(f.opts.Disk), name), f.births[name])}
}

// Create creates a file, in place of one of that name.
func (f *FS) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.create(clean(name))
}

func (f *FS) create(name string) (vfs.File, error) {
	if !f.dirs[path.Dir(name)] {
		return nil, fail("create", name, fs.ErrNotExist)
	}
	node := f.birth(name)
	if err := f.named("create", name, node); err != nil {
		return nil, err
	}
	if left, _ := f.room(); left <= 0 {
		return nil, f.noRoom("create", name)
	}
	f.change(change{to: name, node: node})
	return &file{fs: f, node: node, name: name, life: f.life, write: true}, nil
}

// Open opens a file, or a directory, for reading.
func (f *FS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	h, err := f.open(clean(name), false)
	if err != nil {
		return nil, err
	}
	for _, o := range opts {
		o.Apply(h)
	}
	return h, nil
}

// OpenReadWrite opens a file for both, and creates it if there is none.
func (f *FS) OpenReadWrite(name string, _ vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	h, err := f.open(clean(name), true)
	if err != nil {
		return nil, err
	}
	for _, o := range opts {
		o.Apply(h)
	}
	return h, nil
}

func (f *FS) open(name string, write bool) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dirs[name] && !write {
		return &file{fs: f, dir: true, name: name, life: f.life}, nil
	}
	node, err := f.find("open", name)
	if err != nil {
		if write {
			return f.create(name)
		}
		return nil, err
	}
	if err := f.named("open", name, node); err != nil {
		return nil, err
	}
	return &file{fs: f, node: node, name: name, life: f.life, write: write}, nil
}

// OpenDir opens a directory for syncing the names in it.
func (f *FS) OpenDir(name string) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name = clean(name)
	if !f.dirs[name] {
		return nil, fail("open", name, fs.ErrNotExist)
	}
	return &file{fs: f, dir: true, name: name, life: f.life}, nil
}

// Unwrap is nil: there is nothing below.
func (f *FS) Unwrap() vfs.FS { return nil }
