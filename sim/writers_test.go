package sim_test

import (
	"encoding/binary"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

// writer is node 1 or 2: it numbers what it is to write, keeps it on its disk and
// sends it to node 0 until that has acknowledged it. Node 0 takes each number of a
// writer once. On an empty disk the numbers begin again, so they are unique only
// together with the holder of the id, which the fault leaves out.
type writer struct {
	buggy bool
	acked map[uint64]bool // for the verdict
	born  uint64
	open  map[uint64]uint64 // by number, the operation not acknowledged
	next  uint64
}

// store is node 0, which stays.
type store struct {
	buggy bool
	taken map[numbered]bool
	got   map[uint64]bool
}

// numbered is what a store takes once.
type numbered struct {
	writer       sim.NodeID
	born, number uint64
}

func startWriters(buggy bool, _ map[uint64]step) (func(sim.NodeID) sim.Actor, func(*sim.World) string) {
	acked := map[uint64]bool{}
	return func(n sim.NodeID) sim.Actor {
			if n == 0 {
				return &store{buggy: buggy, taken: map[numbered]bool{}, got: map[uint64]bool{}}
			}
			return &writer{buggy: buggy, acked: acked, open: map[uint64]uint64{}}
		}, func(w *sim.World) string {
			for id := range acked {
				if !w.Actor(0).(*store).got[id] {
					return "lost"
				}
			}
			return ""
		}
}

func (w *writer) Start(c *sim.Context) {
	at, records := born(c)
	w.born = at
	for _, r := range records {
		w.next++
		w.open[w.next] = binary.LittleEndian.Uint64(r)
	}
	c.After(rosterTick, 1)
}

func (w *writer) Input(c *sim.Context, id uint64) {
	disk.Of(c).Append(c, id, binary.LittleEndian.AppendUint64(nil, id))
}

func (w *writer) Persisted(_ *sim.Context, id uint64) {
	if id > 0 { // 0 is when it was born
		w.next++
		w.open[w.next] = id
	}
}

func (w *writer) Timer(c *sim.Context, _ sim.TimerID) {
	for number := uint64(1); number <= w.next; number++ {
		if id, open := w.open[number]; open {
			m := binary.LittleEndian.AppendUint64(nil, w.born)
			m = binary.LittleEndian.AppendUint64(m, number)
			c.Send(0, 1, binary.LittleEndian.AppendUint64(m, id))
		}
	}
	c.After(rosterTick, 1)
}

func (w *writer) Receive(_ *sim.Context, _ sim.NodeID, m []byte) {
	holder, number := binary.LittleEndian.Uint64(m), binary.LittleEndian.Uint64(m[8:])
	if id, open := w.open[number]; open && (holder == w.born || w.buggy) {
		w.acked[id] = true
		delete(w.open, number)
	}
}

func (s *store) Start(*sim.Context)              {}
func (s *store) Timer(*sim.Context, sim.TimerID) {}
func (s *store) Input(*sim.Context, uint64)      {} // it need not know who comes and goes

func (s *store) Receive(c *sim.Context, from sim.NodeID, m []byte) {
	n := numbered{from, binary.LittleEndian.Uint64(m), binary.LittleEndian.Uint64(m[8:])}
	if s.buggy {
		n.born = 0
	}
	if !s.taken[n] {
		s.taken[n] = true
		s.got[binary.LittleEndian.Uint64(m[16:])] = true
	}
	c.Send(from, 2, m[:16])
}
