package workers

import (
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/store"
	kw "github.com/joinery-go/joinery/kvs/workers"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
	"github.com/joinery-go/joinery/sim/engines"
)

// workerDisk is a worker's own disk: a file system on which its engine lies. It is of use
// until the process ends: the next one is given its state from the object store.
type workerDisk struct {
	attached
	fs *disk.FS
}

// fsPermille is how often an operation on files fails at the low level of disk errors.
const fsPermille = 1

func newWorkerDisk() (*workerDisk, error) {
	d := &workerDisk{}
	fs, err := disk.NewFS(disk.FSOptions{
		Source: d, Errors: sim.Low,
		Alive: func() bool { return d.c == nil || d.c.Effect() },
	})
	d.fs = fs
	return d, err
}

// Choose implements [choice.Source]: whether an operation on files fails, the event's own
// lineage decides.
func (d *workerDisk) Choose(p choice.Point) uint64 {
	if d.c == nil || strings.HasPrefix(p.Site, "fs.crash.") {
		return 0
	}
	return uint64(d.c.StorageFault(sim.DiskError, p.Site, int(p.N), permille(fsPermille)))
}

// quietly has an oracle read what is on the disk, without faults and unless the node is dead.
func (d *workerDisk) quietly(look func()) {
	c := d.c
	if c == nil || c.Dead() {
		return
	}
	d.c = nil
	look()
	d.c = c
}

// Complete implements [sim.Device]; there is nothing to complete.
func (d *workerDisk) Complete(uint64) {}

// Crash implements [sim.Device].
func (d *workerDisk) Crash(c *sim.CrashContext) {
	d.c = nil
	d.fs.Crash(c)
}

// fileBytes is how much the engines have in a file, so that short runs have several.
const fileBytes = engines.MinBytes

// space gives a worker its engines, and has the oracle look at what is opened and what is
// kept.
type space struct {
	kw.Local
	sys  *system
	disk *workerDisk
}

func newSpace(s *system, d *workerDisk) *space {
	return &space{
		Local: kw.Local{
			Archives: kw.Archives{Bucket: client{s.segments, &d.attached}},
			New:      func(o store.Options) (store.Engine, error) { return engines.Open(s.engine, o, fileBytes) },
			Options:  store.Options{Dir: "engines", FS: d.fs},
		},
		sys: s, disk: d,
	}
}

// Open implements [kw.Space].
func (s *space) Open(branch string) (kw.Engine, error) {
	e, err := s.Local.Open(branch)
	if err != nil {
		return nil, err
	}
	s.disk.quietly(func() { s.sys.opened(branch, e) })
	return &watchedEngine{e, s.sys, s.disk, branch}, nil
}

// watchedEngine is an engine whose snapshots the oracle notes.
type watchedEngine struct {
	kw.Engine
	sys    *system
	disk   *workerDisk
	branch string
}

// Snapshot implements [kw.Engine].
func (e *watchedEngine) Snapshot() (store.Version, error) {
	v, err := e.Engine.Snapshot()
	if err == nil {
		e.disk.quietly(func() { e.sys.kept(e.branch, v, e.Engine) })
	}
	return v, err
}
