// Package lattice composes merge functions over plain Go domains.
//
// What is composed is the merge, not a wrapper around the data: a map of
// last-writer-wins strings is an ordinary map[string]Pair[uint32, string], and
//
//	MapOf[string](DominatingPairOf(Max[uint32](), Max[string]()))
//
// is the function that merges two of them. This is the idea of Spinach ("Anna
// 2: Monotonic Boogaloo", section 3, Table 2 and Figure 4), in Go: a [Merge] is a
// value with three methods, and everything else it may be able to do (a least
// element, a codec, a difference) is listed in [Caps].
//
// The package refuses to store, to send or to schedule anything, it starts no
// goroutine, and it does not promise that what you compose is a lattice:
// [DominatingPairOf] over a partial order is not one. Whether a merge is lawful
// is the question of package laws.
//
// # Domains
//
// Nil and empty collections are the same element. In maps an absent key lies
// strictly below the same key at ⊥ of its value domain: keys are facts. Hash
// sets and maps need elements and keys that equal themselves, so a NaN is out of
// their domain; [Max] and [Min] accept NaN, which orders below −Inf.
package lattice
