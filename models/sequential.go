package models

import (
	"encoding/binary"
	"fmt"

	"github.com/anishathalye/porcupine"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Sequential is sequential consistency of registers: one order of all
// operations, of all keys together, that keeps to each session's order and in
// which each read returns the latest write (Lamport 1979). Real time does not
// matter, so that keys are not independent.
//
// All operations are concurrent as far as porcupine knows; the state carries how
// far each session has come and what the registers hold. An indeterminate put
// comes after what its session did before, and its session does not wait for it.
func Sequential() Model {
	return Model{
		ModelInfo: ModelInfo{
			Name:       "sequential",
			Doc:        "one order of all operations that keeps each session's order explains every read",
			Complexity: "polynomial where a weaker level is broken or a stronger one holds; else exponential in sessions, (n/s)^s states (porcupine)",
			Needs:      "registers with read, write and cas",
		},
		Prepare: prepareSequential,
		Because: "since no weaker level is broken and deciding this one is NP-hard",
		Reduce: func(h *history.History) Reduction {
			return Reduction{Support: valueSupport(h), Restrict: restrict(h)}
		},
	}
}

// sequentialStep is an operation and its place in its session.
type sequentialStep struct {
	registerStep
	key         int
	chain, rank int // an indeterminate put has a chain of its own
	after       int // the chain that must have come to afterRank, or -1
	afterRank   int
	part        *sequentialPart
}

// sequentialPart is what the steps share: the chains, in order.
type sequentialPart struct {
	chains [][]*sequentialStep
	// readers are, by register and value, the steps that must find it there, and
	// writers how many may put it there.
	readers map[[2]int][]*sequentialStep
	writers map[[2]int]int
}

// sequentialState is how far each chain has come and what each register holds,
// four bytes a number so that states compare as strings.
type sequentialState struct{ at, values string }

func number(s string, i int) int {
	return int(binary.BigEndian.Uint32([]byte(s[4*i : 4*i+4])))
}

func withNumber(s string, i, n int) string {
	b := []byte(s)
	binary.BigEndian.PutUint32(b[4*i:], uint32(n))
	return string(b)
}

func prepareSequential(h *history.History) (*Problem, error) {
	values := newValueNumbers(h.Initial)
	part := &sequentialPart{readers: make(map[[2]int][]*sequentialStep), writers: make(map[[2]int]int)}
	keys := make(map[string]int)
	chains := make(map[int]int) // session -> chain
	search := Part{Name: "all registers", Alone: true}
	for i := range h.Ops {
		o := &h.Ops[i]
		if !takesPart(o) {
			continue
		}
		step, ok := values.step(o, true)
		if !ok {
			return nil, unsupported("sequential", o)
		}
		if _, known := keys[o.Key]; !known {
			keys[o.Key] = len(keys)
		}
		s := &sequentialStep{registerStep: step, key: keys[o.Key], after: -1, part: part}
		part.place(s, chains)
		if s.demands && !s.negate && !s.optional {
			part.readers[[2]int{s.key, s.in}] = append(part.readers[[2]int{s.key, s.in}], s)
		}
		if s.changes {
			part.writers[[2]int{s.key, s.out}]++
		}
		search.From = append(search.From, i)
		search.Ops = append(search.Ops, porcupine.Operation{ClientId: o.Session, Input: s})
	}
	for rank := range search.Ops {
		search.Ops[rank].Call = int64(rank)
		search.Ops[rank].Return = int64(len(search.Ops) + rank)
	}
	p := &Problem{
		Spec:       sequentialSpec(part, len(keys), values),
		StateBytes: func(s any) int { return 32 + len(s.(sequentialState).at) + len(s.(sequentialState).values) },
	}
	if len(search.Ops) > 0 {
		p.Parts = []Part{search}
	}
	return p, nil
}

// place gives the step its chain.
func (p *sequentialPart) place(s *sequentialStep, chains map[int]int) {
	c, ok := chains[s.op.Session]
	if s.op.Outcome == history.Unknown {
		if ok {
			s.after, s.afterRank = c, len(p.chains[c])
		}
		c, ok = len(p.chains), true
		p.chains = append(p.chains, nil)
	}
	if !ok {
		c = len(p.chains)
		chains[s.op.Session] = c
		p.chains = append(p.chains, nil)
	}
	s.chain, s.rank = c, len(p.chains[c])
	p.chains[c] = append(p.chains[c], s)
}

// enabled reports whether everything before the step has been done.
func (s *sequentialStep) enabled(now sequentialState) bool {
	return number(now.at, s.chain) == s.rank && (s.after < 0 || number(now.at, s.after) >= s.afterRank)
}

// forced returns a step that only observes and is right as things stand: any
// legal order remains legal when it is moved to the front.
func (p *sequentialPart) forced(now sequentialState) *sequentialStep {
	for c, steps := range p.chains {
		at := number(now.at, c)
		if at == len(steps) {
			continue
		}
		s := steps[at]
		if !s.changes && s.fits(number(now.values, s.key)) && s.enabled(now) {
			return s
		}
	}
	return nil
}

// spoils reports that the step takes away a value for good that another one must
// yet find: one that nobody will write again.
func (p *sequentialPart) spoils(now sequentialState, s *sequentialStep) bool {
	held := number(now.values, s.key)
	at := [2]int{s.key, held}
	if held == s.out || p.writers[at] > 1 || p.writers[at] == 1 && held == 0 {
		return false
	}
	for _, r := range p.readers[at] {
		if r != s && number(now.at, r.chain) <= r.rank {
			return true
		}
	}
	return false
}

func sequentialSpec(part *sequentialPart, keys int, values *valueNumbers) porcupine.Model {
	return porcupine.Model{
		Init: func() any {
			return sequentialState{string(make([]byte, 4*len(part.chains))), string(make([]byte, 4*keys))}
		},
		Step: func(state, input, _ any) (bool, any) {
			now, s := state.(sequentialState), input.(*sequentialStep)
			if !s.enabled(now) {
				return false, state
			}
			if first := s.part.forced(now); first != nil && first != s {
				return false, state
			}
			holds := s.fits(number(now.values, s.key))
			if !holds && !s.optional {
				return false, state
			}
			if holds && s.changes && s.part.spoils(now, s) {
				return false, state
			}
			now.at = withNumber(now.at, s.chain, s.rank+1)
			if holds && s.changes {
				now.values = withNumber(now.values, s.key, s.out)
			}
			return true, now
		},
		Hash: func(state any) uint64 {
			h := uint64(0xcbf29ce484222325)
			for _, part := range []string{state.(sequentialState).at, state.(sequentialState).values} {
				for i := range len(part) {
					h = (h ^ uint64(part[i])) * 0x100000001b3
				}
			}
			return h
		},
		DescribeOperation: func(input, _ any) string { return input.(*sequentialStep).op.String() },
		DescribeState: func(state any) string {
			s := state.(sequentialState)
			done := make([]int, len(s.at)/4)
			for c := range done {
				done[c] = number(s.at, c)
			}
			held := make([]string, len(s.values)/4)
			for k := range held {
				held[k] = values.name(number(s.values, k))
			}
			return fmt.Sprintf("done %v, registers %v", done, held)
		},
	}
}

// valueSupport returns every put of the value that an operation demands (for a
// failed CAS, of any other): without real time each may be the one it found.
func valueSupport(h *history.History) func(i int) []int {
	x := indexPuts(h)
	return func(i int) []int {
		wanted := demanded(&h.Ops[i])
		if wanted == nil {
			return nil
		}
		var need []int
		for _, j := range x.byKey[objectOf(&h.Ops[i])] {
			if w := &h.Ops[j]; j != i && !changesNothing(w) && wanted(written(w)) {
				need = append(need, j)
			}
		}
		return need
	}
}
