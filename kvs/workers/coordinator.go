package workers

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/store"
)

// Head is where the catalog lies: the head of a [store.Bucket] that is used for nothing
// else.
type Head interface {
	Head() (data []byte, tag string, err error)
	SwapHead(tag string, data []byte) error
}

// Coordinator makes world-lines and global versions. It is a state machine, and holds
// nothing that it cannot read or be told again: everything it decides, it decides by a
// conditional write of the [Catalog]. So there may be several, and none need be there for
// workers to execute operations and take snapshots.
type Coordinator struct {
	cfg         Config
	self        uint32
	incarnation uint64
	head        Head
	forks       Forks

	cat    Catalog
	tag    string
	read   bool // cat is what the head said
	tries  uint64
	tidied string // the tag of the catalog by which branches were dropped last

	workers map[uint32]Message // the latest status of each
	sources map[uint32]uint64  // the line that each was in last
	roll    uint64             // a global version to go back to, 0 for none
	want    int                // how many workers there are to be, until the catalog says so
	trouble error
}

// NewCoordinator returns coordinator number self. Each process of that number has a higher
// incarnation than those before. A system of no world-line yet begins with as many workers
// as given. Errors wrap [ErrConfig].
func NewCoordinator(c Config, self uint32, incarnation uint64, workers int, head Head, forks Forks) (*Coordinator, error) {
	c, err := c.WithDefaults()
	if err != nil {
		return nil, err
	}
	if workers < 1 || workers > c.Partitions {
		return nil, fmt.Errorf("%w: %d workers for %d partitions", ErrConfig, workers, c.Partitions)
	}
	return &Coordinator{
		cfg: c, self: self, incarnation: incarnation, head: head, forks: forks, want: workers,
		workers: make(map[uint32]Message), sources: make(map[uint32]uint64),
	}, nil
}

// Catalog is what the coordinator last read or wrote.
func (k *Coordinator) Catalog() Catalog { return k.cat.clone() }

// Trouble is what the coordinator last failed at and will try again; nil once it succeeded.
func (k *Coordinator) Trouble() error { return k.trouble }

// Rescale has there be another number of workers, from the next world-line on, which begins
// once they have all been heard of. Errors wrap [ErrCommand].
func (k *Coordinator) Rescale(workers int) error {
	if workers < 1 || workers > k.cfg.Partitions {
		return fmt.Errorf("%w: %d workers for %d partitions", ErrCommand, workers, k.cfg.Partitions)
	}
	return k.change(func(c *Catalog) error {
		if c.Line == 0 {
			return fmt.Errorf("%w: there is no world-line yet", ErrCommand)
		}
		if c.Want = workers; workers == len(c.Members) {
			c.Want = 0
		}
		return nil
	})
}

// Rollback has all workers go back to a global version that is kept, from the next tick on
// which all of them have been heard of. What came after is given up, and what sources have
// logged since is executed again. Errors wrap [ErrCommand].
func (k *Coordinator) Rollback(id uint64) error {
	if !k.read {
		return fmt.Errorf("%w: the catalog has not been read yet", ErrCommand)
	}
	if !slices.ContainsFunc(k.cat.Globals, func(g Global) bool { return g.ID == id }) {
		return fmt.Errorf("%w: global version %d is not kept", ErrCommand, id)
	}
	k.roll = id
	return nil
}

// load reads the catalog.
func (k *Coordinator) load() error {
	b, tag, err := k.head.Head()
	if err != nil {
		return fmt.Errorf("read the catalog: %w", err)
	}
	if k.read && tag == k.tag {
		return nil
	}
	cat, err := DecodeCatalog(b)
	if err != nil {
		return err
	}
	k.cat, k.tag, k.read = cat, tag, true
	return nil
}

// change replaces the catalog by what do makes of it, unless somebody else has since it
// was read. After an error it is read again, since nobody knows which it is.
func (k *Coordinator) change(do func(*Catalog) error) error {
	if err := k.load(); err != nil {
		return err
	}
	next := k.cat.clone()
	if err := do(&next); err != nil {
		return err
	}
	b, err := next.encode()
	if err != nil {
		return err
	}
	if err := k.head.SwapHead(k.tag, b); err != nil {
		k.read = false
		return fmt.Errorf("write the catalog: %w", err)
	}
	k.read = false // its new tag
	return k.load()
}

// Receive takes a status, and answers it with a plan.
func (k *Coordinator) Receive(m Message) []Message {
	if m.Kind != StatusKind {
		return nil
	}
	if m.From.Role == SourceRole {
		k.sources[m.From.N] = max(k.sources[m.From.N], m.Line)
	}
	if m.From.Role == WorkerRole && int(m.From.N) < k.cfg.Partitions {
		old, known := k.workers[m.From.N]
		newer := cmp.Or(cmp.Compare(m.Incarnation, old.Incarnation), cmp.Compare(m.Line, old.Line), cmp.Compare(m.Version, old.Version))
		if !known || newer >= 0 {
			k.workers[m.From.N] = m
		}
	}
	if !k.read || k.cat.Line == 0 {
		return nil
	}
	return []Message{{
		Kind: PlanKind, From: Address{CoordinatorRole, k.self}, To: m.From,
		Line: k.cat.Line, Plan: k.planFor(m.From),
	}}
}

// planFor is what a node is told.
func (k *Coordinator) planFor(to Address) *Plan {
	c := &k.cat
	latest := c.latest()
	p := &Plan{
		Line: c.Line, BaseVersion: c.Base.Version, Members: c.Members, Undone: c.Undone,
		Latest: latest.ID, LatestVersion: latest.Version, Highest: k.highest(),
	}
	if len(c.Globals) > 0 {
		p.Oldest = c.Globals[0].ID
	}
	if to.Role == WorkerRole && int(to.N) < len(c.Members) {
		for _, g := range c.Globals {
			for _, cut := range g.Cuts {
				if cut.Branch == c.Members[to.N].Branch {
					p.Kept = append(p.Kept, cut.Store)
				}
			}
		}
	}
	return p
}

// highest is the highest version that a worker of the line is known to be in: those behind
// are told to catch up, so that a global version need not wait for them to have messages.
func (k *Coordinator) highest() (v uint64) {
	for i := range k.cat.Members {
		if s, ok := k.status(i); ok {
			v = max(v, s.Version)
		}
	}
	return v
}

// status is the latest of a member of the line, if that is in it.
func (k *Coordinator) status(i int) (Message, bool) {
	s, ok := k.workers[uint32(i)]
	return s, ok && s.Line == k.cat.Line && s.Incarnation == k.cat.Members[i].Incarnation
}

// Tick is to be called at steady intervals.
func (k *Coordinator) Tick() {
	k.trouble = k.tick()
}

func (k *Coordinator) tick() error {
	if err := k.load(); err != nil {
		return err
	}
	if begun, err := k.advanceLine(); begun || err != nil {
		return err
	}
	if err := k.publish(); err != nil {
		return err
	}
	return k.tidy()
}

// publish makes a global version of the highest version whose end is in a snapshot of each
// worker.
func (k *Coordinator) publish() error {
	v, cuts := k.cut()
	if v <= k.cat.latest().Version {
		return nil
	}
	line := k.cat.Line
	return k.change(func(c *Catalog) error {
		if c.Line != line || v <= c.latest().Version {
			return fmt.Errorf("publish version %d of line %d: %w: the catalog has changed", v, line, store.ErrConflict)
		}
		c.Last++
		c.Globals = append(c.Globals, Global{ID: c.Last, Line: c.Line, Version: v, Cuts: cuts})
		if extra := len(c.Globals) - k.cfg.Retain; extra > 0 {
			c.Globals = slices.Clone(c.Globals[extra:])
		}
		return nil
	})
}

// cut is the highest version that all members have a snapshot of, 0 if there is none.
// O(members² · reports²), both of which are bounded and few.
func (k *Coordinator) cut() (uint64, []Cut) {
	var best uint64
	var bestCuts []Cut
	for i := range k.cat.Members {
		s, ok := k.status(i)
		if !ok {
			return 0, nil
		}
		for _, r := range s.Reports {
			if r.To <= best {
				continue
			}
			if cuts, ok := k.cutAt(r.To); ok {
				best, bestCuts = r.To, cuts
			}
		}
	}
	return best, bestCuts
}

// cutAt is the cut at a version, if all members have a snapshot of it.
func (k *Coordinator) cutAt(v uint64) ([]Cut, bool) {
	cuts := make([]Cut, 0, len(k.cat.Members))
	for i, m := range k.cat.Members {
		s, ok := k.status(i)
		at := slices.IndexFunc(s.Reports, func(r Report) bool { return r.From <= v && v <= r.To })
		if !ok || at < 0 {
			return nil, false
		}
		cuts = append(cuts, Cut{m.Branch, s.Reports[at].Store, m.From, m.To})
	}
	return cuts, true
}

// tidy forgets what sources have all heard of, and drops the branches of this world-line or
// earlier ones that nothing names. Later ones are somebody's who makes a world-line.
func (k *Coordinator) tidy() error {
	heard := len(k.cat.Undone) > 0
	for i := range uint32(k.cfg.Sources) {
		heard = heard && k.sources[i] >= k.cat.Line
	}
	if heard {
		if err := k.change(func(c *Catalog) error { c.Undone = nil; return nil }); err != nil {
			return err
		}
	}
	if k.tidied == k.tag {
		return nil
	}
	branches, err := k.forks.Branches()
	if err != nil {
		return fmt.Errorf("list branches: %w", err)
	}
	named := k.cat.named()
	for _, b := range branches {
		if line, ok := lineOf(b); !ok || line > k.cat.Line || named[b] {
			continue
		}
		if err := k.forks.Drop(b); err != nil && !errors.Is(err, store.ErrBranch) {
			return fmt.Errorf("drop branch %s: %w", b, err)
		}
	}
	k.tidied = k.tag
	return nil
}
