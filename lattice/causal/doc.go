// Package causal has the lattices that record who has seen what, and the replicated
// types that rest on them.
//
// A dot names one event: the seq-th of one origin. Sets of dots with gaps are what
// a receiver of unordered messages really knows; a version vector is the gapless
// special case. (Almeida et al., "Scalable and accurate causality tracking for
// eventually consistent stores", 2014, and the dotted version vectors of Riak.)
//
// # Causal types
//
// A causal type keeps the events that still count, each under its dot, next to a
// context of all dots ever heard of, compressed to ranges. What is in the context
// but no longer in the store was removed, so removals need no tombstones. (Almeida,
// Shoker, Baquero, "Delta state replicated data types", 2018, section 7.)
//
//	type         concurrent updates                     a removal needs a dot
//	EWFlag       enabling wins                          no
//	DWFlag       disabling wins                         yes
//	AWSet        adding wins                            no
//	RWSet        removing wins                          yes
//	MVRegister   all values are kept                    no
//	Counter      both count; a reset takes what it saw  no
//	ORMap        as its values; a removal resets them   no
//
// These are lattices on all well-formed states (see [Causal]), reachable or not.
// What needs states that can belong to one run, in which every dot names one event,
// is told at [Compatible]. The others (GCounter, PNCounter, LWW, LWWMap, Hybrid,
// Version, Dots, Spans) are lattices on all states of their domains.
//
// # Updates
//
// A mutator is a method that returns a delta and leaves the state as it was; to
// update is to merge the delta in. Deltas may be lost and sent again, repeated,
// reordered and merged with each other before they are sent. The caller names the
// event by a fresh dot, for example by [Dots.Next]; a dot must never be used for
// two events, and the mutators refuse one that the state has seen.
//
// The package names events; it does not order messages, decide delivery, read a
// clock or know its own origin.
package causal
