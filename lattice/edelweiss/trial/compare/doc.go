// Package compare holds a test that runs the rewritten broadcast program of package
// programs and the store's gossip (kvs/gossip) in one simulation, in the same packets:
// what is lost is lost for both. It is a package of its own because nothing else
// below may know both.
//
// What the test shows. With packets to every peer and no forwarding, both deliver the
// same messages by the same packets. On links that lose nothing both reclaim a message
// in the same packet. On faulty links the gossip is never later, and at times earlier:
// its packets repeat all that a node has, while an acknowledgement of the program goes
// out once for each arrival, so that a lost one waits for the message to arrive again.
// With forwarding the gossip also delivers earlier, at a price: every owner keeps a
// delta until all have it, where the program keeps it at its sender only, and is lost
// with the sender.
package compare
