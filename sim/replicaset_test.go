package sim_test

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

const rosterTick = 10 * sim.Millisecond

// born is when a node started with an empty disk, which its disk then holds: the
// name of this holder of the node's id, as against those before and after it.
func born(c *sim.Context) (at uint64, records [][]byte) {
	records = disk.Of(c).Records()
	if len(records) > 0 {
		return binary.LittleEndian.Uint64(records[0]), records[1:]
	}
	at = uint64(c.Now())
	disk.Of(c).Append(c, 0, binary.LittleEndian.AppendUint64(nil, at))
	return at, nil
}

// copySet is a node of a replicated set. Elements are added and removed at node 0,
// which exchanges all it knows with the others again and again, and collects the
// tombstone of what was removed once all members have it. Nobody remembers what was
// collected: so who left must not be listened to any more, even if he comes back.
// The fault is that a node that left is not waited for, but listened to.
type copySet struct {
	buggy   bool
	steps   map[uint64]step
	removed map[byte]bool // of node 0, for the verdict
	have    map[byte]byte // by element: setPresent or setRemoved
	born    uint64
	last    [3]uint64        // when what was heard last from each node was sent
	knows   [3]map[byte]byte // what it said
	left    [3]bool          // not waited for
	banned  [3]uint64        // holders of the id born until then are not listened to
}

const (
	setPresent byte = 1 + iota
	setRemoved
)

func startSet(buggy bool, steps map[uint64]step) (func(sim.NodeID) sim.Actor, func(*sim.World) string) {
	removed := map[byte]bool{}
	return func(sim.NodeID) sim.Actor {
			return &copySet{buggy: buggy, steps: steps, removed: removed, have: map[byte]byte{}}
		}, func(w *sim.World) string {
			for element, as := range w.Actor(0).(*copySet).have {
				if removed[element] && as == setPresent {
					return "resurrected"
				}
			}
			return ""
		}
}

func (s *copySet) Start(c *sim.Context) {
	at, records := born(c)
	for _, r := range records {
		s.have[r[0]] = r[1]
	}
	s.born = at
	s.last[0] = uint64(c.Now()) // what was under way to an earlier life is not for this one
	c.After(rosterTick, 1)
}

func (s *copySet) set(c *sim.Context, element, as byte) {
	s.have[element] = as
	if as == 0 {
		delete(s.have, element)
	}
	disk.Of(c).Append(c, 0, []byte{element, as})
}

func (s *copySet) Input(c *sim.Context, id uint64) {
	switch step := s.steps[id]; step.Do {
	case doAdd:
		s.set(c, byte(id), setPresent)
	case doRemove: // the oldest there is
		for _, element := range slices.Sorted(maps.Keys(s.have)) {
			if s.have[element] == setPresent {
				s.removed[element] = true
				s.set(c, element, setRemoved)
				return
			}
		}
	case doLeave:
		s.left[step.Node], s.knows[step.Node], s.banned[step.Node] = true, nil, uint64(c.Now())
	case doJoin:
		s.left[step.Node] = false
	}
}

func (s *copySet) Timer(c *sim.Context, _ sim.TimerID) {
	m := binary.LittleEndian.AppendUint64(nil, s.born)
	m = binary.LittleEndian.AppendUint64(m, uint64(c.Now()))
	for _, element := range slices.Sorted(maps.Keys(s.have)) {
		m = append(m, element, s.have[element])
	}
	for to := range sim.NodeID(3) {
		if to != c.Self() && (to == 0 || c.Self() == 0) {
			c.Send(to, 1, m)
		}
	}
	c.After(rosterTick, 1)
}

func (s *copySet) Receive(c *sim.Context, from sim.NodeID, m []byte) {
	holder, sent := binary.LittleEndian.Uint64(m), binary.LittleEndian.Uint64(m[8:])
	if sent <= s.last[from] || !s.buggy && holder < s.banned[from] {
		return
	}
	s.last[from] = sent
	heard := map[byte]byte{}
	for m = m[16:]; len(m) > 0; m = m[2:] {
		heard[m[0]] = m[1]
		if s.have[m[0]] < m[1] {
			s.set(c, m[0], m[1])
		}
	}
	s.knows[from] = heard
	for _, element := range slices.Sorted(maps.Keys(s.have)) {
		if s.have[element] == setRemoved && s.collectable(c.Self(), element) {
			s.set(c, element, 0)
		}
	}
}

// collectable tells whether all members have a tombstone, or, on another node than
// node 0, whether that has collected it.
func (s *copySet) collectable(self sim.NodeID, element byte) bool {
	if self != 0 {
		return s.knows[0][element] == 0
	}
	for n := 1; n < 3; n++ {
		if !s.left[n] && s.knows[n][element] != setRemoved {
			return false
		}
	}
	return true
}
