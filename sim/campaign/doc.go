// Package campaign fuzzes simulated protocols: anybody's. A protocol is a value, a
// [Protocol], and what it gets for that is what a fuzzing tool needs: seeds run on
// workers, failing ones kept with tape, trace and diagram, shrunk, replayed, searched
// and bisected, and a report of what was never reached.
//
// # How to use it
//
//	var Protocol = campaign.Protocol{
//		Name:   "register",
//		Setup:  campaign.Setup{Nodes: 3, Clients: 2, Faults: campaign.Bears(sim.Drop, sim.Delay, sim.Crash)},
//		Kinds:  []string{1: "write", 2: "read", 3: "answer"},
//		Points: []string{"a backup took over"},
//		Plan:   func(p *campaign.Plan) { … }, // draws the operations of a seed
//		New:    func(r *campaign.Run) campaign.Instance { … }, // actors, checks
//	}
//
// In a test simtest.Fuzz(t, Protocol) runs it; simtool.Main(Protocol) makes a program
// of it; [Protocol.Fuzz] is underneath both. Packages below examples have three whole
// protocols.
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
