// Package explore searches every behaviour of a small scope: all states that a
// [Model] can reach, breadth first, each once (semantics of the design, section 4;
// the reductions are Godefroid's sleep sets and the orbits of Emerson and Sistla).
//
// A model is a few pure functions over states that are values: what can happen in
// a state, what comes of it, how a state is written in canonical bytes, and what
// must hold. [Cluster] makes a model of a message-passing protocol: its network is
// a multiset of messages, time is the order of events, a timer may fire whenever
// it is armed, and at most so many messages are dropped or duplicated and nodes
// crashed.
//
//	r, err := explore.Run(model, explore.Options{})
//	// r.Complete: everything in scope was seen; r.Violation: the shortest way to fail
//
// # Why the reductions keep every state
//
// Where actions a and b commute, a state need be reached by one order of them
// only. So a successor by b puts to sleep what stood before b in the list of
// actions and commutes with it, and what slept already and commutes with b; a
// state sleeps on what all its arrivals of least depth put to sleep. Of all the
// shortest paths to a state take the lexicographically least: were one of its
// actions asleep where it is due, moving that action forward would give a lesser
// path of equal length. So that path is taken, and every state is found at its
// true depth; longer arrivals need no second look. The order may differ from
// state to state, and fewer pairs than truly commute do no harm. The argument
// carries over to states up to renaming of nodes.
//
// That two actions commute is declared by the model and believed only as far as
// checked: pairs of classes of actions are first run both ways at a number of
// states, and again now and then; one disagreement, and the search starts anew
// without that pair. Symmetry is checked in the same way, but a disagreement
// there is an error, since a model that misnames its nodes has a fault.
//
// # What it refuses
//
// It claims completeness only if no bound was met, and reports which one was. Two
// states count as one if 128 bits of their encodings' SHA-256 agree. It starts no
// goroutine, and does not look for cycles: what must hold in the end is asked of
// states in which nothing can happen any more.
package explore
