package linearizability

import (
	"slices"
	"strings"
)

// The names of anomalies of transactions over lists, with which reasons begin.
const (
	G0                = "G0"
	G1a               = "G1a (aborted read)"
	G1b               = "G1b (intermediate read)"
	G1c               = "G1c"
	GSingle           = "G-single"
	GNonadjacent      = "G-nonadjacent"
	G2Item            = "G2-item"
	LostUpdate        = "lost update"
	WriteSkew         = "write skew (G2-item)"
	LongFork          = "long fork (G-nonadjacent)"
	GSI               = "G-SI"
	Internal          = "internal"
	NonRepeatableRead = "internal (non-repeatable read)"
	DirtyUpdate       = "dirty update"
	IncompatibleOrder = "incompatible order"
	DuplicateElements = "duplicate elements"
	ThinAirRead       = "ThinAirRead"
	Fractured         = "fractured read"
	OTV               = "OTV (observed transaction vanishes)"
	CausalMiss        = "causality violation"
)

// Anomaly is a pattern that a history of transactions over lists may show.
type Anomaly struct {
	Name   string
	Doc    string // what it is
	Source string // who describes it
	// RulesOut are the weakest levels that do not allow it: every level that implies
	// one of them is ruled out too, and for each other one there is a history that has
	// the anomaly and satisfies the level.
	RulesOut []string
	// Process is the same for the variant that rests on the order of a session too,
	// whose name ends in -process; nil where there is none. One that rests on real time,
	// -realtime, rules out strict serializability alone.
	Process []string
}

// Anomalies lists what reasons may name, what is worst first.
func Anomalies() []Anomaly {
	const (
		adya  = "Adya, Weak Consistency (1999), section 3.2"
		elle  = "Kingsbury and Alvaro, Elle (VLDB 2020), section 4"
		mixed = "Adya, Weak Consistency (1999), section 4.3; Cerone and Gotsman, Analysing snapshot isolation (JACM 2018)"
	)
	return []Anomaly{
		{ThinAirRead, "an element that nobody appended was read", elle, []string{"read-uncommitted", "item-cut"}, nil},
		{DuplicateElements, "an element that was appended once is read twice in one list", elle, []string{"read-uncommitted"}, nil},
		{IncompatibleOrder, "two reads of a list of which neither shows a prefix of the other, or appends of a transaction out of its order", elle, []string{"read-uncommitted"}, nil},
		{Internal, "a transaction that does not find its own appends at the end of a list, or finds those to come",
			"Cerone et al., A framework for transactional consistency models (CONCUR 2015), axiom INT", []string{"read-uncommitted"}, nil},
		{NonRepeatableRead, "a list that a transaction reads again has changed by more than its own appends",
			"Bailis et al., Highly available transactions (VLDB 2013), item cut isolation", []string{"item-cut"}, nil},
		{G0, "appends in a cycle", adya, []string{"read-uncommitted"}, []string{"read-committed"}},
		{DirtyUpdate, "an element that committed stands behind one that aborted", elle, []string{"pl-2"}, nil},
		{G1a, "an element of a transaction that aborted was read", adya, []string{"pl-2"}, nil},
		{G1b, "of what a transaction appended to a list a part was read", adya, []string{"pl-2"}, nil},
		{G1c, "appends and reads of them in a cycle", adya, []string{"pl-2"}, []string{"read-committed"}},
		{OTV, "a transaction reads from another one, and later finds something of it missing",
			"Bailis et al., Highly available transactions (VLDB 2013), observed transaction vanishes", []string{"monotonic-atomic-view"}, nil},
		{Fractured, "a transaction finds a part of another one, or what its session had done, and something of it missing",
			"Bailis et al., Scalable atomic visibility with RAMP transactions (SIGMOD 2014)", []string{"read-atomic"}, nil},
		{CausalMiss, "a read does not show what was appended in its causal past", "Biswas and Enea, OOPSLA 2019", []string{"transactional-causal"}, nil},
		{LostUpdate, "two transactions read one version of a list and both append to it", mixed, []string{"pl-si"}, nil},
		{GSingle, "a cycle with one edge that says that what was read is overwritten", mixed, []string{"pl-si"}, []string{"snapshot-isolation"}},
		{LongFork, "two readers find two appends in different orders", mixed, []string{"pl-si", "prefix"}, []string{"snapshot-isolation"}},
		{GNonadjacent, "a cycle with several such edges, of which no two follow each other", mixed, []string{"pl-si"}, []string{"snapshot-isolation"}},
		{GSI, "appends that no read shows, whose transactions have to overlap", mixed, []string{"snapshot-isolation"}, nil},
		{WriteSkew, "two transactions each read what the other one overwrites", adya, []string{"repeatable-read"}, []string{"serializable"}},
		{G2Item, "a cycle in which two such edges follow each other", adya, []string{"repeatable-read"}, []string{"serializable"}},
	}
}

// RuledOut returns the levels that a history does not satisfy if it shows the anomaly of
// this name, which may end in -process or -realtime, strong levels first; nil if there is
// no such anomaly.
func RuledOut(anomaly string) []string {
	name, process := strings.CutSuffix(anomaly, "-process")
	name, realtime := strings.CutSuffix(name, "-realtime")
	all := Anomalies()
	i := slices.IndexFunc(all, func(a Anomaly) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	weakest := all[i].RulesOut
	switch {
	case realtime:
		weakest = []string{"strict-serializable"}
	case process:
		weakest = all[i].Process
	}
	var out []string
	l := transactionHierarchy()
	for _, r := range l {
		below := l.implied(r.level)
		if slices.ContainsFunc(weakest, func(w string) bool { return w == r.level || below[w] }) {
			out = append(out, r.level)
		}
	}
	return out
}

// anomalyOf is the name with which a reason begins.
func anomalyOf(reason string) string {
	name, _, _ := strings.Cut(reason, ": ")
	return name
}

// cycleShape is what the name of a cycle of dependencies hangs on.
type cycleShape struct {
	transactions int
	reads        int  // edges that say that one reads what the other wrote
	overwrites   int  // edges that say that one read what the other overwrites
	objects      int  // that those are about
	adjacent     bool // two of those follow each other
	lostUpdate   bool // two transactions read one version, and both overwrite it
	realtime     bool // an edge rests on real time
	process      bool // an edge rests on the order of a session
}

// name names a cycle as Adya does (Weak Consistency, 1999), by how many of its edges say
// that what was read is overwritten and whether two of them follow each other, and marks
// it as Elle does (VLDB 2020) where it rests on session order or real time.
func (c cycleShape) name() string {
	name := G0
	switch {
	case c.lostUpdate:
		return LostUpdate
	case c.overwrites == 2 && c.transactions == 2 && c.objects == 2:
		name = WriteSkew
	case c.overwrites == 2 && c.transactions == 4 && c.objects == 2 && c.reads == 2 && !c.adjacent:
		name = LongFork
	case c.overwrites > 1 && c.adjacent:
		name = G2Item
	case c.overwrites > 1:
		name = GNonadjacent
	case c.overwrites == 1:
		name = GSingle
	case c.reads > 0:
		name = G1c
	}
	switch {
	case c.realtime:
		return name + "-realtime"
	case c.process:
		return name + "-process"
	}
	return name
}
