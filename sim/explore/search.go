package explore

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// errRefuted asks for a new search, since a pair that was believed to commute
// does not.
var errRefuted = errors.New("sim/explore: a belief was refuted")

// visit is what is kept of a state for good: how it was first reached. The action
// itself would keep its message alive; its place in the list is enough.
type visit struct {
	parent int32 // position in search.visits, or -1-i for initial state i
	perm   int32 // the renaming that made the successor canonical
	action int32 // among the parent's actions
}

// open is a state that is still to be expanded.
type open[S any, A comparable] struct {
	state S // canonical
	id    int32
	acts  []A
	sleep []A // in the naming of state
}

type hash [16]byte

// search is one search in progress.
type search[S any, A comparable] struct {
	model     *Model[S, A]
	opts      Options
	group     [][]int
	inits     []S
	seen      map[hash]int32
	visits    []visit
	depthOf   int                   // depth of the states in next
	next      []open[S, A]          // found at this depth
	place     map[int32]int         // of a visit in next
	beliefs   map[classPair]*belief // outlives a new start
	symmetric int                   // checks of symmetry made
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
	s := &search[S, A]{model: &m, opts: o, beliefs: map[classPair]*belief{}}
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
	s.res = Result[S, A]{Sampled: sampled}
	s.seen, s.visits, s.next, s.depthOf = map[hash]int32{}, nil, nil, 0
	s.place = map[int32]int{}
	s.inits = s.model.Init()
	if len(s.inits) == 0 {
		return fmt.Errorf("%w: no initial state", ErrModel)
	}
	for i, st := range s.inits {
		if err := s.arrive(st, nil, visit{parent: int32(-1 - i)}); err != nil || s.over() {
			return err
		}
	}
	for len(s.next) > 0 {
		if s.opts.MaxDepth > 0 && s.depthOf >= s.opts.MaxDepth {
			if slices.ContainsFunc(s.next, func(o open[S, A]) bool { return len(o.acts) > 0 }) {
				s.res.Stopped = fmt.Sprintf("depth bound of %d actions", s.opts.MaxDepth)
				return nil
			}
			break
		}
		level := s.next
		s.next, s.depthOf = nil, s.depthOf+1
		clear(s.place)
		for i := range level {
			if err := s.expand(&level[i]); err != nil || s.over() {
				return err
			}
			level[i] = open[S, A]{} // its memory is needed for the next level
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
	auditSymmetry     = 256
)

// expand applies what is possible in o and not asleep.
func (s *search[S, A]) expand(o *open[S, A]) error {
	if len(s.group) > 1 && (s.symmetric < samplesOfSymmetry || int(o.id)%auditSymmetry == 0) {
		if err := s.checkSymmetry(o.state, o.acts); err != nil {
			return err
		}
	}
	for i, b := range o.acts {
		if slices.Contains(o.sleep, b) {
			s.res.Asleep++
			continue
		}
		next, err := s.apply(o.state, b)
		if err != nil {
			return err
		}
		s.res.Transitions++
		sleep, err := s.sleepAfter(o, i)
		if err != nil {
			return err
		}
		if err := s.arrive(next, sleep, visit{parent: o.id, action: int32(i)}); err != nil || s.over() {
			return err
		}
	}
	return nil
}

// sleepAfter is what action i of o puts to sleep: what sleeps in o, or stands
// before it, and commutes with it.
func (s *search[S, A]) sleepAfter(o *open[S, A], i int) ([]A, error) {
	var sleep []A
	for j, a := range o.acts {
		if j == i || j > i && !slices.Contains(o.sleep, a) {
			continue
		}
		ok, err := s.commute(o.state, a, o.acts[i])
		if err != nil {
			return nil, err
		}
		if ok {
			sleep = append(sleep, a)
		}
	}
	return sleep, nil
}

// arrive takes in a state: a new one is checked and kept for expansion; one found
// before at this same depth sleeps on no more than this arrival allows.
func (s *search[S, A]) arrive(st S, sleep []A, v visit) error {
	canon, perm := s.canonical(st)
	if perm > 0 {
		for i, a := range sleep {
			sleep[i] = s.model.PermuteAction(a, s.group[perm])
		}
	}
	v.perm = int32(perm)
	sum := sha256.Sum256(s.enc)
	h := hash(sum[:16])
	if id, known := s.seen[h]; known {
		if at, fresh := s.place[id]; fresh {
			o := &s.next[at]
			o.sleep = slices.DeleteFunc(o.sleep, func(a A) bool { return !slices.Contains(sleep, a) })
		}
		return nil
	}
	if len(s.visits) >= s.opts.MaxStates {
		s.res.Stopped = fmt.Sprintf("bound of %d states, at depth %d", s.opts.MaxStates, s.depthOf)
		return nil
	}
	id := int32(len(s.visits))
	s.seen[h] = id
	s.visits = append(s.visits, v)
	s.res.States++
	if s.opts.Progress != nil && s.res.States%progressEvery == 0 {
		if err := s.opts.Progress(s.res.States); err != nil {
			return fmt.Errorf("sim/explore: after %d states: %w", s.res.States, err)
		}
	}
	s.res.Depth = s.depthOf
	acts := s.model.Actions(canon)
	if s.judge(canon, acts) != "" {
		return s.violated(id)
	}
	s.place[id] = len(s.next)
	s.next = append(s.next, open[S, A]{state: canon, id: id, acts: acts, sleep: sleep})
	return nil
}

const progressEvery = 1000

// judge is what is wrong with a state in which acts are possible.
func (s *search[S, A]) judge(st S, acts []A) string {
	if what := s.check(st); what != "" || len(acts) > 0 || s.model.CheckEnd == nil {
		return what
	}
	return s.model.CheckEnd(st)
}

func (s *search[S, A]) check(st S) string {
	if s.model.Check == nil {
		return ""
	}
	return s.model.Check(st)
}

// violated reports the path to a visit. Its actions are named as in the canonical
// states on the way, which are made anew; going down, names are turned back into
// those of the start.
func (s *search[S, A]) violated(id int32) error {
	var steps []visit
	for id >= 0 {
		steps = append(steps, s.visits[id])
		id = s.visits[id].parent
	}
	slices.Reverse(steps)
	v := &Violation[S, A]{Init: s.inits[-1-id]}
	canon, end := v.Init, v.Init
	var back []int // from the naming of canon to that of end; nil is no change
	rename := func(perm int32) {
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
		a := s.model.Actions(canon)[step.action]
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
	v.What = s.judge(end, s.model.Actions(end)) // which may name nodes
	s.res.Violation = v
	return nil
}
