// Package operators checks whether an operator of a stream may stand before a merge.
//
// An operator takes elements in and gives elements out: a func(iter.Seq[A]) iter.Seq[B]
// ([CheckSeq]), a func(a A, emit func(B)) with state of its own ([CheckEmit]), or either
// with all that can be said of it ([Check]). What the one-line doors do not ask for is
// declared by options, such as [Late]. What the operator gives is folded by a merge, and
// what matters is what the fold comes to: the order in which elements are emitted, or how
// often, is nobody's business unless the operator claims it.
//
// What must hold follows from the class that the operator declares, a place in Table 1 of
// Spinach (see [lattice.Class]). Of all classes it is asked that elements which come
// again, or in another order, leave the fold as it is, and so does joining elements to
// batches where they are deltas; that a fresh instance is fresh; that elements taken in
// and given out are left alone; that who returns has let go of its input; and that the
// fold is the same after a crash, when the input is replayed from any earlier point, as
// consumers of logs that deliver at least once have it. An operator that is monotone
// never takes back what more input confirms. One that is a morphism may be split:
// instances that are dealt parts of the input come to the same together as one that gets
// it all, and one that loses its memory in a crash needs no more of the input than what it
// had not finished. Claims add to that: nothing emitted twice, no memory kept of what is
// only lent, states that only rise, a cycle that becomes quiet, a plain function that
// computes the same from the whole input.
//
// An element comes again once, twice, or eight times. What an operator does only when an
// element comes more often than that is not seen.
//
// Cases are drawn, made smaller and reported as in package laws: the report names the
// law, the elements that were fed with what each gave, and both folds.
//
// The package refuses to judge the merge of the fold, which must be right (see
// laws.CheckMerge), and operators that run goroutines of their own: an operator is
// judged by what it emits until its input is at an end and it returns. Sums, counts and
// other folds that are no merges are not what it is about; there every law of repetition
// fails, as it should.
//
// The classes are those of Spinach ("Anna 2: Monotonic Boogaloo", Table 1); that
// monotone functions and morphisms over growing input need no coordination is the subject
// of Conway et al., "Logic and Lattices for Distributed Programming", SoCC'12.
package operators
