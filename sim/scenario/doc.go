// Package scenario joins the simulator, the store and the checkers into one run:
// a seed becomes a cluster, a plan of client operations and a source of faults;
// the run becomes a history; and the history, with what was watched on the way,
// becomes a list of violations. It is the one library room that knows them all.
//
// A run has two phases. Up to its horizon anything may fail. Then all faults end,
// the cluster must come to rest within a bound of time and of bytes delivered
// (liveness), a settle fence is recorded, and every replica is read once more. So does
// every session read, in each partition, at a level whose reads wait, which must be served:
// nothing that it depends on may be missing then, save what a disk has lost.
//
// Each seed has a level, which all its sessions have; how histories of it are judged
// is a table of its own (see judgesOf). In one seed of four sessions have caches
// ([session.Cache]), and in one of four some writes ask to be answered from memory, or for
// owners. In one of four keys are deleted: a history shows a delete of a register as a write of
// a value of its own, and of other keys with deletes which writes are in a value, or nothing.
// In one of four sessions ask for several keys at once, of which one, or the request as a whole,
// may be amiss. In one of six, sets and counters may be multi-value registers and maps: a put to
// such a register replaces what its session has read last, which is shown, and judged, as a
// delete of it. At a level of transactions, which has neither of the last two, each operation
// is of one, which commits or aborts; there keys are deleted in half as many seeds.
//
// Every class of fault of package sim is in it, drawn for each seed and switchable
// by name (Config.Faults). Where a run's choices come from is a strategy
// ([Strategies], [RunWith], [RunBytes], [Replay]). What watches a run, by the names
// that violations carry:
//
//	convergence eventual   the history, by package linearizability, and at each level
//	              lattice-causal causal cc ccv, lattice-pram pipelined ryw+mr, lattice-ryw ryw,
//	              lattice-mr mr, lattice-mw, lattice-wfr wfr, pl-2 item-cut: those that begin
//	              with lattice, and what porcupine searches, of all objects, the others of
//	              registers alone
//	replicas      at rest, owners hold the same values under the same keys
//	liveness      rest comes about, in bounded time and bytes
//	transaction   a read shows what its own transaction has written and deleted before it, and
//	              of that is sent, when it commits, what is not in vain
//	monotonic     within an incarnation a replica's values only rise
//	clock         hybrid times of writes follow those that came before, and a replica has
//	              met the time of what it shows
//	stamp         a session is shown no register older than one that it has seen, or written,
//	              as far as its level says
//	acknowledgement   who has a write on a disk when it is answered
//	refusal       what the plan asks amiss is refused, for what is wrong with it
//	availability  nothing else is, but a read that waited in vain at a replica which
//	              lacks something, a write that asked for owners in vain, another kind than the key has, and an amount too large;
//	              nothing fails after the faults, or where there were none
//	deletes       what a delete has seen, or a put replaces, is taken away and stays so, and
//	              nothing else is
//	subscription  what a subscriber takes is made upon all that it was told before, and rises;
//	              at rest it has been told what there is
//	sums          a counter's delta carries what its incarnation has accepted
//	kind          a replica takes no write of another kind than the key has, nor finds nothing
//	placement     keys are where a plain twin of the ring has them, and nowhere else at rest
//	elastic       a monitor's nodes are never too few or too many, what it decides holds in the end,
//	              and is taken back when the load is gone
//	deadline      who waits at a replica is answered by its deadline
//	beliefs       what a replica goes by of what another one holds is so
//	forgetting    what is left of something deleted is forgotten once no earlier write may come
//	refused       no message is refused as wrong where nobody sends a wrong one
//	panic         the code under test panics; the node ends there, not the campaign
//	recovery      a replica starts from what its disk holds, and that is what it had shown
//	request       a replica that has a write, or is about to, does not serve it again
//	answer address  what replicas send can be read, leaves out nothing of what its session
//	              depended on, and is for someone
//	determinism   one seed, one trace
//
// Whatever is valid during a call only is overwritten after it: the message of an event,
// records that are read back, effects, and what a message was decoded into. A replica or a
// host that keeps hold of such memory does wrong at once, and again from its tape.
//
// In one seed of sixteen a node of the world is hostile: a client that sends what it likes,
// in the name of sessions that it invents, and subscribes to all that it can. Each member has
// a share of its messages come once more as ones that cannot be read, of another version of
// the store among them; a replica counts these and is as it was (message). Honest clients are
// served as in any other seed, and no honest subscriber is told that there is no room. In one
// seed of nineteen, which is run twice, clones of replicas are lied to by members, told that
// all others have lost all that they had, or find that an engine gives nothing back; they
// must not panic, nor change the replica, and go on to serve an honest client, or ask to be
// started again (clone). What a node is configured by is tried there with something wrong with
// it, which is refused (configuration).
//
// In one seed of eighteen members and factors are decided by a monitor (elastic.go): a node that has
// package elastic decide from what replicas report of a load that shifts. Then who is to own what is
// what replicas were asked for and took, and not planned. In one of four of these seeds, and of those
// in which the plan decides about factors, some nodes are of the disk tier (tiers.go), and partitions
// are demoted and promoted.
//
// Where the class version is on, in about every fifth seed, some nodes begin with an older program,
// and some start again with the other one: what replicas say to each other is then of two versions
// (versions.go). What clients and disks are told is the same in both.
//
// A session waits 80 ms for an answer, which is shorter than faults last, and then asks
// again or gives up, as the operation says. Whichever replicas it has asked, the write
// counts once.
//
// A disk that is lost may take acknowledged writes with it. Which, the host works
// out at the moment of the loss by looking into every replica, and forgives those
// alone: their outcome becomes unknown, and a counter of which a request was served
// twice for it is not judged. With the word unexcused in Config.Faults nothing is
// forgiven, so that it can be seen what lost disks cost.
//
// With Config.Engine the values of every replica are kept by a storage engine of kvs/store
// (with DrawnEngine in one seed of eight), on a file system of package disk beside the
// replica's log, small enough that values leave the memory, and files are merged, within a
// run. All oracles watch as they do without. Sizes of files and memory are drawn for each
// seed and stand in the tape. In two seeds of three merges are done in steps, between events,
// and an engine that is behind with them refuses values. Files fail, tear and rot by the
// classes of the disk, and the disk is full for a while; there
// is one copy of each, so that what rots is lost to the replica, and comes from its peers.
// What a replica gives up for lost, and an engine that cannot be opened, must have been
// damaged, or it is a violation (recovery). Pebble starts goroutines of its own, so that
// no run would repeat: tests of this package crash a node on it, and nothing else.
//
// What clients do is drawn by package workload; what watches a run as it goes is in
// package oracle; every behaviour of a small cluster is searched by package smallscope.
//
// The package makes no decision of its own that is not drawn from a seed or read
// from a tape, and writes no file.
package scenario
