package workers

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
)

// Role is what a node is.
type Role uint8

// The roles.
const (
	CoordinatorRole Role = iota
	SourceRole
	WorkerRole
	numRoles
)

// Address is a node: the number N, from 0, of those of its role. Coordinators are addressed
// all at once, as number 0, by everybody but one that is answered.
type Address struct {
	Role Role
	N    uint32
}

// String is the role and the number, as "worker 2".
func (a Address) String() string {
	if a.Role < numRoles {
		return fmt.Sprintf("%s %d", [...]string{"coordinator", "source", "worker"}[a.Role], a.N)
	}
	return fmt.Sprintf("role(%d) %d", uint8(a.Role), a.N)
}

func (a *Address) code(c *coder) {
	small(c, &a.Role, uint64(numRoles))
	small(c, &a.N, MaxPartitions)
}

// Kind is what a message is.
type Kind uint8

// The kinds.
const (
	ItemKind   Kind = iota // of a stream
	AckKind                // how far a stream was taken
	StatusKind             // of a worker or a source, to the coordinators
	PlanKind               // what a coordinator answers
	numKinds
)

// String is the kind in a word.
func (k Kind) String() string {
	if k < numKinds {
		return [...]string{"item", "ack", "status", "plan"}[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Message is what nodes send to one another. All of it may be lost, doubled, late and
// overtaken.
type Message struct {
	Kind     Kind
	From, To Address
	// Line is the world-line that the sender is in; a message of another than the
	// receiver's is not taken. Version is that of the sender's state which it is about:
	// the receiver's is not older when it is taken.
	Line, Version uint64

	// Of items and acks. Seq is the number of the item, or the one that comes next; Low
	// is, of an item, that of the first not acknowledged.
	Stream   Stream
	Seq, Low uint64
	Body     []byte

	// Of a status.
	Incarnation uint64
	Reports     []Report

	Plan *Plan // of a plan
}

// Report is a snapshot of a worker: its state at the end of each of the versions From to
// To, which is version Store of its branch.
type Report struct {
	From, To uint64
	Store    store.Version
}

func (r *Report) code(c *coder) {
	c.uint(&r.From)
	c.uint(&r.To)
	c.uint((*uint64)(&r.Store))
}

// Member is a worker of a world-line: which of its incarnations can join, the branch that
// its state begins with and its snapshots go to, and its partitions, from From on and
// below To.
type Member struct {
	Incarnation uint64 `json:"incarnation"`
	Branch      string `json:"branch"`
	From        uint32 `json:"from"`
	To          uint32 `json:"to"`
}

func (m *Member) code(c *coder) {
	c.uint(&m.Incarnation)
	c.string(&m.Branch, maxKey)
	small(c, &m.From, MaxPartitions+1)
	small(c, &m.To, MaxPartitions+1)
}

// Undo says that the global versions From to To were given up when world-line Line began.
type Undo struct {
	Line uint64 `json:"line"`
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

func (u *Undo) code(c *coder) {
	c.uint(&u.Line)
	c.uint(&u.From)
	c.uint(&u.To)
}

// Plan is what a coordinator tells of the present world-line.
type Plan struct {
	Line        uint64
	BaseVersion uint64   // that it began with, 0 for the empty state
	Members     []Member // by the number of the worker
	Undone      []Undo
	// Latest is the last global version, 0 for none, LatestVersion the version of workers
	// that it is the cut at, and Oldest the first that is kept.
	Latest, LatestVersion, Oldest uint64
	Highest                       uint64          // version that a worker is known to be in
	Kept                          []store.Version // of the receiver's branch, in global versions
}

func (p *Plan) code(c *coder) {
	for _, v := range []*uint64{&p.Line, &p.BaseVersion, &p.Latest, &p.LatestVersion, &p.Oldest, &p.Highest} {
		c.uint(v)
	}
	list(c, &p.Members, MaxWorkers, func(m *Member) { m.code(c) })
	list(c, &p.Undone, maxUndone, func(u *Undo) { u.code(c) })
	list(c, &p.Kept, MaxRetain, func(v *store.Version) { c.uint((*uint64)(v)) })
}

// owner is the number of the worker that has a partition, false for none.
func (p *Plan) owner(partition uint32) (uint32, bool) {
	for i, m := range p.Members {
		if m.From <= partition && partition < m.To {
			return uint32(i), true
		}
	}
	return 0, false
}

// Append adds the encoding of the message.
func (m *Message) Append(dst []byte) []byte { return encode(dst, m.code) }

// DecodeMessage reads a message. Errors wrap [ErrDecode].
func DecodeMessage(src []byte) (m Message, err error) {
	err = decode("a message", src, m.code)
	return m, err
}

func (m *Message) code(c *coder) {
	small(c, &m.Kind, uint64(numKinds))
	m.From.code(c)
	m.To.code(c)
	c.uint(&m.Line)
	c.uint(&m.Version)
	switch m.Kind {
	case ItemKind:
		m.Stream.code(c)
		c.uint(&m.Seq)
		c.uint(&m.Low)
		c.bytes(&m.Body, maxBody)
	case AckKind:
		m.Stream.code(c)
		c.uint(&m.Seq)
	case StatusKind:
		c.uint(&m.Incarnation)
		list(c, &m.Reports, maxReports, func(r *Report) { r.code(c) })
	case PlanKind:
		if c.reading {
			m.Plan = new(Plan)
		}
		m.Plan.code(c)
	}
}
