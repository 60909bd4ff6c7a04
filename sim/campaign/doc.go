// Package campaign fuzzes simulated protocols: anybody's. A protocol is a value, a
// [Protocol], and what it gets for that is what a fuzzing tool needs: seeds run on
// workers, failing ones kept with tape, trace and diagram, shrunk, replayed, searched
// and bisected, and a report of what was never reached.
//
// # How to use it
//
// This is a protocol, whole: nodes that agree on the highest number that any of them was
// told, and the value that says how they are fuzzed. It is package examples/maximum.
//
//	import (
//		"github.com/joinery-go/joinery/sim"
//		"github.com/joinery-go/joinery/sim/campaign"
//	)
//
//	// node knows the highest number that it was told, or has heard of.
//	type node struct{ highest byte }
//
//	func (n *node) Start(c *sim.Context)                             { c.After(20*sim.Millisecond, 1) }
//	func (n *node) Input(_ *sim.Context, id uint64)                  { n.highest = max(n.highest, byte(id)) }
//	func (n *node) Receive(_ *sim.Context, _ sim.NodeID, msg []byte) { n.highest = max(n.highest, msg[0]) }
//
//	func (n *node) Timer(c *sim.Context, _ sim.TimerID) {
//		for to := range sim.NodeID(c.Nodes()) {
//			if to != c.Self() {
//				c.Send(to, 1, []byte{n.highest})
//			}
//		}
//		c.After(20*sim.Millisecond, 1)
//	}
//
//	// Protocol is three such nodes, whose messages are lost, doubled and delayed.
//	func Protocol() campaign.Protocol {
//		return campaign.Protocol{
//			Name:  "maximum",
//			Setup: campaign.Setup{Nodes: 3, Faults: campaign.Bears(sim.Drop, sim.Duplicate, sim.Delay, sim.Partition)},
//			Kinds: []string{1: "highest"},
//			Plan: func(p *campaign.Plan) { // a node at a time is told a number, that of the operation
//				p.Spread(3, 10, func(_ int, o *campaign.Op) { o.Func = "tell" })
//			},
//			New: func(*campaign.Run) campaign.Instance {
//				return campaign.Instance{
//					Actor: func(sim.NodeID) sim.Actor { return new(node) },
//					Done: func(r *campaign.Run) bool { // what must come about once the faults have ended
//						want := byte(0)
//						for _, o := range r.Ops() {
//							want = max(want, byte(o.ID))
//						}
//						for n := range sim.NodeID(r.Setup.Nodes) {
//							if r.World().Actor(n).(*node).highest != want {
//								return false
//							}
//						}
//						return true
//					},
//				}
//			},
//		}
//	}
//
// In a test one line runs it, on a thousand seeds, and shrinks and keeps the first that
// fails; a program of one line does that and more:
//
//	func TestMaximum(t *testing.T) { simtest.Fuzz(t, maximum.Protocol()) }
//
//	func main() { simtool.Main(maximum.Protocol()) }
//
// Were a number told on but once, in Input, the first lost message would be found:
//
//	done: what must come about has not, 453.142412ms after the faults ended
//	shrunk to 1 operation, 1 fault and 0 choices of its own
//
// What a protocol has besides: clients that record a history for the checkers of package
// linearizability ([Client], package consistency; package register has all of that for
// protocols that keep one register), checks of what must hold inside (package invariant:
// one leader a term, logs that match, nodes that converge), disks ([Instance.Device]), what must
// hold at every event ([Instance.Always]), parameters that differ from seed to seed
// ([Protocol.Vary]), and situations that a campaign must come to ([Protocol.Points]). The
// other packages below examples have all of it; sim/GUIDE.md goes through it step by step.
// [Protocol.Fuzz] is underneath.
//
// # What a run is
//
// A seed draws a [Setup] (levels of faults, and what [Protocol.Vary] adds), then a plan
// of operations, then every fault. Operations are injected at their times, faults
// last until [Setup.Horizon], and then the protocol has [Setup.Settle] to recover in
// a world without faults. [Instance.Always] is asked after each event,
// [Instance.Done] says what must come about in the end, [Instance.Check] judges the
// end. What is wrong is a [Violation]; its signature is what shrinking keeps. A panic
// of the protocol is a violation as well, with the line and the calls that led to it, and
// so is a bound of the world passed, such as by messages without end, and a step that does
// not return.
//
// # What a tape is
//
// Everything that decides a run, so that nothing can be forgotten when it is replayed:
// the setup with the level of every fault class, the operations, and the decisions
// other than 0, which are of one type whatever made them. A tape names its protocol and the
// version of it, and is refused by any other.
//
// Decisions are told apart by their sites. Those of the simulator and its devices
// (net., sim., disk. and fs.) are faults. All others are choices of the protocol's
// own, such as the timeout of an election ([sim.Context.Choose]). To have them all
// answered 0 would be no simpler run but an odd one, in which all timeouts are
// equal, so while faults are taken out of a failing run, choices go on being drawn
// from its seed, under their lineage keys. Only then are they shrunk: to none if the
// failure needs none, else to those that it needs ([Choices]), and not at all where the
// failure is that something did not come about.
//
// # What it refuses
//
// Its outcomes hang on no clock: who wants to stop after a while ends the context. It starts
// goroutines in two places: in [Pool], whose outcome does not depend on how many there
// are, since what finishes is counted in the order of seeds; and for each run, which a
// [Watch] gives up after a minute. A run given up is a violation of its seed, and goes on, as
// nothing in a Go process could end it. What the functions of
// a protocol share between runs, such as variables of a package, makes runs differ; a
// share of seeds is run twice to find that, but not all that it could do is seen.
package campaign
