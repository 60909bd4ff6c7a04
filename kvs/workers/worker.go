package workers

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/store"
)

// Engine is what a worker needs of a storage engine; every [store.Engine] is one.
type Engine interface {
	Get(key []byte) ([]byte, error)
	Set(key, value []byte) error
	// Snapshot gives the present state a version of the branch.
	Snapshot() (store.Version, error)
	Close() error
}

// Space is where a worker's engines come from.
type Space interface {
	// Open returns an engine with the latest version of a branch, or an empty one if the
	// branch has none. Snapshots of it are published there.
	Open(branch string) (Engine, error)
	// Collect deletes the versions of a branch but the latest and those to be kept.
	Collect(branch string, keep []store.Version) error
}

// Worker executes operations on its partitions. It is a state machine: what it does
// follows from its messages and ticks, and from what its engine holds. After an error the
// process must end; its next incarnation begins with [NewWorker], and is given its state
// by the next world-line.
type Worker struct {
	cfg         Config
	self        uint32
	incarnation uint64
	space       Space

	plan      Plan // the latest, of the line that the worker is in
	line      uint64
	version   uint64 // of the state as it is now, which is in no snapshot yet
	published uint64 // version of the last global version, as far as is known
	changed   bool   // the state, since the version began
	since     int    // ticks since it changed
	branch    string
	engine    Engine       // nil without partitions
	parts     []*partition // by number, nil for those of others
	reports   []Report     // snapshots that may be in no global version yet, ascending

	trouble error // what kept it from a snapshot, from opening or collecting, last
	out     []Message
}

// NewWorker returns worker number self, in no world-line. Each process of that number has
// a higher incarnation than those before. Errors wrap [ErrConfig].
func NewWorker(c Config, self uint32, incarnation uint64, space Space) (*Worker, error) {
	c, err := c.WithDefaults()
	if err != nil {
		return nil, err
	}
	return &Worker{cfg: c, self: self, incarnation: incarnation, space: space, parts: make([]*partition, c.Partitions)}, nil
}

// Line is the world-line that the worker is in, 0 for none.
func (w *Worker) Line() uint64 { return w.line }

// Version is the version that the worker's present state will be.
func (w *Worker) Version() uint64 { return w.version }

// Pending is how many snapshots are in no global version that the worker knows of.
func (w *Worker) Pending() int { return len(w.reports) }

// Waiting is for how many ticks there have been changes that are in no snapshot, and whether
// there is a reason for that to go on beyond the interval: the bound on pending versions, or
// a snapshot that failed.
func (w *Worker) Waiting() (ticks int, reason bool) {
	return w.since, w.trouble != nil || w.version > w.published+uint64(w.cfg.Pending)
}

// Unacknowledged is the number of items in outboxes.
func (w *Worker) Unacknowledged() (n int) {
	for _, p := range w.parts {
		if p == nil {
			continue
		}
		for _, boxes := range [][]outbox{p.outRequest, p.outFinish, p.outAnswer} {
			for i := range boxes {
				n += len(boxes[i].items)
			}
		}
	}
	return n
}

// Read returns the value under a key as the last operation left it, nil for none; locked
// says that a transaction holds the key which may yet write it. ok is false if the worker
// does not have the key's partition. Errors wrap [ErrEngine].
func (w *Worker) Read(key []byte) (value []byte, locked, ok bool, err error) {
	p := w.parts[w.cfg.PartitionOf(key)]
	if p == nil {
		return nil, false, false, nil
	}
	if value, err = w.engine.Get(dataKey(p.id, key)); err != nil {
		return nil, false, false, fmt.Errorf("%w: read %q: %w", ErrEngine, key, err)
	}
	_, locked = p.locks[string(key)]
	return value, locked, true, nil
}

// Trouble is what the worker last failed at and will try again; nil once it succeeded.
func (w *Worker) Trouble() error { return w.trouble }

// Close ends the engine.
func (w *Worker) Close() error {
	if w.engine == nil {
		return nil
	}
	e := w.engine
	w.engine = nil
	return e.Close()
}

func (w *Worker) send(m Message) {
	m.From, m.Line = Address{WorkerRole, w.self}, w.line
	w.out = append(w.out, m)
}

// flush takes what is to be sent. After an error nothing is.
func (w *Worker) flush(err error) ([]Message, error) {
	out := w.out
	w.out = nil
	if err != nil {
		return nil, fmt.Errorf("worker %d in line %d: %w", w.self, w.line, err)
	}
	return out, nil
}

// Tick is to be called at steady intervals: it begins a version when something has changed and it is time, sends
// again what is not acknowledged, and reports to the coordinators.
func (w *Worker) Tick() ([]Message, error) {
	return w.flush(w.tick())
}

func (w *Worker) tick() error {
	if w.engine != nil {
		if w.changed {
			w.since++
		}
		if w.since >= w.cfg.Interval && w.version <= w.published+uint64(w.cfg.Pending) {
			if _, err := w.moveTo(w.version + 1); err != nil {
				return err
			}
		}
		for _, p := range w.parts {
			if p != nil {
				w.resend(p)
			}
		}
	}
	w.send(Message{
		Kind: StatusKind, To: Address{CoordinatorRole, 0}, Version: w.version,
		Incarnation: w.incarnation, Reports: slices.Clone(w.reports),
	})
	return nil
}

// moveTo ends the present version, and those up to another, with one snapshot of the state
// as it is, and goes on in that other. Nobody else is asked or waited for. It reports
// whether it did; where the snapshot failed, the version goes on, and nothing is lost.
func (w *Worker) moveTo(version uint64) (bool, error) {
	for _, p := range w.parts {
		if p == nil || !p.dirty {
			continue
		}
		if err := w.engine.Set(metaKey(p.id), p.encode()); err != nil {
			return false, fmt.Errorf("%w: write partition %d: %w", ErrEngine, p.id, err)
		}
		p.dirty = false
	}
	v, err := w.engine.Snapshot()
	if err != nil {
		if errors.Is(err, store.ErrFailed) || errors.Is(err, store.ErrClosed) || errors.Is(err, store.ErrCorrupt) {
			return false, fmt.Errorf("%w: %w", ErrEngine, err)
		}
		w.trouble = err
		return false, nil
	}
	w.trouble = nil
	w.reports = append(w.reports, Report{w.version, version - 1, v})
	w.version, w.changed, w.since = version, false, 0
	return true, nil
}

// catchUp has the worker in a version no older than that of a message before it takes it
// (as in DPR, section 4): so no version of a state follows from a later one.
func (w *Worker) catchUp(version uint64) (bool, error) {
	if version <= w.version {
		return true, nil
	}
	return w.moveTo(version)
}

// Receive takes a message.
func (w *Worker) Receive(m Message) ([]Message, error) {
	return w.flush(w.receive(&m))
}

func (w *Worker) receive(m *Message) error {
	switch {
	case m.Kind == PlanKind:
		return w.receivePlan(m.Plan)
	case m.Line != w.line || w.engine == nil || !m.Stream.valid(&w.cfg):
		return nil // of a state that is no more, or is not yet
	case m.Kind == ItemKind:
		return w.receiveItem(m)
	case m.Kind == AckKind:
		return w.receiveAck(m)
	}
	return nil
}

// receivePlan takes what a coordinator says: another world-line, or what of this one is in
// global versions.
func (w *Worker) receivePlan(p *Plan) error {
	switch {
	case p.Line < w.line:
		return nil
	case p.Line > w.line:
		return w.join(p)
	case w.engine == nil || p.Latest < w.plan.Latest:
		return nil // overtaken by a later one
	}
	every := uint64(w.cfg.CollectEvery)
	due := p.Latest/every > w.plan.Latest/every
	w.plan, w.published = *p, max(w.published, p.LatestVersion)
	w.reports = slices.DeleteFunc(w.reports, func(r Report) bool { return r.To <= w.published })
	if due {
		w.collect()
	}
	_, err := w.catchUp(p.Highest)
	return err
}

// collect deletes the versions of the branch that nobody can ask for any more: a global
// version names it, or may yet, or it is gone.
func (w *Worker) collect() {
	keep := slices.Clone(w.plan.Kept)
	for _, r := range w.reports {
		keep = append(keep, r.Store)
	}
	if err := w.space.Collect(w.branch, keep); err != nil {
		w.trouble = fmt.Errorf("collect %s: %w", w.branch, err)
	}
}

// join leaves the present world-line, and what came about in it since the base of the new
// one, and goes on from that. A plan for another incarnation is not for this worker: its
// status has the coordinator make another line.
func (w *Worker) join(p *Plan) error {
	if int(w.self) >= len(p.Members) {
		err := w.Close()
		clear(w.parts)
		w.line, w.version, w.published, w.plan = p.Line, 0, 0, *p
		w.reports, w.changed, w.since, w.trouble = nil, false, 0, nil
		return err
	}
	me := p.Members[w.self]
	if me.Incarnation != w.incarnation || me.From > me.To || int(me.To) > w.cfg.Partitions {
		return nil
	}
	e, err := w.space.Open(me.Branch)
	if err != nil {
		w.trouble = fmt.Errorf("open %s: %w", me.Branch, err)
		return nil // the next plan has it tried again
	}
	parts := make([]*partition, w.cfg.Partitions)
	for id := me.From; id < me.To; id++ {
		record, err := e.Get(metaKey(id))
		if err == nil {
			parts[id], err = loadPartition(&w.cfg, id, record)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%w: read partition %d of %s: %w", ErrEngine, id, me.Branch, err), e.Close())
		}
	}
	if err := w.Close(); err != nil {
		w.trouble = err // of an engine whose state counts no more
	}
	w.engine, w.parts, w.branch, w.plan = e, parts, me.Branch, *p
	w.line, w.version, w.published = p.Line, p.BaseVersion+1, p.BaseVersion
	w.reports, w.changed, w.since, w.trouble = nil, false, 0, nil
	return nil
}
