// Package edelweiss holds event-log-exchange programs as data: what they store,
// what they derive, what they send, and when. Programs only ever add, which
// makes them easy to reason about and lets them grow without bound; the packages
// below this one prove which tuples no rule can need again and rewrite the
// program so that it deletes them.
//
// The language is that of Conway, Alvaro, Andrews and Hellerstein, "Edelweiss:
// Automatic Storage Reclamation for Distributed Programming" (VLDB 2014), which
// is a part of Bloom, written here in the manner of Soufflé.
//
// # Text form
//
//	// Reliable unicast.
//	.decl send(id: number => addr: node, val: symbol) input
//	.decl sbuf(id: number => addr: node, val: symbol) table
//	.decl chn(@addr: node, id: number => val: symbol) channel
//	.decl rbuf(id: number => val: symbol) table
//
//	sbuf(i, a, v) :- send(i, a, v).
//	chn(a, i, v) @async :- sbuf(i, a, v).
//	rbuf(i, v) :- chn(_, i, v).
//
// Columns before => are the key and determine the others; without => all columns
// are the key. A rule without annotation holds in the same timestep, @next in the
// next, @async in some timestep of the node that the channel's @-column names,
// or in none, or in several. @delete removes a tuple after the timestep; programs
// that people write may not contain it, and rewritten ones do.
//
// # Kinds of collections
//
//	table     kept from timestep to timestep
//	range     a table of ids, of which the last column is kept as intervals
//	sealed    a table whose content is fixed before the first timestep
//	scratch   empty at the start of each timestep
//	input     a scratch that the host fills
//	output    a scratch that the host reads
//	channel   a scratch that messages fill
//
// # Algebra
//
// A rule is a query in clause form. Its literals are the operators of a closed
// algebra, applied to the assignments of variables that are found so far:
//
//	r(x, _, 3)             scan and select; with others before it join, or
//	                       semijoin if it binds nothing new
//	r(x) from n            the same on a channel, and who sent the message
//	r(x, y) else y = 0     outer join
//	!r(x, _)               notin
//	x in list              flatmap
//	y := add(x, 1)         map by a named pure function
//	contains(list, x)      select by a named pure function; so are = != < <= > >=
//	head terms             project; with count() sum(x) min(x) max(x) aggregate
//
// A seal says what the host or the program knows about completeness:
//
//	.seal node(_, e) by node_done(e)
//
// means that once node_done(e) holds, no tuple of node with that e comes that was
// not there before. Nothing can check this before a run; package eval can during
// one.
//
// # What it refuses
//
// [Check] refuses deletion in a program that is not the output of a rewrite,
// negation or aggregation through recursion within a timestep, channels that
// derive from what does not persist, variables without values, and wrong types.
// Values are 64-bit numbers, strings, node addresses and finite sets of numbers;
// functions are those of a fixed table; there is no arithmetic beyond it and no
// user code, so that a program is data.
package edelweiss
