// Package flow runs pipelines over lattices, and says before they run whether they
// are monotone.
//
// A [Graph] is built of operators and edges, of two kinds. The elements of a [Delta]
// edge are deltas: whoever reads it may see them again, in another order, and in
// other groups, and the outcome is the same. Each value of a [State] edge contains
// those before. [Fold] is the one operator that leads from Delta to State, and
// [Seal] the one behind which functions need not be monotone.
//
//	g := flow.New("best", flow.Options{})
//	scores := flow.Map(flow.FromSlice(g, games), score)
//	best := flow.Fold(scores, lattice.Max[int]())
//	flow.Subscribe(best, func(v int) { … })
//	s, err := flow.Start(g)
//	err = s.Run(ctx)
//
// [Verify] answers for each edge in which class of functions its reader uses it,
// what that rests on, and whether it may. [Start] refuses a graph against which it
// finds something. The package is after Spinach ("Anna 2: Monotonic Boogaloo"): its
// classes of functions (Table 1), its operators, and its pull-based execution with
// wakers.
//
// # Operators
//
//	on Delta edges        [FromSlice] [FromSeq] [FromReader] [Once] [NewInput]
//	                      [Map] [Filter] [FilterMap] [Flatten] [FlatMap] [Tee] [Union] [Split]
//	                      [Unique] [HashJoin] [Cross] [Bimorphism] [Batch] [Convert] [Explode] [Debottom]
//	                      [NewLoop] [Send] [Receive] [ForEach] [Collect]
//	from Delta to State   [Fold]
//	on State edges        [Const] [MapState] [Zip] [Switch] [Threshold] [Debounce] [Top]
//	                      [DebottomState] [Seal] [SealWhen] [Subscribe] [Read]
//	                      [Publish] [Subscribed]
//	from State to Delta   [Changes]
//
// # What an edge carries
//
// Of most Delta edges the set of elements is determined, so that any pure function
// may be mapped over it: the image of a set is a morphism of sets whatever the
// function. Behind [Batch], [Bimorphism] and [Changes] only the join of the elements
// is determined; a function there must be a morphism of the lattice. On a State edge
// a function must be monotone. And what is joined by one merge is read by the same: the
// least of each group, folded by the greatest, depends on the groups. These are the rules
// that Verify holds a graph to. Merges of one name (see lattice.NameOf) are taken for one.
// Two of different names, or of a name that closures share, it tries on what they say is
// their ⊥ and ⊤, and on small values of their type, where such can be made without knowing
// more than the type: numbers, strings, booleans, and maps, slices, pairs and options of them.
// Where they differ on values that are in the domain of both, the edge is an error that shows
// them. Where they do not, or no values can be made, as of structs of the user, the use says
// so in its evidence, with both names; Options.Strict makes that an error too. Merges should
// be pure for that, and return. Where Verify does not know by which merge deltas are joined,
// as behind a Map without evidence, what reads them counts as assumed.
//
// # Evidence
//
// What an operator of this package does was checked over a small scope, which Verify
// prints. What the functions and merges do that it is given is assumed, unless a check has
// left evidence behind: laws.Classify, the reports of laws.Run and laws.Exhaust,
// laws.ProveUpToKeys, [Examine]. [Checked] and [ByCheck] take it. It is printed as
// sampled(n), exhausted(scope) or proved up to keys, with the name of what was checked, and
// beside another function or merge than that it is an error. Evidence that is written down
// without a check ([BySample] and the like) is printed, and counts as assumed; and so does
// evidence of a name that others have, such as two closures of one function literal. What
// evidence does not prove, package lattice/attest lists.
//
// # Running
//
// A [Scheduler] runs one operator at a time, in an order that depends on the graph
// and its input alone. Operators pull: nothing is computed that nobody asks for, and
// who has nothing to pull is woken when there is something. Graphs that are joined by
// a [Channel] may be run by schedulers on goroutines of their own: the package starts
// none. What other goroutines may call, [Input], the ends of a Channel, [Inbox] and
// [Scheduler.Do], has a lock; everything else belongs to the goroutine that runs the
// graph. A cycle, through channels too, ends when nothing on it can run, nothing is in its
// channels, and all that leads to it has ended; the states behind it are final then. That
// takes all schedulers that channels join: one that is not run keeps the others waiting. A
// function that panics ends the run with an error that names its operator; the
// element it was given is kept, and another run tries it again.
//
// # What it refuses
//
// A cycle that leads through a link between machines ([Publish], [Subscribed]) comes to
// rest, but nobody can know that it has: its states are never final. After a merge has
// panicked, a state may be published that equals the one before.
//
// A cycle through channels that are all full cannot go on. It ends with [ErrDeadlock] the runs
// of the schedulers on it, and of those that send into it, once all of them have nothing to
// run, and so have those that other senders wait for which read from the cycle. Until then it
// is not decided: a scheduler of them that was not run yet, or that ended with another error
// and is not run again, may yet make room. Those that only wait for elements from the
// cycle are told nothing and go on waiting; whoever runs them ends them by their context. A
// function of the user that waits itself, for room in an [Input] of another graph say, is not
// seen to wait; see [Scheduler.Busy].
//
// There are no retractions, no windows of time, and no reordering of operators. A
// function's class is not inferred: what is claimed of it is printed with its
// evidence, and a state that falls ends the run. That functions are pure, and leave
// their arguments alone, is up to who writes them.
package flow
