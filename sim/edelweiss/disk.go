package edelweiss

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/store"
	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
	"github.com/joinery-go/joinery/sim/engines"
)

// Errors of this package, for errors.Is.
var (
	ErrEngine = engines.ErrEngine
	ErrRecord = errors.New("the record of a timestep is damaged")
	ErrFull   = errors.New("the disk is full")
)

// maxSlots bounds the tuples of a node.
const maxSlots = 1 << 20

// Engines lists the engines, sorted.
func Engines() []string { return engines.Names() }

// Disks makes the disks of a trial of a rewritten program, on an engine of [Engines].
func Disks(p *el.Program, name string) (trial.Disks, error) {
	if err := engines.Check(name, 0); err != nil {
		return nil, err
	}
	open := func(o store.Options) (store.Engine, error) { return engines.Open(name, o, 0) }
	return func(n sim.NodeID, src choice.Source, faulty bool, until sim.Time) (trial.Disk, error) {
		d := &device{program: p, open: open, src: src, until: until}
		o := disk.FSOptions{Source: d, Disk: int(n)}
		if faulty {
			o.Crash, o.Errors = sim.SwarmLevel(src, sim.Disk), sim.SwarmLevel(src, sim.DiskError)
		}
		var err error
		d.fs, err = disk.NewFS(o)
		return d, err
	}, nil
}

// device is a node's engine on its file system.
type device struct {
	program *el.Program
	open    func(store.Options) (store.Engine, error)
	fs      *disk.FS
	engine  store.Engine // nil while the node is down
	src     choice.Source
	until   sim.Time // the end of faults
	failing bool     // file operations may fail now
	slots   map[string]uint64
	free    []uint64
	high    uint64 // slots below it are in use or free
}

var _ trial.Disk = (*device)(nil)

// Choose implements [choice.Source]: of the file system's decisions, those of file
// operations are for while a timestep is being kept.
func (d *device) Choose(p choice.Point) uint64 {
	if !d.failing && !strings.HasPrefix(p.Site, "fs.crash.") {
		return 0
	}
	return d.src.Choose(p)
}

// Complete implements [sim.Device]; there is nothing to complete.
func (d *device) Complete(uint64) {}

// Crash implements [sim.Device]: the engine is dead where it stands.
func (d *device) Crash(c *sim.CrashContext) {
	d.engine, d.failing = nil, false
	d.fs.Crash(c)
}

// Load opens the engine and reads all slots, and carries out the last record.
func (d *device) Load() ([]eval.Fact, error) {
	e, err := d.open(store.Options{Dir: "node", FS: d.fs, Durability: store.None})
	if err != nil {
		return nil, fmt.Errorf("open the engine: %w", err)
	}
	d.engine, d.slots, d.free, d.high = e, map[string]uint64{}, nil, 0
	record, err := e.Get(recordKey)
	if err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	if record != nil {
		changes, high, err := d.parse(record)
		if err != nil {
			return nil, err
		}
		d.high = high
		for _, c := range changes {
			if err := e.Set(slotKey(c.slot), c.value); err != nil {
				return nil, fmt.Errorf("carry out the record: %w", err)
			}
		}
	}
	var facts []eval.Fact
	for slot := range d.high {
		value, err := e.Get(slotKey(slot))
		switch {
		case err != nil:
			return nil, fmt.Errorf("read slot %d: %w", slot, err)
		case value == nil:
			d.free = append(d.free, slot)
			continue
		}
		f, err := d.decode(value)
		if err != nil {
			return nil, err
		}
		d.slots[string(value)] = slot
		facts = append(facts, f)
	}
	return facts, nil
}

// Keep implements [trial.Disk].
func (d *device) Keep(c *sim.Context, gone, added []eval.Fact) error {
	d.failing = c.Now() < d.until
	defer func() { d.failing = false }()
	changes, err := d.plan(gone, added)
	if err != nil {
		c.Fail(fmt.Errorf("keep a timestep of %v: %w", c.Self(), err))
		return nil
	}
	record := binary.BigEndian.AppendUint64(nil, d.high)
	for _, ch := range changes {
		record = binary.BigEndian.AppendUint64(record, ch.slot)
		record = binary.BigEndian.AppendUint32(record, uint32(len(ch.value)))
		record = append(record, ch.value...)
	}
	if !c.Effect() {
		return nil
	}
	if err := d.engine.Set(recordKey, record); err != nil {
		return fmt.Errorf("keep a timestep: %w", err)
	}
	for _, ch := range changes {
		if !c.Effect() {
			return nil
		}
		if err := d.engine.Set(slotKey(ch.slot), ch.value); err != nil {
			return fmt.Errorf("keep a timestep: %w", err)
		}
	}
	if !c.Effect() {
		return nil
	}
	if err := d.engine.Sync(); err != nil {
		return fmt.Errorf("keep a timestep: %w", err)
	}
	return nil
}

// change is a slot and what it holds from then on, nothing if it is free.
type change struct {
	slot  uint64
	value []byte
}

// plan gives added tuples the slots of those that go, then free ones, then new ones.
// The tuples that go must lie on the disk, and those that come must not.
func (d *device) plan(gone, added []eval.Fact) ([]change, error) {
	var out []change
	var freed []uint64
	for _, f := range gone {
		value := string(encode(f))
		slot, ok := d.slots[value]
		if !ok {
			return nil, fmt.Errorf("%w: %s goes and has no slot", ErrRecord, f)
		}
		freed = append(freed, slot)
		delete(d.slots, value)
	}
	for _, f := range added {
		value := encode(f)
		if slot, ok := d.slots[string(value)]; ok {
			return nil, fmt.Errorf("%w: %s comes and has slot %d already", ErrRecord, f, slot)
		}
		var slot uint64
		switch {
		case len(freed) > 0:
			slot, freed = freed[0], freed[1:]
		case len(d.free) > 0:
			slot, d.free = d.free[0], d.free[1:]
		default:
			slot = d.high
			d.high++
		}
		d.slots[string(value)] = slot
		out = append(out, change{slot, value})
	}
	for _, slot := range freed {
		out = append(out, change{slot, nil})
	}
	if d.high > maxSlots {
		return nil, fmt.Errorf("%w: %d slots, at most %d: keep fewer tuples", ErrFull, d.high, maxSlots)
	}
	d.free = append(d.free, freed...)
	return out, nil
}

var recordKey = []byte("record") // shorter than a slot's key

func slotKey(slot uint64) []byte { return binary.BigEndian.AppendUint64(nil, slot) }

// parse reads a record.
func (d *device) parse(record []byte) (changes []change, high uint64, err error) {
	if len(record) < 8 {
		return nil, 0, fmt.Errorf("%w: %d bytes", ErrRecord, len(record))
	}
	if high, record = binary.BigEndian.Uint64(record), record[8:]; high > maxSlots {
		return nil, 0, fmt.Errorf("%w: %d slots, at most %d", ErrRecord, high, maxSlots)
	}
	for len(record) > 0 {
		if len(record) < 12 {
			return nil, 0, fmt.Errorf("%w: %d bytes of a change", ErrRecord, len(record))
		}
		slot, n := binary.BigEndian.Uint64(record), binary.BigEndian.Uint32(record[8:])
		if record = record[12:]; uint64(n) > uint64(len(record)) || slot >= high {
			return nil, 0, fmt.Errorf("%w: slot %d of %d, %d bytes of %d", ErrRecord, slot, high, n, len(record))
		}
		changes = append(changes, change{slot, record[:n:n]})
		record = record[n:]
	}
	return changes, high, nil
}

// encode writes the name's length, the name, and the tuple.
func encode(f eval.Fact) []byte {
	out := binary.AppendUvarint(nil, uint64(len(f.Collection)))
	return f.Tuple.Append(append(out, f.Collection...))
}

func (d *device) decode(value []byte) (eval.Fact, error) {
	n, used := binary.Uvarint(value)
	if used <= 0 || n > uint64(len(value)-used) {
		return eval.Fact{}, fmt.Errorf("%w: a slot without the name of a collection", ErrRecord)
	}
	name, rest := string(value[used:used+int(n)]), value[used+int(n):]
	c := d.program.Collection(name)
	if c == nil || !c.Kind.Persistent() {
		return eval.Fact{}, fmt.Errorf("%w: a slot of %q, which the program does not keep", ErrRecord, name)
	}
	t, err := el.DecodeTuple(c.Columns, rest)
	if err != nil {
		return eval.Fact{}, fmt.Errorf("%w: a slot of %s: %w", ErrRecord, name, err)
	}
	return eval.Fact{Collection: name, Tuple: t}, nil
}
