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
// # Merges
//
//	merge              domain                  a ⊑ b                              ⊥             ⊤
//	Max                T                       a ≤ b                              least T       greatest T
//	Min                T                       a ≥ b                              greatest T    least T
//	Or, And            bool                    implies; is implied by             false; true   true; false
//	Unit               struct{}                always                             the element   the element
//	PointOf            Point[T]                unset, equal, or b in conflict     unset         conflict
//	SetOf              map[E]struct{}          a ⊆ b                              ∅             none
//	IntersectOf        map[E]struct{}          a ⊇ b                              none          ∅
//	MapOf              map[K]V                 by key; absent lowest              empty         none
//	SliceOf            []V                     by position; missing lowest        empty         none
//	PartitionOf        Partition[E]            b is coarser                       all apart     none
//	TombstoneSetOf     TombstoneSet[E]         absent, live, dead by element      empty         none
//	TombstoneMapOf     TombstoneMap[K, V]      absent, live values, dead by key   empty         none
//	PairOf             Pair[A, B]              part by part                       of its parts  of its parts
//	LexPairOf          Pair[K, V]              first by key                       of its parts  of its parts
//	DominatingPairOf   Pair[K, V]              as published, see there            of its parts  of its parts
//	WithBottom         Option[T]               of T; none lowest                  none          of T
//	WithTop            Option[T]               of T; none highest                 of T          none
//	As                 a type like U           of U                               of U          of U
//
// [OrderedSetOf], [OrderedIntersectOf] and [OrderedMapOf] are the same over ascending
// slices. Packages lattice/causal and lattice/roaring have those with causal contexts
// and over compressed bitmaps.
//
// # Domains
//
// Nil and empty collections are the same element. What a collection does not have
// lies strictly below what it has at ⊥, throughout: an absent key of a map, a
// missing position of a slice, the None of [WithBottom]. Keys are facts. Hash sets
// and maps, points and partitions need values that equal themselves, so a NaN is out
// of their domain; [Max], [Min] and the ordered collections accept NaN, which orders
// below −Inf.
//
// # Encodings
//
// A value has one encoding, and equal values encode equally: collections ascend,
// integers are the shortest varints, floats eight bytes with one NaN and one zero.
// Decoders refuse everything else, and allocate in proportion to their input.
package lattice
