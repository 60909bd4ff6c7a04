package session

import (
	"errors"
	"fmt"
	"slices"
)

// Level is what a session is promised. Its numbers stand in requests, so that they do not
// change.
type Level uint8

// The levels. Those from ReadYourWrites to PRAM are made of the guarantees of Terry et al.;
// the last two are of transactions, see [Txn], whose requests are eventual ones.
const (
	// Eventual promises that reads come from real writes and that replicas
	// converge; each request stands alone.
	Eventual Level = iota
	// Causal promises that a read sees every write in its causal past: the
	// session's own, those it has read, and what those depended on.
	Causal
	// ReadYourWrites promises that a read sees the session's own writes that were answered.
	ReadYourWrites
	// MonotonicReads promises that a read sees what the session's reads of the key saw.
	MonotonicReads
	// MonotonicWrites promises that who reads at this level, and sees a write, sees what
	// its session had written under the key before.
	MonotonicWrites
	// WritesFollowReads promises that who reads at this level, and sees a write, sees what
	// its session had read of the key before, whichever keys that came by.
	WritesFollowReads
	// PRAM is the first three together: a session sees the writes of each other session
	// in their order, and its own at once.
	PRAM
	// ReadCommitted promises that no transaction sees what another one has not committed,
	// nor a value that another one has replaced, or added and deleted, itself.
	ReadCommitted
	// ItemCut promises, of what a transaction reads more than once, that it does not
	// change.
	ItemCut
)

// ErrLevel is wrapped by [ParseLevel].
var ErrLevel = errors.New("session: unknown consistency level")

// byName are the levels in the order in which they are listed, weak ones first.
var byName = []struct {
	name   string
	level  Level
	keeps  Guarantees
	served bool // replicas know it
}{
	{"eventual", Eventual, 0, true},
	{"ryw", ReadYourWrites, RYW, true},
	{"mr", MonotonicReads, MR, true},
	{"mw", MonotonicWrites, MW, true},
	{"wfr", WritesFollowReads, WFR, true},
	{"pram", PRAM, RYW | MR | MW, true},
	{"causal", Causal, RYW | MR | MW | WFR, true},
	{"read-committed", ReadCommitted, 0, false},
	{"item-cut", ItemCut, 0, false},
}

// Levels lists the names of the levels, weak ones first, those of transactions last.
func Levels() []string {
	names := make([]string, len(byName))
	for i := range byName {
		names[i] = byName[i].name
	}
	return names
}

// String is the level's name.
func (l Level) String() string {
	for i := range byName {
		if byName[i].level == l {
			return byName[i].name
		}
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// ParseLevel is the inverse of [Level.String].
func ParseLevel(name string) (Level, error) {
	i := slices.Index(Levels(), name)
	if i < 0 {
		return 0, fmt.Errorf("%w %q (known: %v)", ErrLevel, name, Levels())
	}
	return byName[i].level, nil
}

// Guarantees is a set of the four session guarantees (Terry et al., PDIS'94).
type Guarantees uint8

// The guarantees.
const (
	RYW Guarantees = 1 << iota // a read sees the session's writes
	MR                         // a read sees what the session's reads saw
	MW                         // who sees a write sees the session's earlier ones
	WFR                        // who sees a write sees what the session had read before it
)

// keeps are the guarantees by level.
var keeps = func() (all [ItemCut + 1]Guarantees) {
	for _, x := range byName {
		all[x.level] = x.keeps
	}
	return all
}()

// Guarantees are those that make up the level; none for what is no level.
func (l Level) Guarantees() Guarantees {
	if l > ItemCut {
		return 0
	}
	return keeps[l]
}

// Transactional reports whether the level is one of transactions, which the client keeps.
func (l Level) Transactional() bool { return l == ReadCommitted || l == ItemCut }

// Served is the level that requests of the session ask for: that of a transaction is
// kept by its client, and replicas know nothing of it.
func (l Level) Served() Level {
	if l.Transactional() {
		return Eventual
	}
	return l
}

// Known reports whether replicas know the level.
func (l Level) Known() bool { return l <= PRAM }

// Waits reports whether a read at the level may have to wait for writes, and fail for want
// of them.
func (l Level) Waits() bool { return l.Guarantees() != 0 }

// Requires reports whether a read must see the past that its request shows.
func (l Level) Requires() bool { return l.Guarantees()&(RYW|MR) != 0 }

// Follows reports whether a read must see what the writes that it sees depend on.
func (l Level) Follows() bool { return l.Guarantees()&(MW|WFR) != 0 }

// Apart reports whether what a session of the level must see, and what its writes
// depend on, are two pasts: only then is there an Own beside the past.
//
// At Causal both are one, as all that was seen is depended on; at the levels of a
// single guarantee one of the two is empty.
func (l Level) Apart() bool { return l == PRAM }

// Depends is what a write at the level depends on, given the pasts of its session.
func (l Level) Depends(past, own Matrix) Matrix {
	switch {
	case l.Apart():
		return own
	case l == ReadYourWrites || l == MonotonicReads:
		return nil
	}
	return past
}
