// Package scenario joins the simulator, the store and the checkers into one run:
// a seed becomes a cluster, a plan of client operations and a source of faults;
// the run becomes a history; and the history, with what was watched on the way,
// becomes a list of violations. It is the one library room that knows them all.
//
// A run has two phases. Up to its horizon anything may fail. Then all faults end,
// the cluster must come to rest within a bound (liveness), a settle fence is
// recorded, and every replica is read once more.
//
// The package makes no decision of its own that is not drawn from a seed or read
// from a tape, and writes no file.
package scenario
