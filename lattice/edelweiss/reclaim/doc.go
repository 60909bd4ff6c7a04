// Package reclaim rewrites programs of package edelweiss so that they delete what
// no rule can need again, after Conway, Alvaro, Andrews and Hellerstein,
// "Edelweiss" (VLDB 2014). What a program outputs stays the same in every timestep.
//
//	Acknowledge  avoids redundant messages: a receiver that keeps what it gets
//	             acknowledges it, and the sender does not send it again (ARM). What
//	             arrived is remembered as ranges, of which the key must have a number
//	Negated      deletes a tuple of X once a rule that reads X negates what only
//	             grows and now holds against the tuple (DR+)
//	Joined       the same for joins, where the partners of the tuple are complete:
//	             sealed, sealed for its values, or found by their whole key
//	             (punctuation)
//	Negating     deletes a tuple of Y once the only tuple that it could be held
//	             against is gone; the keys of those are remembered as ranges, so
//	             that it cannot come again (DR-)
//	Compress     keeps tables of ids as ranges
//
// Each use of a table is judged on its own, and a tuple goes only when every use
// has let go of it: conditions of different rules are joined by and, the negations
// of one rule by or. The result comes with a certificate, which package certify
// checks without sharing code with this one, and with a refusal for each
// collection that is not reclaimed, which names the premise that does not hold.
//
// What it does not do: it trusts seals, and it trusts that what a host feeds twice
// under one key is the same tuple. It reclaims nothing from scratches, which need
// no reclaiming, and it never looks at data.
package reclaim
