package scenario

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
)

// The situations that a campaign must have reached to mean anything.
const (
	markRestarted   = "replica restarted"
	markDuplicate   = "duplicate absorbed"
	markReclaimed   = "delta reclaimed by every owner"
	markWaited      = "threshold read waited"
	markUnavailable = "threshold read unavailable"
	markUnknown     = "put with unknown outcome"
	markRetried     = "request repeated to the same replica or another"
	markElsewhere   = "request repeated to another replica"
	markHandedOver  = "write accepted by a replica that does not own it"
	markTorn        = "torn record cut off"
	markRepaired    = "spoiled record read from its other copy"
	markUnreadable  = "spoiled record cut out"
	markCheckpoint  = "checkpoint written, and the log cut"
	markDiskFailed  = "replica stopped over its disk"
	markRejected    = "spoiled message rejected"
	markClockBack   = "a replica's wall clock went back"
	markTold        = "subscriber told of a growth"
	markFollowed    = "subscriber went to another replica"
	markSnapshot    = "snapshot taken in after a lost disk"
	markLost        = oracle.MarkLost
	markUnsynced    = oracle.MarkUnsynced
	markCached      = "read answered by the session's own cache"
	markBatch       = "several keys asked for at once"
	markBatchPut    = "several writes asked for at once"
	markLetGo       = "partition let go of, as its new owners have all of it"
	markDecided     = "decision about the replicas of a partition gone by"
	markCut         = "read again by a transaction, and not asked for"
)

// The situations that a campaign on an engine must have reached beside these, if it is one
// that can.
const (
	markLoaded         = "value read from the engine"
	markValueLost      = "lost value found, and its partition given up"
	markEngineReplaced = "damaged engine replaced"
	markFull           = "engine's disk full"
	markRoom           = "engine's values durable after its disk was full"
	markMidway         = "crash between two steps of an engine's background work"
	markBehind         = "value refused by an engine behind with merging, and taken after"
)

// The situations of runs of which a monitor decides.
const (
	markActed       = "policy acted: a monitor decided"
	markAdds        = "monitor added nodes"
	markRemoves     = "monitor had a node leave"
	markSpreads     = "monitor had a partition have more replicas"
	markGathers     = "monitor had a partition have no more replicas than others"
	markBothTiers   = "monitor had a partition be in both tiers"
	markDemoted     = "monitor had a partition be on disk only"
	markMonitorAnew = "monitor started anew"
	markMonitors    = "two monitors at once"
)

// markHostile is of the runs that have a hostile node.
const markHostile = "hostile message sent"

// markRefused is of a request that is refused; the status follows.
const markRefused = "request refused: "

// markStranded is too rare to be asked of a campaign.
const markStranded = "replica restarted to hand writes over once more"

// Marks names the situations that every long campaign must reach.
func Marks() []string {
	return []string{
		markRestarted, markDuplicate, markReclaimed, markWaited, markUnavailable, markUnknown, markRetried, markElsewhere, markHandedOver, markTorn,
		markRepaired, markUnreadable, markCheckpoint, markDiskFailed, markRejected, markClockBack, markSnapshot, markLost, markTold, markFollowed, markUnsynced, markCached,
		markDeleted, markSpared, markBatch, markBatchPut, markMixed, markActed,
		markOwnDeleted,
	}
}

// Marks names the situations that a long campaign of c must reach, if its faults are
// drawn by swarm: those of [Marks], and of engines if it has one, less those that c rules
// out.
func (c Config) Marks() []string {
	all := Marks()
	if c.Engine != "" && c.Engine != DrawnEngine {
		all = append(all, markLoaded, markEngineReplaced, markFull, markRoom)
		if c.Engine != "memory" { // which merges nothing
			all = append(all, markMidway, markBehind)
		}
		if c.Engine == "lsm" || c.Engine == "appendlog" { // the others have read everything when they are open
			all = append(all, markValueLost)
		}
	}
	return slices.DeleteFunc(all, func(m string) bool {
		switch m {
		case markActed:
			return c.Nodes != 0 || c.Operations > UsualOperations
		case markWaited, markUnavailable:
			l, err := session.ParseLevel(c.Level)
			return err == nil && !l.Waits()
		case markOwnDeleted:
			l, err := session.ParseLevel(c.Level)
			return err == nil && !l.Transactional()
		case markCached, markDeleted, markSpared, markBatch, markBatchPut:
			l, err := session.ParseLevel(c.Level)
			return err == nil && l.Transactional()
		}
		return false
	})
}
