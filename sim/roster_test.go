package sim_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
	simnet "github.com/joinery-go/joinery/sim/net"
	"github.com/joinery-go/joinery/sim/shrink"
)

// A step is what the plan of a host with members holds: an operation, or something
// that befalls a member. Its ID is the lineage of what operations it leads to.
type step struct {
	At   sim.Time
	ID   uint64
	Do   doing
	Node sim.NodeID
}

type doing string

const (
	doAdd    doing = "add"    // to the set
	doRemove doing = "remove" // the oldest from the set
	doWrite  doing = "write"
	doLeave  doing = "leave"
	doJoin   doing = "join"
	doReturn doing = "return"
	doWipe   doing = "wipe"
)

// roster is a protocol whose members come and go: node 0 stays, nodes 1 and 2 may
// be gone.
type roster struct {
	name    string
	doings  []doing
	verdict string // of the fault seeded into it
	start   func(buggy bool, steps map[uint64]step) (make func(sim.NodeID) sim.Actor, verdict func(*sim.World) string)
	least   [][]doing // what the least plans that show the fault may be
}

var rosters = []roster{
	{"tombstones", []doing{doAdd, doRemove, doAdd, doRemove, doLeave, doReturn, doJoin}, "resurrected", startSet,
		[][]doing{{doAdd, doLeave, doRemove, doReturn}}},
	{"sequence numbers", []doing{doWrite, doWrite, doLeave, doJoin, doReturn, doWipe}, "lost", startWriters,
		[][]doing{{doWrite, doWipe, doWrite}, {doWrite, doLeave, doJoin, doWrite}}},
}

// steps draws the plan of a seed.
func (r roster) steps(seed uint64) (plan []step) {
	src := choice.Seeded(choice.MixString(seed, "steps"))
	at := sim.Time(0)
	for i := range uint64(24) {
		at += sim.Time(1+src.Choose(choice.Point{Site: "gap", Key: i, N: 100})) * sim.Millisecond
		do := r.doings[src.Choose(choice.Point{Site: "do", Key: i, N: uint64(len(r.doings))})]
		node := sim.NodeID(1 + src.Choose(choice.Point{Site: "node", Key: i, N: 2}))
		plan = append(plan, step{at, i + 1, do, node})
	}
	return plan
}

// run runs steps under choices and says how the run failed, if it did.
func (r roster) run(buggy bool, plan []step, src choice.Source, f simnet.Faults) (string, *sim.World, error) {
	byID := map[uint64]step{}
	for _, s := range plan {
		byID[s.ID] = s
	}
	makes, verdict := r.start(buggy, byID)
	net, err := simnet.New(simnet.Options{Faults: f})
	if err != nil {
		return "", nil, err
	}
	w, err := sim.New(sim.Options{
		Nodes: 3, Source: src, Net: net, Decisions: true, AssertKeys: true, Factory: makes,
		Device: func(sim.NodeID) sim.Device { return disk.NewLog(disk.Options{}) },
	})
	if err != nil {
		return "", nil, err
	}
	for _, s := range plan {
		var err error
		switch s.Do {
		case doLeave:
			err = w.Leave(s.At, s.Node)
		case doJoin:
			err = w.Join(s.At, s.Node)
		case doReturn:
			err = w.Return(s.At, s.Node)
		case doWipe:
			err = w.Wipe(s.At, s.Node)
		case doWrite:
			err = w.Inject(s.At, s.Node, s.ID)
		}
		if err == nil && s.Do != doWrite { // node 0 takes the others, and is told who comes and goes
			err = w.Inject(s.At, 0, s.ID)
		}
		if err != nil {
			return "", nil, err
		}
	}
	if err := w.Heal(3 * sim.Second); err != nil {
		return "", nil, err
	}
	if err := w.RunUntil(5 * sim.Second); err != nil {
		return "", nil, err
	}
	return verdict(w), w, nil
}

// TestFaultsOfMembershipAreFoundAndShrunk to the least plan and no other fault; the
// protocol as it should be holds, under partitions as well.
func TestFaultsOfMembershipAreFoundAndShrunk(t *testing.T) {
	harsh := simnet.Faults{Drop: sim.Extreme, Duplicate: sim.Extreme, Partition: sim.Extreme}
	for _, r := range rosters {
		found, parted := 0, 0
		for seed := range uint64(100) {
			plan := r.steps(seed)
			failed, w, err := r.run(false, plan, choice.Seeded(seed), harsh)
			require.NoError(t, err)
			require.Empty(t, failed, "%s, seed %d", r.name, seed)
			parted += min(int(w.Stats().Effective[sim.Partition]), 1)
			if found == 5 {
				continue
			}
			failed, w, err = r.run(true, plan, choice.Seeded(seed), harsh)
			require.NoError(t, err)
			if failed == "" {
				continue
			}
			require.Equal(t, r.verdict, failed)
			found++
			var tape []choice.Decision
			for _, d := range w.Decisions() {
				tape = append(tape, d.Decision)
			}
			least, err := shrink.Minimise(plan, tape, func(plan []step, tape []choice.Decision) (shrink.Outcome, error) {
				failed, w, err := r.run(true, plan, choice.NewReplay(tape), simnet.AskAll)
				if err != nil {
					return shrink.Outcome{}, err
				}
				return shrink.Outcome{Signature: failed, Asked: w.Decisions()}, nil
			}, shrink.Options[step]{Signature: failed, At: func(s step) sim.Time { return s.At }})
			require.NoError(t, err)
			var did []doing
			for _, s := range least.Ops {
				did = append(did, s.Do)
			}
			t.Logf("%s, seed %d: %d steps and %d decisions to %v and %v in %d replays", r.name, seed, len(plan), len(tape), did, least.Decisions, least.Replays)
			require.True(t, least.Settled)
			require.True(t, slices.ContainsFunc(r.least, func(want []doing) bool { return slices.Equal(want, did) }), "%v", did)
			require.Empty(t, least.Decisions)
		}
		require.Equal(t, 5, found, r.name)
		require.Greater(t, parted, 50, r.name)
	}
}
