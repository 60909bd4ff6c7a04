package sim

import "github.com/joinery-go/joinery/gen/choice"

// Roots of lineage. Events that no other event causes take their key from one of
// these and from what names them for good.
const (
	rootOperation    uint64 = 0x6f70_0001 + iota // operation id
	rootTimer                                    // node, timer, grid tick of the deadline
	rootStart                                    // node
	rootCrash                                    // node, grid tick
	rootHostCrash                                // node, time
	rootNetwork                                  // grid tick, by the network
	rootHeal                                     // time
	rootProcessFault                             // class, node, grid tick
	rootMember                                   // kind of event, node, time
)

// Branches of lineage, folded into the key of the parent.
const (
	branchMessage uint64 = iota + 1
	branchCopy
	branchRestart
	branchDevice
	branchChoice
	branchMidCrash
	branchRestore
	branchVersion
	branchStop
)

// OperationKey is the key of the event that hands operation id to an actor.
func OperationKey(id uint64) Key { return choice.Mix(rootOperation, id) }

// CopyKey is the key of copy n of the message with key k; copy 0 is the message.
func CopyKey(k Key, n uint16) Key {
	if n == 0 {
		return k
	}
	return choice.Mix(k, branchCopy<<16|uint64(n))
}

// NetworkKey is the key of the network's own decision number n at a grid tick.
func NetworkKey(tick int64, n uint64) Key {
	return choice.Mix(choice.Mix(rootNetwork, uint64(tick)), n)
}

// timerKey takes the node's own root, which is mixed once a run.
func timerKey(root Key, id TimerID, tick int64) Key {
	return choice.Mix(choice.Mix(root, uint64(id)), uint64(tick))
}

// crashKey takes the root as well, since hosts crash nodes too, at any time.
func crashKey(root uint64, n NodeID, tick int64) Key {
	return choice.Mix(choice.Mix(root, uint64(n)), uint64(tick))
}

// processFaultKey is the key of a decision about a node's process or clock at a tick.
func processFaultKey(c Class, n NodeID, tick int64) Key {
	return choice.Mix(choice.Mix(choice.Mix(rootProcessFault, uint64(c)), uint64(n)), uint64(tick))
}

// children tells apart the children of one event that are otherwise alike: two
// messages of one kind to one node. The index counts only such twins, so one
// message more or less of another sort moves nobody's key.
type children struct {
	bases []uint64
}

func (c *children) reset() { c.bases = c.bases[:0] }

// key returns the key of the next child of parent with this base, linear in the
// number of children so far, which [Limits] bounds.
func (c *children) key(parent Key, base uint64) Key {
	n := uint64(0)
	for _, b := range c.bases {
		if b == base {
			n++
		}
	}
	c.bases = append(c.bases, base)
	return choice.Mix(choice.Mix(parent, base), n)
}
