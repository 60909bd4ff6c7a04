package laws

import (
	"fmt"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
)

// MaxTuples bounds how many tuples [Exhaust] judges a law: a universe of n states
// has n³ triples.
const MaxTuples = 50_000_000

// Exhaust checks every law of the set against every tuple of the universe. A law
// whose premise no tuple satisfies is impossible to exercise in this universe and
// reported as that, not as passed. A universe so large that a law would need more
// than [MaxTuples] is a set-up error.
//
// Writes into states are looked for after each sweep of the last place of the
// tuple, not after each evaluation: a law costs little more than the loop written
// by hand. The first tuple that fails is not made smaller; it is the first in the
// order of the universe, which begins with the simplest states.
func Exhaust[S any](set Set[S], universe gen.Universe[S]) Report {
	return set.s.value().exhaust(boxAll(universe))
}

func (s set) exhaust(universe []any) Report {
	r := Report{Set: s.name, Scope: fmt.Sprintf("every tuple of %d states", len(universe)), Absent: s.absent()}
	if err := s.usable(); err != nil {
		r.Err = err
		return r
	}
	if len(universe) == 0 {
		r.Err = fmt.Errorf("%w: the universe of %s is empty", ErrSetup, s.name)
		return r
	}
	u := exhausted{universe: universe}
	for _, law := range s.all() {
		if n, ok := power(len(universe), law.Arity); !ok {
			r.Err = fmt.Errorf("%w: law %s has %d^%d tuples, more than MaxTuples (%d)", ErrSetup, law.ID, len(universe), law.Arity, n)
			return r
		}
		e := &exhaustion{law: &law, probe: newProbe(s.subject), exhausted: &u, x: make([]any, law.Arity), at: make([]int, law.Arity)}
		r.Results = append(r.Results, e.run())
	}
	r.evidence = s.attest(&r, lattice.Exhausted, r.Scope)
	return r
}

// power returns n^k, or MaxTuples and false if it is more than that.
func power(n, k int) (int, bool) {
	p := 1
	for range k {
		if p > MaxTuples/n {
			return MaxTuples, false
		}
		p *= n
	}
	return p, true
}

// exhausted is a universe under the laws of a set, one after the other.
type exhausted struct {
	universe []any    // what no law is given
	states   []any    // copies, which are judged: a faulty merge may write into them
	prints   []uint64 // fingerprints of states; none where they cannot be written into
}

// prepare makes the copies, for the first law and after one that failed: a law that holds
// left them as they were.
func (u *exhausted) prepare(p *probe) {
	if u.states != nil {
		return
	}
	u.states = p.copies(u.universe)
	if p.s.plain {
		return
	}
	u.prints = make([]uint64, len(u.states))
	for i := range u.states {
		u.prints[i] = p.fingerprint(u.states[i])
	}
}

// exhaustion is one law over a universe.
type exhaustion struct {
	*exhausted
	law   *law
	probe *probe
	x     []any
	at    []int // the tuple as indices into states
	res   Result
}

func (e *exhaustion) run() Result {
	e.res = Result{Law: e.law.ID, Statement: e.law.Text}
	e.prepare(e.probe)
	for i := range e.x {
		e.x[i] = e.states[0]
	}
	for {
		if f, bad := e.sweep(); bad {
			e.fail(f)
			return e.res
		}
		if e.written() {
			e.fail(e.search())
			return e.res
		}
		if !e.advance() {
			break
		}
	}
	if e.res.Exercised == 0 {
		e.res.Status = Impossible
	}
	return e.res
}

// sweep judges the tuples that differ in the last place only. What recovers from a
// panic stands around the whole loop: it costs as much as a small merge.
func (e *exhaustion) sweep() (f finding, bad bool) {
	defer func() {
		if v := recover(); v != nil {
			f, bad = panickedWith(v), true
		}
	}()
	last := len(e.x) - 1
	for i := range e.states {
		e.x[last] = e.states[i]
		e.at[last] = i
		switch e.law.eval(e.probe, e.x) {
		case Holds:
			e.res.Exercised++
		case Fails:
			e.res.Cases++
			return finding{kind: refuted}, true
		}
		e.res.Cases++
	}
	return finding{}, false
}

// advance moves on every place but the last.
func (e *exhaustion) advance() bool {
	for i := len(e.at) - 2; i >= 0; i-- {
		e.at[i]++
		if e.at[i] == len(e.states) {
			e.at[i] = 0
		}
		e.x[i] = e.states[e.at[i]]
		if e.at[i] != 0 {
			return true
		}
	}
	return false
}

// written reports whether a state of the universe is not what it was.
func (e *exhaustion) written() bool {
	for i := range e.prints {
		if e.probe.fingerprint(e.states[i]) != e.prints[i] {
			return true
		}
	}
	return false
}

// search judges the last sweep again, tuple by tuple on fresh copies, to find the
// evaluation that wrote into its arguments.
func (e *exhaustion) search() finding {
	last := len(e.at) - 1
	for i := range e.universe {
		e.at[last] = i
		if f := e.probe.judge(e.law, e.tuple()); f.kind.bad() {
			return f
		}
	}
	return finding{kind: wrote}
}

// tuple is the current tuple as it was before anything was judged, in copies.
func (e *exhaustion) tuple() []any {
	x := make([]any, len(e.at))
	for i, at := range e.at {
		x[i] = e.universe[at]
	}
	return e.probe.copies(x)
}

func (e *exhaustion) fail(f finding) {
	if f.kind == refuted && e.written() {
		f = e.search()
	}
	e.res.Status = Failed
	e.res.Failure = e.probe.failure(e.law, e.tuple(), f)
	e.res.Failure.Found = fmt.Sprintf("tuple %d of the universe", e.res.Cases)
	e.states = nil
}
