package member

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice"
)

// Phase is how far a life of a node has come.
type Phase uint8

// The phases of a life, ascending.
const (
	Joining Phase = iota
	Active
	Leaving
	Gone
	phases
)

func (p Phase) String() string {
	switch p {
	case Joining:
		return "joining"
	case Active:
		return "active"
	case Leaving:
		return "leaving"
	case Gone:
		return "gone"
	}
	return fmt.Sprintf("phase %d", uint8(p))
}

// State is a life of a node's id, from 1, and its phase: a later life is above an earlier one,
// whatever their phases. The zero State is that of a node that was never named.
type State uint64

// In is the state of a life, from 1 to [MaxLife].
func In(life uint32, p Phase) State { return State(life)*State(phases) + State(p) }

// Life is which life it is.
func (s State) Life() uint32 { return uint32(s / State(phases)) }

// Phase is how far that life has come.
func (s State) Phase() Phase { return Phase(s % State(phases)) }

func (s State) String() string {
	if s == 0 {
		return "never named"
	}
	return fmt.Sprintf("%v in life %d", s.Phase(), s.Life())
}

const (
	// MaxMembers is how many nodes may ever have been named.
	MaxMembers = 1 << 12
	// MaxLife is the last life of an id.
	MaxLife = 1<<32 - 1
)

// Set is the state of each node that was ever named: entries that strictly ascend by node,
// none at the zero State. ⊥ is the empty set.
type Set []lattice.Entry[ring.NodeID, State]

var (
	sets     = lattice.OrderedMapOf[ring.NodeID](lattice.Max[State]())
	setsCaps = lattice.CapsOf(sets) // made once, since each message has some
)

// Merge is the lattice of sets.
func Merge() lattice.Merge[Set] { return lattice.As[Set](sets) }

// Of is the set in which the nodes of a ring are active, in their first life.
func Of(r *ring.Ring) Set {
	s := make(Set, 0, len(r.Nodes()))
	for _, n := range r.Nodes() {
		s = append(s, lattice.Entry[ring.NodeID, State]{Key: n, Val: In(1, Active)})
	}
	return s
}

// At is the state of a node.
func (s Set) At(n ring.NodeID) State {
	for _, e := range s {
		if e.Key == n {
			return e.Val
		}
	}
	return 0
}

// MergeIn joins other into s and reports whether s rose. other is not retained.
func (s *Set) MergeIn(other Set) (grew bool) {
	return sets.MergeIn((*[]lattice.Entry[ring.NodeID, State])(s), other)
}

// Raise is the join of s and other. It may be s itself, which it does not change.
func (s Set) Raise(other Set) Set {
	if s.Includes(other) {
		return s
	}
	risen := s.Clone()
	risen.MergeIn(other)
	return risen
}

// Includes reports whether s is other, or above it.
func (s Set) Includes(other Set) bool { return sets.Compare(s, other)&lattice.Greater != 0 }

// Clone returns an independent copy.
func (s Set) Clone() Set { return slices.Clone(s) }

// In lists the nodes that are in one of the phases, ascending.
func (s Set) In(phases ...Phase) (nodes []ring.NodeID) {
	for _, e := range s {
		if slices.Contains(phases, e.Val.Phase()) {
			nodes = append(nodes, e.Key)
		}
	}
	return nodes
}

// Moving reports whether a node joins or leaves.
func (s Set) Moving() bool {
	return slices.ContainsFunc(s, func(e lattice.Entry[ring.NodeID, State]) bool {
		p := e.Val.Phase()
		return p == Joining || p == Leaving
	})
}

// ErrDecode is wrapped by every refusal to decode a set.
var ErrDecode = errors.New("member: cannot decode")

// Append appends the encoding of s.
func (s Set) Append(dst []byte) []byte { return setsCaps.Append(dst, s) }

// Decode reads a set from the front of src.
func Decode(src []byte) (s Set, rest []byte, err error) {
	entries, rest, err := setsCaps.Decode(src)
	if err != nil {
		return nil, src, fmt.Errorf("%w: %w", ErrDecode, err)
	}
	if len(entries) > MaxMembers {
		return nil, src, fmt.Errorf("%w: %d members, limit %d", ErrDecode, len(entries), MaxMembers)
	}
	for _, e := range entries {
		if e.Val < In(1, Joining) || e.Val > In(MaxLife, Gone) {
			return nil, src, fmt.Errorf("%w: node %d in life %d", ErrDecode, e.Key, uint64(e.Val/State(phases)))
		}
		if e.Key > ring.MaxNode {
			return nil, src, fmt.Errorf("%w: node %d, limit %d", ErrDecode, e.Key, ring.MaxNode)
		}
	}
	return entries, rest, nil
}

// ErrChange is wrapped when a change is refused.
var ErrChange = errors.New("member: change refused")

// Change is what an operator asks for: that a node is in a phase.
type Change struct {
	Node ring.NodeID
	To   Phase
	// Life is the one that is to begin, to leave or to be gone: in another one the change is refused,
	// so that what is asked for again, and comes late, does not concern a life that came after. 0 is
	// the one at hand.
	Life uint32
}

func (c Change) String() string { return fmt.Sprintf("node %d %v", c.Node, c.To) }

// With is s with a change of an operator. To join, a node is new or gone: it begins its next
// life. To leave it is active, and not the last that is to stay. To be gone it is not so yet,
// and not the last that is active or leaving. Nor is it in another life than the change names, if it
// names one. Errors wrap [ErrChange].
func (s Set) With(c Change) (Set, error) {
	at := s.At(c.Node)
	others := func(phases ...Phase) bool {
		return slices.ContainsFunc(s.In(phases...), func(n ring.NodeID) bool { return n != c.Node })
	}
	to, life := In(at.Life(), c.To), at.Life()
	if c.To == Joining {
		life++
	}
	switch {
	case c.Node > ring.MaxNode:
		return nil, fmt.Errorf("%w: node %d, limit %d", ErrChange, c.Node, ring.MaxNode)
	case c.To == Joining && at != 0 && at.Phase() != Gone:
		return nil, fmt.Errorf("%w: node %d is %v", ErrChange, c.Node, at)
	case c.To == Joining && at.Life() == MaxLife, c.To == Joining && at == 0 && len(s) == MaxMembers:
		return nil, fmt.Errorf("%w: node %d is one, or one life, too many", ErrChange, c.Node)
	case c.Life != 0 && c.Life != life:
		return nil, fmt.Errorf("%w: node %d is %v, and life %d was asked for", ErrChange, c.Node, at, c.Life)
	case c.To == Joining:
		to = In(at.Life()+1, Joining)
	case c.To != Leaving && c.To != Gone:
		return nil, fmt.Errorf("%w: it is for node %d to say that it is %v", ErrChange, c.Node, c.To)
	case at == 0 || at.Phase() == Gone:
		return nil, fmt.Errorf("%w: node %d is %v", ErrChange, c.Node, at)
	case c.To == Leaving && at.Phase() != Active:
		return nil, fmt.Errorf("%w: node %d is %v, and only an active one leaves", ErrChange, c.Node, at)
	case c.To == Leaving && !others(Active):
		return nil, fmt.Errorf("%w: node %d is the last that is active", ErrChange, c.Node)
	case c.To == Gone && at.Phase() != Joining && !others(Active, Leaving):
		return nil, fmt.Errorf("%w: node %d is the last that holds anything", ErrChange, c.Node)
	}
	return s.Raised(c.Node, to), nil
}

// Raised is s with a node in a state, or a later one.
func (s Set) Raised(n ring.NodeID, to State) Set {
	return s.Raise(Set{{Key: n, Val: to}})
}
