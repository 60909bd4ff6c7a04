// Package invariant has what must hold inside of protocols that agree on something, as
// checks that a [campaign.Protocol] makes while a run goes on and in its end: that nobody
// says another thing than was said before ([Agreement]: one leader a term, one entry an
// index, one decision an instance), and that logs which agree somewhere agree before it
// ([LogsMatch]).
//
// These see what clients may not: a second leader that serves nobody is a fault still.
// What clients see is judged by package consistency.
package invariant

import (
	"fmt"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
)

// Agreement is what nodes have said of keys in a run, such as who leads in a term. Of one
// key all must say one value, whenever they say it. Values are told apart by ==. It keeps
// all that was said.
type Agreement[K, V comparable] struct {
	run    *campaign.Run
	oracle string
	about  string
	said   map[K]saying[V]
}

type saying[V comparable] struct {
	by    sim.NodeID
	value V
}

// NewAgreement begins a run's agreement. The oracle names what is checked in violations,
// "election safety", and about says what a key is, "the leader of term".
func NewAgreement[K, V comparable](r *campaign.Run, oracle, about string) *Agreement[K, V] {
	return &Agreement[K, V]{r, oracle, about, map[K]saying[V]{}}
}

// Say notes what a node says of a key. The run fails if another value was said before.
func (a *Agreement[K, V]) Say(n sim.NodeID, key K, value V) {
	first, said := a.said[key]
	switch {
	case !said:
		a.said[key] = saying[V]{n, value}
	case first.value != value:
		a.run.Fail(campaign.Violation{
			Oracle: a.oracle, Kind: "disagreement", Node: -1,
			Message: fmt.Sprintf("%v says that %s %v is %v, and %v said %v", n, a.about, key, value, first.by, first.value),
		})
	}
}

// Entry is an entry of a replicated log.
type Entry struct {
	Index, Term uint64
	Data        string
}

// String is what the entry is in a violation, with the first bytes of its data.
func (e Entry) String() string {
	const shown = 40
	if len(e.Data) > shown {
		return fmt.Sprintf("entry %d of term %d with %q and %d bytes more", e.Index, e.Term, e.Data[:shown], len(e.Data)-shown)
	}
	return fmt.Sprintf("entry %d of term %d with %q", e.Index, e.Term, e.Data)
}

// Log is a log in memory as the storages of raft libraries are: with entries at each index
// from the first to the last, and none if the last is before the first.
type Log interface {
	FirstIndex() (uint64, error)
	LastIndex() (uint64, error)
}

// LogsMatch is a [campaign.Instance.Check]: the log matching property (Ongaro and
// Ousterhout, 2014, section 5.3) of the logs of nodes 0 to n-1, whose actors are of type A.
// Where two have an entry of one index and one term, these and all before are the same, as
// far as both go back. A node that is down has no log. at is the entry at an index. An
// error is a [campaign.Violation], or one of reading a log. It reads each log once, and
// compares each two of them.
func LogsMatch[A sim.Actor, L Log](n int, log func(A) L, at func(L, uint64) (Entry, error)) func(*campaign.Run) error {
	return func(r *campaign.Run) error {
		all, _ := campaign.Actors[A](r, n)
		logs := make([][]Entry, len(all))
		for j, a := range all {
			var err error
			if logs[j], err = read(log(a), at); err != nil {
				return fmt.Errorf("log cannot be read: %w", err)
			}
			for i := range j {
				if at, ok := match(logs[i], logs[j]); !ok {
					return campaign.Violation{
						Oracle: "log matching", Kind: "two entries", Node: -1,
						Message: fmt.Sprintf("two logs agree on the term of an entry at or behind index %d, and not on what is at that index", at),
					}
				}
			}
		}
		return nil
	}
}

// read is a log as a slice.
func read[L Log](log L, at func(L, uint64) (Entry, error)) (all []Entry, err error) {
	first, err := log.FirstIndex()
	if err != nil {
		return nil, err
	}
	last, err := log.LastIndex()
	if err != nil {
		return nil, err
	}
	for i := first; i <= last; i++ {
		e, err := at(log, i)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// match compares two logs from the end, and says at which index they go wrong.
func match(a, b []Entry) (at uint64, ok bool) {
	agree := false
	for i, j := len(a)-1, len(b)-1; i >= 0 && j >= 0; {
		switch x, y := &a[i], &b[j]; {
		case x.Index > y.Index:
			i--
		case x.Index < y.Index:
			j--
		default:
			agree = agree || x.Term == y.Term
			if agree && *x != *y {
				return x.Index, false
			}
			i, j = i-1, j-1
		}
	}
	return 0, true
}

// Converged is a [campaign.Instance.Done] of nodes 0 to n-1, whose actors are of type A:
// all are up and settled, and all have come equally far. Of each node, of says how far it
// has come, and whether it has settled there.
func Converged[A sim.Actor, P comparable](n int, of func(A) (far P, settled bool)) func(*campaign.Run) bool {
	return func(r *campaign.Run) bool {
		all, whole := campaign.Actors[A](r, n)
		var first P
		for i, a := range all {
			far, settled := of(a)
			if i == 0 {
				first = far
			}
			if !settled || far != first {
				return false
			}
		}
		return whole
	}
}

// Same is a [campaign.Instance.Check]: something is the same at all of nodes 0 to n-1 that
// are up, whose actors are of type A. What it is names the violation.
func Same[A sim.Actor, V comparable](n int, what string, of func(A) V) func(*campaign.Run) error {
	return func(r *campaign.Run) error {
		all, _ := campaign.Actors[A](r, n)
		for _, a := range all {
			if x, y := of(all[0]), of(a); x != y {
				return campaign.Violation{Kind: what + " differs", Node: -1, Message: fmt.Sprintf("%s is %v at one node, and %v at another", what, x, y)}
			}
		}
		return nil
	}
}

// All is a [campaign.Instance.Check] of several: the first error is the one that counts.
func All(checks ...func(*campaign.Run) error) func(*campaign.Run) error {
	return func(r *campaign.Run) error {
		for _, check := range checks {
			if err := check(r); err != nil {
				return err
			}
		}
		return nil
	}
}
