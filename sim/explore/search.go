package explore

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// errRefuted asks for a new search, since a pair that was believed to commute
// does not.
var errRefuted = errors.New("sim/explore: a belief was refuted")

// visit is what is kept of a state for good: how it was first reached. The action
// itself would keep its message alive; its place in the list is enough.
type visit struct {
	parent int32  // position in search.visits, or -1-i for initial state i
	perm   uint16 // the renaming that made the successor canonical
	action uint16 // among the parent's actions
}

// open is a state that is still to be expanded.
type open[S any] struct {
	state       S   // canonical
	from, until int // in level.sleep, what sleeps in it, in its naming
}

// level is the states of one depth, in the order of their visits.
type level[S any, A comparable] struct {
	first int32 // visit of the first one
	open  []open[S]
	sleep []A
}

// search is one search in progress.
type search[S any, A comparable] struct {
	model     *Model[S, A]
	opts      Options
	group     [][]int
	inits     []S
	seen      seen
	visits    column[visit]
	depthOf   int         // depth of the states in next
	next      level[S, A] // found at this depth
	classes   int
	beliefs   []belief // by greater and lesser class; outlives a new start
	symmetric int      // checks of symmetry made
	acts      []A      // of the state that is expanded
	their     []A      // of the state that is judged
	enc, alt  []byte
	res       Result[S, A]
}

// Run searches all that m can do within o. It is linear in transitions, each at
// the cost of an Apply, an Actions and, for each renaming, a Permute and an Append.
func Run[S any, A comparable](m Model[S, A], o Options) (Result[S, A], error) {
	var none Result[S, A]
	if err := m.validate(&o); err != nil {
		return none, err
	}
	classes := max(1, len(m.Classes))
	s := &search[S, A]{model: &m, opts: o, classes: classes, beliefs: make([]belief, classes*classes)}
	if !o.NoSymmetry {
		var err error
		if s.group, err = group(m.Symmetry); err != nil {
			return none, err
		}
	}
	for {
		err := s.run()
		if errors.Is(err, errRefuted) {
			continue // one pair of classes fewer: ends
		}
		if err == nil {
			s.report()
		}
		return s.res, err
	}
}

// run is one search from the start.
func (s *search[S, A]) run() error {
	sampled := s.res.Sampled
	s.res = Result[S, A]{Sampled: sampled, Renamings: max(1, len(s.group))}
	s.seen, s.visits, s.next, s.depthOf = seen{}, column[visit]{}, level[S, A]{}, 0
	s.inits = s.model.Init()
	if len(s.inits) == 0 {
		return fmt.Errorf("%w: no initial state", ErrModel)
	}
	for i, st := range s.inits {
		if err := s.arrive(s.canonical(st), visit{parent: int32(-1 - i)}, nil); err != nil || s.over() {
			return err
		}
	}
	for len(s.next.open) > 0 {
		if s.opts.MaxDepth > 0 && s.depthOf >= s.opts.MaxDepth {
			if slices.ContainsFunc(s.next.open, func(o open[S]) bool { return len(s.model.Actions(nil, o.state)) > 0 }) {
				s.res.Stopped = fmt.Sprintf("depth bound of %d actions", s.opts.MaxDepth)
				return nil
			}
			break
		}
		now := s.next
		s.next, s.depthOf = level[S, A]{first: int32(s.visits.len())}, s.depthOf+1
		for i := range now.open {
			o := &now.open[i]
			if err := s.expand(o.state, now.first+int32(i), now.sleep[o.from:o.until]); err != nil || s.over() {
				return err
			}
			*o = open[S]{} // its memory is needed for the next level
		}
	}
	s.res.Complete = true
	return nil
}

func (s *search[S, A]) over() bool { return s.res.Violation != nil || s.res.Stopped != "" }

func (s *search[S, A]) apply(st S, a A) (S, error) {
	next, err := s.model.Apply(st, a)
	if err != nil {
		return next, fmt.Errorf("sim/explore: apply %v: %w", a, err)
	}
	return next, nil
}

// samplesOfSymmetry is how many states are checked to be symmetric, and every
// how many-th thereafter.
const (
	samplesOfSymmetry = 200
	auditSymmetry     = 4096
)

// expand applies what is possible in st, which is visit id, and not asleep.
func (s *search[S, A]) expand(st S, id int32, asleep []A) error {
	s.acts = s.model.Actions(s.acts[:0], st)
	if len(s.acts) > math.MaxUint16 {
		return fmt.Errorf("%w: %d actions in a state, at most %d", ErrModel, len(s.acts), math.MaxUint16)
	}
	if len(s.group) > 1 && (s.symmetric < samplesOfSymmetry || int(id)%auditSymmetry == 0) {
		if err := s.checkSymmetry(st, s.acts); err != nil {
			return err
		}
	}
	for i, b := range s.acts {
		if slices.Contains(asleep, b) {
			s.res.Asleep++
			continue
		}
		next, err := s.successor(st, b)
		if err != nil {
			return err
		}
		s.res.Transitions++
		if err := s.arrive(next, visit{parent: id, action: uint16(i)}, &origin[S, A]{st, asleep}); err != nil || s.over() {
			return err
		}
	}
	return nil
}

func (s *search[S, A]) successor(st S, a A) (successor[S], error) {
	if s.model.next == nil || len(s.group) < 2 {
		next, err := s.apply(st, a)
		if err != nil {
			return successor[S]{}, err
		}
		return s.canonical(next), nil
	}
	next, err := s.model.next(st, a)
	if err != nil {
		return next, fmt.Errorf("sim/explore: apply %v: %w", a, err)
	}
	return next, nil
}

// origin is a state that is being expanded, with what sleeps in it.
type origin[S any, A comparable] struct {
	state  S
	asleep []A
}

// sleepAfter appends to s.next.sleep what action i of s.acts puts to sleep: what
// sleeps in o, or stands before it, and commutes with it; by its names after perm.
func (s *search[S, A]) sleepAfter(o *origin[S, A], i, perm int) error {
	for j, a := range s.acts {
		if j == i || j > i && !slices.Contains(o.asleep, a) {
			continue
		}
		ok, err := s.commute(o.state, a, s.acts[i])
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if perm > 0 {
			a = s.model.PermuteAction(a, s.group[perm])
		}
		s.next.sleep = append(s.next.sleep, a)
	}
	return nil
}

// arrive takes in a canonical state. A new one is kept; asleep in it is what the
// action puts to sleep by which it was come by, or nothing if from is nil.
func (s *search[S, A]) arrive(st successor[S], v visit, from *origin[S, A]) error {
	s.enc = s.model.Append(s.enc[:0], st.state)
	if s.seen.has(keyOf(s.enc)) {
		return nil
	}
	if s.visits.len() >= s.opts.MaxStates {
		s.res.Stopped = fmt.Sprintf("bound of %d states, at depth %d", s.opts.MaxStates, s.depthOf)
		return nil
	}
	s.seen.add()
	sleepFrom := len(s.next.sleep)
	if from != nil && !s.opts.NoCommute {
		if err := s.sleepAfter(from, int(v.action), st.perm); err != nil {
			return err
		}
	}
	v.perm = uint16(st.perm)
	return s.discover(st, v, sleepFrom)
}

// discover judges a new state and keeps it; what sleeps in it is in s.next already.
func (s *search[S, A]) discover(st successor[S], v visit, sleepFrom int) error {
	id := int32(s.visits.len())
	s.visits.append(v)
	s.res.States++
	s.res.Renamed += st.orbit
	if s.opts.Progress != nil && s.res.States%progressEvery == 0 {
		if err := s.opts.Progress(s.res.States); err != nil {
			return fmt.Errorf("sim/explore: after %d states: %w", s.res.States, err)
		}
	}
	s.res.Depth = s.depthOf
	if s.model.CheckEnd != nil {
		s.their = s.model.Actions(s.their[:0], st.state)
	}
	if s.judge(st.state, s.their) != "" {
		return s.violated(id)
	}
	s.next.open = append(s.next.open, open[S]{state: st.state, from: sleepFrom, until: len(s.next.sleep)})
	return nil
}

const progressEvery = 1000

// judge is what is wrong with a state in which acts are possible.
func (s *search[S, A]) judge(st S, acts []A) string {
	if s.model.Check != nil {
		if what := s.model.Check(st); what != "" {
			return what
		}
	}
	if len(acts) > 0 || s.model.CheckEnd == nil {
		return ""
	}
	return s.model.CheckEnd(st)
}

// violated reports the path to a visit. Its actions are named as in the canonical
// states on the way, which are made anew; going down, names are turned back into
// those of the start.
func (s *search[S, A]) violated(id int32) error {
	var steps []visit
	for id >= 0 {
		step := s.visits.at(int(id))
		steps = append(steps, step)
		id = step.parent
	}
	slices.Reverse(steps)
	v := &Violation[S, A]{Init: s.inits[-1-id]}
	canon, end := v.Init, v.Init
	var back []int // from the naming of canon to that of end; nil is no change
	rename := func(perm uint16) {
		if perm == 0 {
			return
		}
		p := s.group[perm]
		canon = s.model.Permute(canon, p)
		if back == nil {
			back = invert(p)
		} else {
			back = compose(back, invert(p))
		}
	}
	rename(steps[0].perm)
	for _, step := range steps[1:] {
		a := s.model.Actions(nil, canon)[step.action]
		concrete := a
		if back != nil {
			concrete = s.model.PermuteAction(a, back)
		}
		v.Path = append(v.Path, concrete)
		var err error
		if canon, err = s.apply(canon, a); err != nil {
			return err
		}
		if end, err = s.apply(end, concrete); err != nil {
			return err
		}
		rename(step.perm)
	}
	v.End = end
	v.What = s.judge(end, s.model.Actions(nil, end)) // which may name nodes
	s.res.Violation = v
	return nil
}
