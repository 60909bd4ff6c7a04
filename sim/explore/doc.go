// Package explore searches every behaviour of a small scope: all states that a
// [Model] can reach, breadth first, each once (the
// reductions are Godefroid's sleep sets and the orbits of Emerson and Sistla).
//
// A model is a few pure functions over states that are values: what can happen in
// a state, what comes of it, how a state is written in canonical bytes, and what
// must hold. [Cluster] makes a model of a message-passing protocol: its network is
// a multiset of messages, time is the order of events, a timer may fire whenever
// it is armed, and at most so many messages are dropped or duplicated and nodes
// crashed.
//
// A node that runs and cannot be copied, such as that of a library, is [Running]:
// [Replayed] makes a cluster of such nodes, whose states are what has happened to them.
//
//	r, err := cluster.Run(explore.Options{}) // or explore.Run(model, …)
//	// r.Complete: everything in scope was seen; r.Violation: the shortest way to fail
//
// # Why the reductions keep every state
//
// Where actions a and b commute, a state need be reached by one order of them
// only. So a successor by b puts to sleep what stood before b in the list of
// actions and commutes with it, and what slept already and commutes with b; what
// sleeps in a state is what its first arrival puts to sleep. Of all the shortest
// paths to a state take the lexicographically least, by places in the lists of
// actions: were one of its actions asleep where it is due, moving that action
// forward would give a lesser path of equal length. So that path is taken; and as
// the search goes breadth first and in the order of the lists, it is the first to
// arrive. Every state is found at its true depth, and longer or later arrivals
// need no second look. The order may differ from state to state, and fewer pairs
// than truly commute do no harm. The argument carries over to states up to renaming
// of nodes: moving an action forward there gives a lesser path to a state of the
// same orbit.
//
// That two actions commute is declared by the model and believed only as far as
// checked: pairs of classes of actions are first run both ways at a number of
// states, and again now and then; one disagreement, and the search starts anew
// without that pair. Symmetry of a [Model] is checked in the same way, but a
// disagreement there is an error, since a model that misnames its nodes has a fault.
//
// # What a cluster saves besides
//
// [Cluster.Run] needs no code for renaming. It renames by replay: nodes that have
// as many inputs as each other, and the inputs of one node, change places, and a
// node's state is renamed to what the other node comes to by the renamed events.
// Each step that the search takes is taken under every renaming too, and each state
// and message must have one image however it is come by, with the same timers and
// the same verdict; so must ends. Then renaming commutes with all that can happen,
// by construction and not by samples. Where an image is not unique, as where the
// greatest of concurrent writes wins, the search starts anew with fewer renamings
// or none, and says why.
//
// A message that is lost is one that does not arrive: it touches no node. So drops
// are left to the end, where nothing else is left to happen. Whatever nodes can come
// to with drops on the way they come to without, and each end by as many actions;
// shortest violations stay so. It is checks of single nodes and of ends that this
// needs, and a cluster has no others.
//
// States of nodes, messages and their combinations are numbered, and each step of a
// node is taken once: see [Cluster.Step] for what that asks of encodings.
//
// # What it refuses
//
// It claims completeness only if no bound was met, and reports which one was. Two
// states count as one if their encodings are equal, where those of a model have
// fewer than 16 bytes, and those of a cluster always; of longer ones, if 128 bits of
// their SHA-256 agree. It starts no goroutine, and does not look for cycles: what
// must hold in the end is asked of states in which nothing can happen any more.
package explore
