// Package etcdraft runs etcd's raft library (go.etcd.io/raft/v3) as it is, in a simulated
// world: a register kept by three servers, each a raw node of the library under a host
// that does what the library asks of hosts. It is a module of its own, so that the library is
// no dependency of anybody else's.
//
// The host ([server]) keeps hard state, entries and snapshots on a simulated disk, which
// loses and tears what was not durable when a node crashes. It has fourteen slips to be
// seeded into it ([Slip]), all of them things that the library's documentation asks a host
// not to do. What must hold: one leader a term; what is applied at an index is the same
// everywhere; logs that agree at an index agree before it; what clients saw is
// linearizable; and after the faults all servers come to the same state.
//
// # What it took to make the library repeat itself
//
// The library has no goroutine of its own where a host uses raw nodes, no clock but the
// ticks that the host gives, and no map whose order shows. It draws the timeouts of
// elections from crypto/rand, from the package's Reader, which is a variable: while the
// library is called, [choosing] has it read choices of the run's own, under a lock, since
// the variable is one for all runs. So an election is a choice on the tape.
//
// It finds no fault of the library's; that is not what it is for.
package etcdraft
