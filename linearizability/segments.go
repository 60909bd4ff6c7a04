package linearizability

import (
	"cmp"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/joinery-go/joinery/models"
)

// A part is worth cutting where it is long; shorter ones porcupine decides at
// once. Segments are bounded so that a set of their operations is one word.
const (
	cutFrom    = 400
	maxSegment = 64
)

const bySegments = "search between quiescent points, carrying the possible states"

// segmentsOf cuts the operations where none is under way, so that everything
// before the cut precedes everything after it. It returns nil where that does
// not help: few operations, or a segment that is too large.
func segmentsOf(ops []porcupine.Operation) [][]porcupine.Operation {
	if len(ops) < cutFrom {
		return nil
	}
	sorted := slices.Clone(ops)
	slices.SortStableFunc(sorted, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var segments [][]porcupine.Operation
	start, latest := 0, sorted[0].Return
	for i := 1; i <= len(sorted); i++ {
		if i == len(sorted) || sorted[i].Call > latest {
			if i-start > maxSegment {
				return nil
			}
			segments = append(segments, sorted[start:i])
			start = i
		}
		if i < len(sorted) {
			latest = max(latest, sorted[i].Return)
		}
	}
	return segments
}

// carrier goes through segments with all states that the ones before may have
// left behind.
type carrier struct {
	m    *meter
	spec porcupine.Model
	size func(state any) int
}

// searchSegments decides a part segment by segment: linear in their number,
// where one search over all of them would keep a set of all operations with
// each state.
func searchSegments(m *meter, p *models.Problem, part models.Part, segments [][]porcupine.Operation) ruling {
	c := &carrier{m: m, spec: p.Spec, size: p.StateBytes}
	states := []any{p.Spec.Init()}
	for _, segment := range segments {
		states = c.after(segment, states)
		if why := m.stopped(); why != "" {
			return ruling{status: Undecided, reason: part.Name + ": " + why, method: bySegments}
		}
		if len(states) == 0 {
			r := ruling{status: Violation, reason: part.Name + ": no order of the operations is allowed", method: bySegments}
			if part.Alone {
				r.witness = part.From
			}
			return r
		}
	}
	return ruling{status: OK, method: bySegments}
}

// visit is a set of operations done and the state they left.
type visit struct {
	done  uint64
	state any
}

// after returns the states in which the segment can end, beginning in any of
// these. Each set of operations is met once with each state.
func (c *carrier) after(segment []porcupine.Operation, states []any) (ends []any) {
	all := ^uint64(0) >> (64 - len(segment))
	before := make([]uint64, len(segment)) // by operation: those that had returned when it was called
	for i, o := range segment {
		for j, p := range segment {
			if p.Return < o.Call {
				before[i] |= 1 << j
			}
		}
	}
	seen := make(map[uint64][]any)
	var stack []visit
	push := func(v visit) {
		if slices.ContainsFunc(seen[v.done], func(s any) bool { return c.equal(s, v.state) }) {
			return
		}
		seen[v.done] = append(seen[v.done], v.state)
		c.m.keep(48 + c.size(v.state))
		if v.done == all {
			ends = append(ends, v.state)
			return
		}
		stack = append(stack, v)
	}
	for _, s := range states {
		push(visit{0, s})
	}
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for i, o := range segment {
			if v.done>>i&1 == 1 || before[i]&^v.done != 0 {
				continue
			}
			if !c.m.step() {
				return nil
			}
			if ok, next := c.spec.Step(v.state, o.Input, o.Output); ok {
				push(visit{v.done | 1<<i, next})
			}
		}
	}
	return ends
}

func (c *carrier) equal(a, b any) bool {
	if c.spec.Equal != nil {
		return c.spec.Equal(a, b)
	}
	return a == b
}
