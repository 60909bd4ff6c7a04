package scenario

import (
	"bytes"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
	"github.com/joinery-go/joinery/sim/net"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// memory is what a runner keeps from run to run. Nothing in it bears on what a run
// does: a fresh runner runs every seed alike, which a test holds.
type memory struct {
	rings    map[shape]*ring.Ring // rings do not change
	plain    *kind.Kinds          // nor do kinds
	tagged   *kind.Kinds
	foreign  *kind.Kinds
	plan     workload.Memory
	net      net.Net
	replicas []*replica
	clients  []*client
	watching []*watcher
	logs     []*device
	watchers

	ops      []workload.Operation // ascending by ID: the plan, and the reads after the fence
	recorded []history.Op
	fates    []fate       // by position: what a transaction has done with an operation
	sides    []sided      // by position: how the replica stood that was asked
	judged   []history.Op // of the history that is judged
	ids      []uint64     // and of its operations
	causal   []history.Op // and of the part of it that the causal models judge
	saw      []uint64     // tags that reads saw, one read after the other
	scratch
}

// shape is what a ring depends on.
type shape struct{ nodes, partitions, replicas, disks int }

// scratch is memory for a moment.
type scratch struct {
	inbox    []byte // what a replica is given
	sent     wire.Response
	arg, msg []byte
	elems    []history.Value
	response wire.Response
	values   map[kind.Kind]kind.Value
	order    []int
}

// give lets go of all that a result points to, so that it stays as it is when the
// runner goes on.
func (m *memory) give() {
	m.ops, m.judged, m.ids, m.saw = nil, nil, nil, nil
	m.plan.Give()
}

// letGo lets go of what a long run has left. Each buffer of the world, and each record of a disk,
// comes to be as large as the largest that was ever there, so that what long runs leave would grow
// from each to the next; and one that long hardly notices what it takes to make all anew.
func (rn *Runner) letGo() {
	rn.world = nil
	rn.memory = memory{rings: rn.rings, plain: rn.plain, tagged: rn.tagged, foreign: rn.foreign}
}

func (m *memory) ring(s *Setup) (*ring.Ring, error) {
	if s.moves() {
		return s.ring()
	}
	k := shape{s.Nodes, s.Partitions, s.Replicas, s.Disks}
	if r := m.rings[k]; r != nil {
		return r, nil
	}
	r, err := s.ring()
	if err != nil {
		return nil, err
	}
	if m.rings == nil || len(m.rings) >= maxRings {
		m.rings = make(map[shape]*ring.Ring)
	}
	m.rings[k] = r
	return r, nil
}

const maxRings = 256

func (m *memory) kinds(s *Setup) (*kind.Kinds, error) {
	if m.tagged == nil {
		t, err := workload.TaggedKinds()
		if err != nil {
			return nil, err
		}
		if m.foreign, err = workload.Kinds(true); err != nil {
			return nil, err
		}
		if m.plain, err = workload.Kinds(false); err != nil {
			return nil, err
		}
		m.tagged = t
	}
	switch {
	case s.Tagged:
		return m.tagged, nil
	case s.Seed%4 == 0:
		return m.foreign, nil
	}
	return m.plain, nil
}

// replica is the host of a replica that starts, with nothing left of what it was.
func (m *memory) replica(r *run, n sim.NodeID, log *device) *replica {
	for len(m.replicas) <= int(n) {
		m.replicas = append(m.replicas, new(replica))
	}
	h := m.replicas[n]
	*h = replica{run: r, id: ring.NodeID(n), disk: log.Log, engine: log.engine, store: h.store, stored: h.stored}
	return h
}

// client is the client number i, which does not crash.
func (m *memory) client(r *run, i int) *client {
	for len(m.clients) <= i {
		m.clients = append(m.clients, new(client))
	}
	c := m.clients[i]
	c.run, c.sessions = r, c.sessions[:0]
	return c
}

// log is the disk of a node, empty.
func (m *memory) log(r *run, n sim.NodeID) *device {
	for len(m.logs) <= int(n) {
		m.logs = append(m.logs, &device{Log: disk.NewLog(disk.Options{})})
	}
	d := m.logs[n]
	d.Log.Reset(disk.Options{})
	d.run, d.node, d.engine = r, n, nil
	if r.setup.onEngine(n) {
		var err error
		if d.engine, err = newEngine(d); err != nil {
			r.err = err
		}
	}
	return d
}

// value is a value of a kind for a moment.
func (m *memory) value(k kind.Kind) kind.Value {
	v, ok := m.values[k]
	if !ok {
		if m.values == nil {
			m.values = make(map[kind.Kind]kind.Value)
		}
		v = k.New()
		m.values[k] = v
	}
	return v
}

// lent is a copy of a message, valid until it is poisoned. Whoever keeps hold of it finds
// the next one there, whatever the runner has run before: what is too large for that has
// memory of its own.
func (m *memory) lent(msg []byte) []byte {
	if m.inbox == nil {
		m.inbox = make([]byte, 16<<10)
	}
	if len(msg) > len(m.inbox) {
		return bytes.Clone(msg)
	}
	return m.inbox[:copy(m.inbox, msg)]
}

// tags is a copy of the tags that a read saw; nil, which an untagged read has,
// remains nil.
func (m *memory) tags(saw []uint64) []uint64 {
	if saw == nil {
		return nil
	}
	if len(saw) > cap(m.saw)-len(m.saw) {
		m.saw = make([]uint64, 0, max(2*cap(m.saw), len(saw), 1024))
	}
	from := len(m.saw)
	m.saw = append(m.saw, saw...)
	return m.saw[from:len(m.saw):len(m.saw)]
}
