package sim

import "github.com/joinery-go/joinery/gen/choice"

// oftener is how many times the chance of a fault at a tick that of a fault at a
// crash is: crashes are rare, and without one there is nothing to ask.
const oftener = 4

// atCrash is the chance of a fault that is asked for once a crash.
func (o *ProcessFaultOptions) atCrash(l Level) uint32 {
	return max(choice.Permille(min(oftener*o.Permille[l], 1000)), 1)
}

// Version is the version of its program that a node runs, or ran when it was last
// up: 0 is [Options.Factory], v is [Options.Programs][v-1]. It is 0 for a node that
// the world does not have.
func (w *World) Version(n NodeID) int {
	if n < 0 || int(n) >= len(w.nodes) {
		return 0
	}
	return int(w.nodes[n].version)
}

// Version is the version of the acting node's program, see [World.Version].
func (c *Context) Version() int { return int(c.w.nodes[c.node].version) }

// program makes the actor of a node that starts.
func (w *World) program(i NodeID) Actor {
	n := &w.nodes[i]
	if w.opts.ProcessFaults.Version != Off {
		w.redeploy(i)
	}
	if n.version == 0 {
		return w.opts.Factory(i)
	}
	return w.opts.Programs[n.version-1](i)
}

// redeploy asks whether a node that starts again does so with another version of
// its program. The answer names the version itself, not a step from one to the
// next, so that without an earlier change a later one is what it was.
func (w *World) redeploy(i NodeID) {
	n, o := &w.nodes[i], &w.opts.ProcessFaults
	if n.inc == 0 || !w.faulty || int(i) >= w.faultyNodes() || len(w.opts.Programs) == 0 {
		return
	}
	v := w.choose(choice.Point{
		Site: "sim.version", Key: branch(n.down, branchVersion), N: 2 + uint64(len(w.opts.Programs)), Rare: o.atCrash(o.Version),
	})
	if v == 0 {
		return
	}
	w.stats.Decided[Version]++
	if was := n.version; was != uint16(v-1) {
		n.version = uint16(v - 1)
		w.stats.Effective[Version]++
		w.noteNode(i, "comes back with version %d of its program, was %d", n.version, was)
	}
}
