package sim

import "github.com/joinery-go/joinery/gen/choice"

// Actor is one node's program: a state machine driven by the world. It must take
// everything it does from what it is given, with no clock, goroutine or random
// numbers of its own, and must not depend on map order.
type Actor interface {
	// Start is the first call to an actor, and the first after each restart.
	Start(c *Context)
	// Receive handles a message; msg is valid only during the call.
	Receive(c *Context, from NodeID, msg []byte)
	// Timer handles a timer armed with [Context.After].
	Timer(c *Context, id TimerID)
}

// Inputter is an actor that takes operations injected by the host.
type Inputter interface {
	// Input handles the operation named id, see [World.Inject].
	Input(c *Context, id uint64)
}

// Persister is an actor that wants to know when its device made something durable.
type Persister interface {
	// Persisted reports the completion of the request named token.
	Persisted(c *Context, token uint64)
}

// Device is storage attached to a node. It outlives the node's crashes.
type Device interface {
	// Complete makes the request named token durable; the actor hears after.
	Complete(token uint64)
	// Crash is called when the node stops: what was not durable is lost, but for
	// what choices taken from c keep.
	Crash(c *CrashContext)
}

// Rewinder is a device that can be lost or replaced by an old copy of itself, for
// the class [Restore].
type Rewinder interface {
	Device
	// Rewind takes the device back in its history: keep 0 leaves it empty, and keep
	// of of parts what it held that long ago, in whatever it counts its history.
	Rewind(keep, of int)
}

// CrashContext lets a device choose what a crash leaves behind.
type CrashContext struct {
	w    *World
	node NodeID
	key  Key
	kids children
}

// Node is the node that crashes.
func (c *CrashContext) Node() NodeID { return c.node }

// Choose asks for a decision in [0, n), 0 meaning that nothing unsynced survives.
// Without disk faults in force it is 0 and not asked.
func (c *CrashContext) Choose(site string, n int, rare uint32) int {
	if !c.w.faulty || c.w.opts.DiskFaults == Off || n <= 1 {
		return 0
	}
	k := c.kids.key(c.key, choice.MixString(branchChoice, site))
	v := c.w.choose(choice.Point{Site: site, Key: k, N: uint64(n), Rare: rare})
	if v != 0 {
		c.w.stats.Decided[Disk]++
	}
	return int(v)
}

// Survived counts a crash whose outcome on disk a fault shaped.
func (c *CrashContext) Survived() { c.w.stats.Effective[Disk]++ }

// Hash is a number drawn from the crash's lineage, for details that are no
// decision of their own, such as where exactly a record tears.
func (c *CrashContext) Hash(v uint64) uint64 { return choice.Mix(c.key, v) }
