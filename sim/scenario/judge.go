package scenario

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
)

func isNotQuiet(err error) bool { return errors.Is(err, sim.ErrNotQuiet) }

// compareReplicas is the oracle of convergence that looks inside: at rest, the
// owners of a partition hold the same values under the same keys.
func (r *run) compareReplicas() {
	held := make([]map[cellID][]byte, r.setup.Nodes)
	for n := range held {
		held[n] = make(map[cellID][]byte)
		if a, ok := r.world.Actor(sim.NodeID(n)).(*replica); ok && a.core != nil {
			a.core.Each(func(_ ring.Partition, key, kind string, v kvs.Value) { held[n][cellID{key, kind}] = v.Append(nil) })
		}
	}
	for _, k := range planKeys(r.ops) {
		owners := r.ring.Owners(r.ring.PartitionOf(k.name))
		id := cellID{k.name, string(k.typ)}
		for _, o := range owners[1:] {
			if !bytes.Equal(held[owners[0]][id], held[o][id]) {
				r.fail(Violation{Oracle: "replicas", Kind: string(k.typ), Node: int(o), Message: fmt.Sprintf(
					"at rest, nodes %d and %d hold different values of %q", owners[0], o, k.name)})
			}
		}
	}
}

// judge makes the history of a run that has ended, and has it checked.
func (r *run) judge(ctx context.Context, fences []int64, o options) (*Result, error) {
	h, planned := r.makeHistory(fences)
	stats := r.world.Stats()
	res := &Result{
		Seed: r.setup.Seed, Setup: r.setup, TraceHash: r.world.Hash(), Deliveries: r.world.Events(), Operations: int64(len(h.Ops)),
		Rest: r.atRest, RestBytes: r.restBytes,
		ops: r.ops[:r.setup.Operations], all: r.ops, byID: r.byID, planned: planned, history: h, world: r.world,
	}
	for c := range sim.AllClasses {
		res.FaultEffective = append(res.FaultEffective, stats.Effective[c] > 0)
	}
	for _, m := range r.world.Marks() {
		res.Marks = append(res.Marks, m.Name)
	}
	if o.decisions {
		for _, d := range r.world.Decisions() {
			res.decisions = append(res.decisions, d.Decision)
		}
	}
	res.Concurrent = readsAfterConcurrentWrites(h)
	checks := []string{"convergence"}
	if r.setup.Tagged && r.level == session.Causal {
		checks = append(checks, "lattice-causal")
	}
	if r.setup.Porcupine {
		checks = append(checks, "eventual")
		if r.level == session.Causal {
			checks = append(checks, "causal")
		}
	}
	for _, model := range checks {
		if err := r.check(ctx, res, model); err != nil {
			return nil, err
		}
	}
	res.Violations = r.failed
	return res, nil
}

// check has one model decide the history. The causal model leaves out the reads
// after the fence: their sessions ask for no more than what there is.
func (r *run) check(ctx context.Context, res *Result, model string) error {
	h := res.history
	if model == "causal" || model == "lattice-causal" {
		h = withoutSessions(h, r.setup.Sessions)
	}
	v, err := linearizability.Check(ctx, h, model, linearizability.Budget{Steps: 400_000, Bytes: 256 << 20})
	if err != nil {
		return err
	}
	if model == "eventual" || model == "causal" {
		if v.Status == linearizability.Undecided {
			res.Undecided++
		} else if v.Status != linearizability.Inconclusive {
			res.Porcupine++
		}
	}
	if v.Status == linearizability.Violation {
		x := Violation{Oracle: model, Kind: "history", Node: -1, Message: v.Reason}
		if o := atFault(v.Witness); o != nil {
			x.Kind, x.Op, x.Node = string(o.Type), string(o.Func), o.Node
		}
		r.fail(x)
	}
	return nil
}

// atFault is the operation of a witness that shows the fault: its last read, since
// what is wrong is what was seen, else its last operation.
func atFault(witness []history.Op) *history.Op {
	for i := len(witness) - 1; i >= 0; i-- {
		if !witness[i].IsPut() {
			return &witness[i]
		}
	}
	if len(witness) == 0 {
		return nil
	}
	return &witness[len(witness)-1]
}

// makeHistory orders what was recorded by the time of the call. planned is, by
// position, the id of the planned operation.
func (r *run) makeHistory(fences []int64) (h *history.History, planned []uint64) {
	h = &history.History{Name: fmt.Sprintf("seed %d", r.setup.Seed), Tagged: r.setup.Tagged, Fences: fences}
	planned = slices.SortedFunc(maps.Keys(r.recorded), func(a, b uint64) int {
		return cmp.Or(cmp.Compare(r.recorded[a].Call, r.recorded[b].Call), cmp.Compare(a, b))
	})
	for i, id := range planned {
		o := *r.recorded[id]
		o.Index = i
		h.Ops = append(h.Ops, o)
	}
	return h, planned
}

// withoutSessions drops the operations of sessions from first on.
func withoutSessions(h *history.History, first int) *history.History {
	out := &history.History{Name: h.Name, Tagged: h.Tagged}
	for _, o := range h.Ops {
		if o.Session < first {
			o.Index = len(out.Ops)
			out.Ops = append(out.Ops, o)
		}
	}
	return out
}

// readsAfterConcurrentWrites counts the answered reads of keys that two writes of
// overlapping intervals had reached, or begun to, before.
func readsAfterConcurrentWrites(h *history.History) int {
	first := make(map[string]int64) // by key: when both of a concurrent pair had been called
	for i := range h.Ops {
		a := &h.Ops[i]
		if !a.IsPut() || a.Outcome == history.Failed {
			continue
		}
		for j := range h.Ops[:i] {
			b := &h.Ops[j]
			if b.Key == a.Key && b.IsPut() && b.Outcome != history.Failed && b.Session != a.Session && b.Return >= a.Call {
				if t, ok := first[a.Key]; !ok || a.Call < t {
					first[a.Key] = a.Call
				}
			}
		}
	}
	n := 0
	for i := range h.Ops {
		o := &h.Ops[i]
		if t, ok := first[o.Key]; ok && !o.IsPut() && o.Outcome == history.OK && o.Return > t {
			n++
		}
	}
	return n
}
