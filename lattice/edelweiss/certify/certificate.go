package certify

import "fmt"

// Premise names what a rewrite relies on. Refusals and faults carry the premise
// that does not hold.
type Premise string

// The premises of acknowledging a channel (the paper's ARM).
const (
	OneSender      Premise = "one rule sends on the channel"
	ReadersKeep    Premise = "every reader of the channel derives into a table"
	ReadersAlone   Premise = "no reader of the channel depends on anything but sealed collections beside it"
	ReadersGrow    Premise = "no reader of the channel negates, pads or aggregates it"
	KeyDetermines  Premise = "the channel's key determines the payload"
	SomebodyReads  Premise = "somebody reads the channel"
	AckPerMessage  Premise = "each message is acknowledged to its sender by its key"
	GuardedSending Premise = "what is acknowledged, and only that, is not sent again"
)

// The premises of deleting from a table (DR+, punctuation, DR-).
const (
	IsTable        Premise = "the collection is a table"
	SomeUseEnds    Premise = "some rule stops needing the table's tuples"
	NotPadded      Premise = "no outer join pads where the table has no match"
	NotAggregated  Premise = "no rule aggregates the table's tuples while they are needed"
	HeadPersists   Premise = "every rule that reads the table without a negation derives into what persists"
	NegatedGrows   Premise = "what the reading rule negates only grows"
	PartnersWhole  Premise = "the other collections of a join are complete for the tuple"
	NotNegated     Premise = "no rule negates the table, but over a partner's key"
	KeyExact       Premise = "the negation tests exactly the key of a table in the same rule"
	PartnerDeleted Premise = "the table whose key the negation tests is itself reclaimed"
	PartnerGuarded Premise = "no rule aggregates into the table whose key the negation tests"
	KeyCompresses  Premise = "the key that is to be remembered has a number to compress"
	NotASeal       Premise = "the table announces no completeness"
	DeletesOne     Premise = "the deletion removes the very tuple that its conditions are about"
	RemembersKeys  Premise = "keys of reclaimed tuples are remembered from the next timestep on, and not derived again"
	LiveIsLive     Premise = "the helper holds each tuple that the rule can still use"
)

// The premises of keeping a table as ranges.
const (
	OnlyIDs     Premise = "all columns are keys and the last is a number"
	NeverLoses  Premise = "nothing is deleted from the table"
	TestedOnly  Premise = "rules only test single ids of the table"
	NothingElse Premise = "the rewritten program is the original and what the certificate lists"
)

// How says why a use of a table does not stand in the way of a deletion.
type How uint8

// The ways in which a rule stops needing a tuple.
const (
	Kept      How = iota + 1 // all that the rule derives from it is derived, and persists
	Dominated                // a negation over its own columns, of what only grows, holds against it
	Exhausted                // nothing that it joins with can come, and nothing there satisfies the rule
	Settled                  // the rule negates it for a partner that is gone for good
)

var howNames = []string{"?", "kept", "dominated", "exhausted", "settled"}

// String names the way.
func (h How) String() string {
	if int(h) < len(howNames) {
		return howNames[h]
	}
	return "?"
}

// Use is a place where a rule of the original program reads a collection: the
// literal of a clause of the rule without outer joins.
type Use struct{ Rule, Clause, Literal int }

// Reason says why one use permits a deletion.
type Reason struct {
	Use Use
	How How
}

// Ack certifies that a channel is acknowledged.
type Ack struct {
	Channel string // of the original
	Ack     string // the channel of acknowledgements
	Approx  string // what the sender knows to have arrived
}

// Seen certifies that the keys of a table are remembered.
type Seen struct{ Table, Keys string }

// Live certifies a scratch of the keys of tuples with which a rule can still be
// satisfied.
type Live struct {
	Name string
	Use  Use
}

// Deletion certifies a rule of the rewritten program that deletes from a table.
type Deletion struct {
	Table   string
	Rule    int // in the rewritten program
	Reasons []Reason
}

// Certificate lists everything in which a rewritten program differs from its
// original. Rules of the original keep their numbers; those that were added
// follow them.
type Certificate struct {
	Acks      []Ack
	Seens     []Seen
	Lives     []Live
	Deletions []Deletion
	Ranges    []string // tables that became ranges
}

// Fault says which premise a certificate claims wrongly, and about what.
type Fault struct {
	Premise Premise
	Subject string
}

// Error names the subject and the premise.
func (f *Fault) Error() string {
	return fmt.Sprintf("certificate: %s: does not hold that %s", f.Subject, f.Premise)
}
