package reports_test

import (
	"cmp"
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// register is a last-writer-wins register, of wide ranges.
type register struct {
	Value   string
	At      time.Time
	Replica string
}

func someRegisterWrites() *rapid.Generator[register] {
	return rapid.Custom(func(t *rapid.T) register {
		return register{
			rapid.String().Draw(t, "value"), time.UnixMilli(rapid.Int64Range(1_600_000_000_000, 1_900_000_000_000).Draw(t, "at")),
			rapid.StringMatching(`10\.0\.0\.[0-9]{1,2}:2552`).Draw(t, "replica"),
		}
	})
}

// lastWrite takes a, where no order decides.
func lastWrite(orders ...func(a, b register) int) func(a, b register) register {
	return func(a, b register) register {
		for _, order := range orders {
			if c := order(a, b); c != 0 {
				if c < 0 {
					return b
				}
				return a
			}
		}
		return a
	}
}

func byTime(a, b register) int    { return a.At.Compare(b.At) }
func byReplica(a, b register) int { return cmp.Compare(a.Replica, b.Replica) }
func byValue(a, b register) int   { return cmp.Compare(a.Value, b.Value) }

// bookmark is a page somebody wants to read.
type bookmark struct {
	Updated time.Time
	Title   string
	Deleted bool
}

func someBookmarks() *rapid.Generator[bookmark] {
	return rapid.Custom(func(t *rapid.T) bookmark {
		return bookmark{time.Unix(rapid.Int64Range(0, 2_000_000_000).Draw(t, "updated"), 0), rapid.String().Draw(t, "title"), rapid.Bool().Draw(t, "deleted")}
	})
}

// recent takes a, where time and title do not decide; a deletion does, if asked.
func recent(deletions bool) func(a, b bookmark) bookmark {
	return func(a, b bookmark) bookmark {
		c := cmp.Or(a.Updated.Compare(b.Updated), cmp.Compare(a.Title, b.Title))
		if c < 0 || c == 0 && deletions && b.Deleted {
			return b
		}
		return a
	}
}

// gossip is a version of a membership and who has seen it.
type gossip struct {
	Version ticks
	Seen    map[string]bool
}

func someGossip() *rapid.Generator[gossip] {
	return rapid.Custom(func(t *rapid.T) gossip {
		return gossip{someTicks(1).Draw(t, "version"), rapid.MapOf(letters(), rapid.Just(true)).Draw(t, "seen")}
	})
}

// gossiped takes the newer version. Of one version all who have seen it are kept, or those of
// a alone; of versions that are concurrent nobody has seen the join.
func gossiped(all bool) func(a, b gossip) gossip {
	return func(a, b gossip) gossip {
		switch le, ge := notAfter(a.Version, b.Version), notAfter(b.Version, a.Version); {
		case le && ge && all:
			seen := maps.Clone(a.Seen)
			maps.Copy(seen, b.Seen)
			return gossip{a.Version, seen}
		case ge:
			return a
		case le:
			return b
		}
		return gossip{laterOf(a.Version, b.Version), map[string]bool{}}
	}
}

// cluster is the members of a cluster, those that were removed, and who of the members has
// seen that.
type cluster struct{ Members, Removed, Seen map[string]bool }

func someClusters() *rapid.Generator[cluster] {
	some := rapid.MapOf(letters(), rapid.Just(true))
	return rapid.Custom(func(t *rapid.T) cluster {
		c := cluster{some.Draw(t, "members"), some.Draw(t, "removed"), some.Draw(t, "seen")}
		maps.DeleteFunc(c.Members, func(n string, _ bool) bool { return c.Removed[n] })
		maps.DeleteFunc(c.Seen, func(n string, _ bool) bool { return !c.Members[n] })
		return c
	})
}

func validCluster(c cluster) error {
	for n := range c.Seen {
		if !c.Members[n] {
			return fmt.Errorf("%s is no member, and has seen them", n)
		}
	}
	return nil
}

// clustered keeps who has seen the members though they were removed, unless it filters.
func clustered(filters bool) func(a, b cluster) cluster {
	return func(a, b cluster) cluster {
		both := func(x, y map[string]bool) map[string]bool {
			m := maps.Clone(x)
			maps.Copy(m, y)
			return m
		}
		c := cluster{both(a.Members, b.Members), both(a.Removed, b.Removed), both(a.Seen, b.Seen)}
		removed := func(n string, _ bool) bool { return c.Removed[n] }
		maps.DeleteFunc(c.Members, removed)
		if filters {
			maps.DeleteFunc(c.Seen, removed)
		}
		return c
	}
}

// replicaDesc is which replica was elected, and when.
type replicaDesc struct {
	Elected, Received int64
	Replica           string
}

func (r *replicaDesc) order(o *replicaDesc) int {
	return cmp.Or(cmp.Compare(r.Elected, o.Elected), cmp.Compare(r.Received, o.Received), cmp.Compare(r.Replica, o.Replica))
}

// mergeAlways says that what is the same was a change.
func (r *replicaDesc) mergeAlways(o *replicaDesc) (*replicaDesc, error) {
	if r.order(o) > 0 {
		return nil, nil
	}
	*r = *o
	change := *o
	return &change, nil
}

func (r *replicaDesc) merge(o *replicaDesc) (*replicaDesc, error) {
	if r.order(o) == 0 {
		return nil, nil
	}
	return r.mergeAlways(o)
}

func someReplicaDescs() *rapid.Generator[replicaDesc] {
	at := rapid.Int64Range(0, 1<<40)
	return rapid.Custom(func(t *rapid.T) replicaDesc {
		return replicaDesc{at.Draw(t, "elected"), at.Draw(t, "received"), rapid.StringMatching(`replica-[0-9]`).Draw(t, "replica")}
	})
}

// tally counts messages, each once.
type tally struct {
	Sum  int
	Seen map[string]bool
}

type increment struct {
	ID string
	By int
}

// tallied names a message by its height and content, and by who sends it, if asked.
func tallied(sender bool) laws.OperationBased[tally, int, increment] {
	return laws.OperationBased[tally, int, increment]{
		Start: func() tally { return tally{0, map[string]bool{}} },
		Prepare: func(s tally, replica, by int) increment {
			id := fmt.Sprintf("%d/%d", len(s.Seen), by)
			if sender {
				id += fmt.Sprintf("/%d", replica)
			}
			return increment{id, by}
		},
		Effect: func(s tally, m increment) tally {
			if !s.Seen[m.ID] {
				s.Seen[m.ID] = true
				s.Sum += m.By
			}
			return s
		},
		Duplicates: true,
		Ops:        rapid.IntRange(1, 100),
		Value:      func(s tally) any { return s.Sum },
		Model: func(seen []laws.Event[int]) any {
			sum := 0
			for _, e := range seen {
				sum += e.Op
			}
			return sum
		},
	}
}

func replicaReports() []report {
	byAll, byHalf := lastWrite(byTime, byReplica, byValue), lastWrite(byTime, byReplica)
	valid := laws.Valid(validCluster)
	joinDescs := byMethod(func(r, o *replicaDesc) { _, _ = r.merge(o) })
	twice := tallied(false)
	return []report{
		{where: "KanishJebaMathewM/Truxify#13091", defect: "of writes at one time the first argument stays", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(lastWrite(byTime)), byAll, someRegisterWrites()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, byAll, someRegisterWrites(), o) }},
		{where: "pathosDev/actor-ts#950", defect: "of two writes of one replica in one millisecond the receiver's stays", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(byHalf), byAll, someRegisterWrites()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, byAll, someRegisterWrites(), o) }},
		{where: "calpaterson/quarchive#16", defect: "bookmarks of one time and title are told apart by no other field", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(recent(false)), recent(true), someBookmarks()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, recent(true), someBookmarks(), o) }},
		{where: "akka/akka-core#1222", defect: "where versions are the same, who has seen them is not merged", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(gossiped(false)), gossiped(true), someGossip()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, gossiped(true), someGossip(), o) }},
		{where: "akkadotnet/akka.net#8009", defect: "who has seen a membership is kept without being a member any more", door: "CheckMerge, Valid",
			law: "totality/defined", faulty: doorOf(laws.Func(clustered(false), valid), clustered(true), someClusters()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, clustered(true), someClusters(), valid, o) }},
		{where: "grafana/mimir#10185", defect: "a merge that changes nothing returns a change, to be sent on", door: "CheckMethod",
			law: "method/change-empty", faulty: doorOf(laws.Method[replicaDesc]((*replicaDesc).mergeAlways), joinDescs, someReplicaDescs()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMethod[replicaDesc](t, (*replicaDesc).merge, someReplicaDescs(), o)
			}},
		{where: "sourcenetwork/defradb#2179", defect: "increments that are the same, of two replicas, are taken for one", door: "ConvergeOps",
			law: "ops/model", faulty: scoped(laws.OperationConvergence(twice), twice.Ops),
			correct: func(t *testing.T, _ laws.Option) {
				laws.ConvergeOps(t, tallied(true), laws.Cases(scaled(2000, 100)))
			}},
	}
}
