package explore

import (
	"errors"
	"fmt"
	"math"
)

// Model is a transition system over states S by actions A. All functions must be
// deterministic and change nothing that they are given.
type Model[S any, A comparable] struct {
	// Init is the states to begin with, at least one.
	Init func() []S
	// Actions appends what can happen in s, each action once, in an order that
	// depends on s alone.
	Actions func(dst []A, s S) []A
	// Apply is the state after a. An error ends the search: it is for a model
	// that cannot go on, not for a verdict.
	Apply func(s S, a A) (S, error)
	// Append writes s to dst such that two states are equal exactly if their bytes are.
	Append func(dst []byte, s S) []byte
	// Check names what is wrong with a reachable state, "" if nothing; nil checks nothing.
	Check func(s S) string
	// CheckEnd is Check for states without actions; nil checks nothing.
	CheckEnd func(s S) string

	// Independent declares that, in every state in which both are possible, a and
	// b leave each other possible and come to the same state in either order; nil
	// declares nothing.
	Independent func(a, b A) bool
	// Class is the sort of an action, a position in Classes, for checking
	// Independent; nil is one class.
	Class   func(a A) int
	Classes []string

	// Symmetry lists renamings of nodes under which the system looks the same, as
	// a group with p[i] the new name of node i (see [Permutations]); nil is none.
	// Permute and PermuteAction rename, and are needed with it.
	Symmetry      [][]int
	Permute       func(s S, p []int) S
	PermuteAction func(a A, p []int) A

	// next, if not nil, is Apply and the choice of one state of the orbit in one
	// go. Initial states must then be the only ones of their orbits.
	next func(s S, a A) (successor[S], error)
}

// successor is the state chosen of an orbit: where perm, a position in the sorted
// group, leads to from the state reached. The orbit has so many states.
type successor[S any] struct {
	state       S
	perm, orbit int
}

// Options bound and steer a search. The zero value of a field stands for its default.
type Options struct {
	// MaxStates bounds the visited set, 10 million by default: a state takes about
	// 40 bytes, and one of the outermost level its own size as well. What a cluster
	// numbers comes to some 20 bytes more, and each distinct state of a node, with
	// those it is renamed to, to its own size: mostly they are far fewer.
	MaxStates int
	// MaxDepth bounds the number of actions from an initial state; 0 is any.
	MaxDepth int
	// NoCommute and NoSymmetry switch a reduction off.
	NoCommute, NoSymmetry bool
	// Progress, if not nil, is called every thousand states with the number of them;
	// an error ends the search and is returned with what was found so far.
	Progress func(states int) error
	// Samples is how often a pair of classes must have been run both ways before
	// it is believed, 32 by default; AuditEvery, 256 by default, how seldom it is
	// run both ways thereafter.
	Samples, AuditEvery int
}

// Result is what a search came to.
type Result[S any, A comparable] struct {
	States      int // distinct states, up to renaming where symmetry is used
	Renamed     int // distinct states with all that they can be renamed to
	Transitions int // actions applied, without those run to check a reduction
	Asleep      int // actions not applied because another order stands for them
	Sampled     int // pairs of actions run both ways
	Depth       int // actions to the farthest state
	// Complete says that all of the scope was seen; otherwise Stopped says why not.
	Complete bool
	Stopped  string
	// Believed and Refuted are the pairs of classes found to commute, and those
	// declared to that do not.
	Believed, Refuted [][2]string
	// Renamings is the size of the group used as a symmetry, 1 is none. Where a
	// cluster turned out not to be symmetric, Asymmetry says what told.
	Renamings int
	Asymmetry string
	// Violation is a shortest way to a state that fails, or nil.
	Violation *Violation[S, A]
}

// Violation is a path to a state that fails.
type Violation[S any, A comparable] struct {
	What string
	Init S
	Path []A // no path to any failing state has fewer actions
	End  S
}

// Errors of [Run].
var (
	// ErrModel reports a model that lacks a function or describes no system.
	ErrModel = errors.New("sim/explore: invalid model")
	// ErrSymmetry reports that renaming nodes changes what can happen.
	ErrSymmetry = errors.New("sim/explore: states are not symmetric")
)

func (m *Model[S, A]) validate(o *Options) error {
	if m.Init == nil || m.Actions == nil || m.Apply == nil || m.Append == nil {
		return fmt.Errorf("%w: Init, Actions, Apply and Append are needed", ErrModel)
	}
	if m.Symmetry != nil && (m.Permute == nil || m.PermuteAction == nil) {
		return fmt.Errorf("%w: Symmetry without Permute and PermuteAction", ErrModel)
	}
	if (m.Class == nil) != (m.Classes == nil) {
		return fmt.Errorf("%w: Class and Classes are needed together", ErrModel)
	}
	if o.MaxStates < 0 || o.MaxStates > math.MaxInt32 || o.MaxDepth < 0 || o.Samples < 0 || o.AuditEvery < 0 {
		return fmt.Errorf("%w: a bound is negative, or MaxStates beyond %d", ErrModel, math.MaxInt32)
	}
	if o.MaxStates == 0 {
		o.MaxStates = 10_000_000
	}
	if o.Samples == 0 {
		o.Samples = 32
	}
	if o.AuditEvery == 0 {
		o.AuditEvery = 256
	}
	return nil
}
