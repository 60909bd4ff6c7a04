package reports_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// shelf is a set whose removals are kept.
type shelf struct{ Live, Gone map[string]bool }

// merge adds what the other has, unless it is gone here.
func (s *shelf) merge(o shelf) {
	s.mergeWith(o, func(k string) bool { return s.Gone[k] })
}

// mergeAll adds what the other has.
func (s *shelf) mergeAll(o shelf) { s.mergeWith(o, func(string) bool { return false }) }

func (s *shelf) mergeWith(o shelf, skip func(string) bool) {
	if s.Live == nil {
		s.Live = map[string]bool{}
	}
	if s.Gone == nil {
		s.Gone = map[string]bool{}
	}
	for k := range o.Gone {
		s.Gone[k] = true
		delete(s.Live, k)
	}
	for k := range o.Live {
		if !skip(k) {
			s.Live[k] = true
			delete(s.Gone, k)
		}
	}
}

func someShelves() *rapid.Generator[shelf] {
	return rapid.Custom(func(t *rapid.T) shelf {
		s := shelf{map[string]bool{}, map[string]bool{}}
		for k, gone := range rapid.MapOf(rapid.StringMatching(`[a-z]{1,4}`), rapid.Bool()).Draw(t, "entries") {
			if gone {
				s.Gone[k] = true
			} else {
				s.Live[k] = true
			}
		}
		return s
	})
}

// endpoint is what is known of a node: its generation, which each start raises, and values with versions, which
// begin anew with it.
type endpoint struct {
	Generation int
	States     map[string]versioned
}

type versioned struct {
	Version int
	Value   string
}

func someEndpoints() *rapid.Generator[endpoint] {
	one := rapid.Custom(func(t *rapid.T) versioned {
		v := rapid.IntRange(1, 1000).Draw(t, "version")
		return versioned{v, []string{"normal", "leaving", "down"}[v%3]} // a version is written once
	})
	return rapid.Custom(func(t *rapid.T) endpoint {
		g := rapid.IntRange(1, 5).Draw(t, "generation")
		e := endpoint{g, rapid.MapOf(rapid.SampledFrom([]string{"status", "load", "schema"}), one).Draw(t, "states")}
		for k, v := range e.States {
			v.Value += string(rune('0' + g))
			e.States[k] = v
		}
		return e
	})
}

// coalesced takes the greatest version of each value. forget has those of an earlier generation forgotten.
func coalesced(forget bool) func(a, b endpoint) endpoint {
	return func(a, b endpoint) endpoint {
		if forget && a.Generation != b.Generation {
			if a.Generation > b.Generation {
				return a
			}
			return b
		}
		j := endpoint{max(a.Generation, b.Generation), map[string]versioned{}}
		maps.Copy(j.States, a.States)
		for k, v := range b.States {
			if v.Version > j.States[k].Version {
				j.States[k] = v
			}
		}
		return j
	}
}

// ticker is a vector clock with the logical time of its node.
type ticker struct {
	Node    string
	Time    uint64
	Entries map[string]uint64
}

// merge takes the greatest of each; receive counts the event of receiving as well.
func (c *ticker) merge(o ticker) {
	if c.Entries == nil {
		c.Entries = map[string]uint64{}
	}
	for node, n := range o.Entries {
		c.Entries[node] = max(c.Entries[node], n)
	}
	c.Time = max(c.Time, o.Time)
}

func (c *ticker) receive(o ticker) {
	c.merge(o)
	c.Time++
	c.Entries[c.Node]++
}

func someTickers() *rapid.Generator[ticker] {
	return rapid.Custom(func(t *rapid.T) ticker {
		return ticker{
			"n1", rapid.Uint64Range(0, 100).Draw(t, "time"),
			rapid.MapOf(rapid.SampledFrom([]string{"n1", "n2", "n3"}), rapid.Uint64Range(1, 100)).Draw(t, "entries"),
		}
	})
}

// span is a run of operations of one client.
type span struct{ Clock, Len int }

// runsOfClients is the runs of each client, in order and apart.
type runsOfClients = map[int][]span

func someUpdates() *rapid.Generator[runsOfClients] {
	return rapid.MapOfN(rapid.IntRange(1, 4), rapid.Custom(func(t *rapid.T) []span {
		var runs []span
		at := 0
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 4), 1, 4).Draw(t, "lengths") {
			at += rapid.IntRange(0, 2).Draw(t, "gap")
			runs = append(runs, span{at, n})
			at += n
		}
		return united(runs)
	}), 0, 3)
}

// united joins runs that touch.
func united(runs []span) []span {
	slices.SortFunc(runs, func(a, b span) int { return a.Clock - b.Clock })
	var out []span
	for _, r := range runs {
		if n := len(out) - 1; n >= 0 && r.Clock <= out[n].Clock+out[n].Len {
			out[n].Len = max(out[n].Len, r.Clock+r.Len-out[n].Clock)
			continue
		}
		out = append(out, r)
	}
	return out
}

// mergedUpdates unites the runs of each client; of one that is new, only the last if lastOnly.
func mergedUpdates(lastOnly bool) func(a, b runsOfClients) runsOfClients {
	return func(a, b runsOfClients) runsOfClients {
		j := runsOfClients{}
		for client, runs := range a {
			j[client] = slices.Clone(runs)
		}
		for client, runs := range b {
			have, ok := j[client]
			if !ok && lastOnly {
				runs = runs[len(runs)-1:]
			}
			j[client] = united(slices.Concat(have, runs))
		}
		return j
	}
}

// status is how far a member is in its life: joining, up, leaving, exiting, down, removed.
type status int

// byPriority takes the status of the highest priority of each member.
func byPriority(priority [6]int) func(a, b map[string]status) map[string]status {
	return func(a, b map[string]status) map[string]status {
		j := maps.Clone(a)
		if j == nil {
			j = map[string]status{}
		}
		for member, s := range b {
			if have, ok := j[member]; !ok || priority[s] > priority[have] {
				j[member] = s
			}
		}
		return j
	}
}

var (
	ofLife       = [6]int{0, 1, 2, 3, 4, 5}
	removedFirst = [6]int{0, 1, 2, 4, 5, 3}
)

func someMembers() *rapid.Generator[map[string]status] {
	return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.Map(rapid.IntRange(0, 5), func(n int) status { return status(n) }), 0, 3)
}

func peerReports() []report {
	joiningShelf := byMethod(func(s, o *shelf) { s.merge(*o) })
	joiningTicker := byMethod(func(s, o *ticker) { s.merge(*o) })
	return []report{
		{where: "calimero-network/core#3084", defect: "what was removed here is put back, since the other has it", door: "CheckMethod",
			law: "method/commutative", faulty: doorOf(laws.Method[shelf]((*shelf).mergeAll), joiningShelf, someShelves()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMethod[shelf](t, (*shelf).merge, someShelves(), o)
			}},
		{where: "scylladb/scylladb#3798", defect: "values of an earlier start of a node stay until their versions are passed", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(coalesced(false)), coalesced(true), someEndpoints()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, coalesced(true), someEndpoints(), o) }},
		{where: "hetu-project/Setu#22", defect: "merging a clock counts an event as well", door: "CheckMethod",
			law: "method/idempotent", faulty: doorOf(laws.Method[ticker]((*ticker).receive), joiningTicker, someTickers()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMethod[ticker](t, (*ticker).merge, someTickers(), o)
			}},
		{where: "y-crdt/y-crdt#268", defect: "of a client that is new only the last run of operations is kept", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(mergedUpdates(true)), mergedUpdates(false), someUpdates()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, mergedUpdates(false), someUpdates(), o) }},
		{where: "akka/akka-core#1415", defect: "a removed member gives way to one that is exiting or down", door: "CheckMerge",
			why:     "any order of statuses makes a semilattice: which is meant only a model can tell",
			faulty:  doorOf(laws.Func(byPriority(removedFirst)), byPriority(removedFirst), someMembers()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, byPriority(ofLife), someMembers(), o) }},
	}
}
