package sim

import "errors"

// Set-up errors, returned by [New] and [World.Reset].
var (
	// ErrOptions reports options that describe no world.
	ErrOptions = errors.New("sim: invalid options")
)

// Errors of a run. The first one stops the world: every later call returns it.
var (
	// ErrBound reports that a bound of [Limits] was passed; the message names it.
	ErrBound = errors.New("sim: bound passed")
	// ErrNode reports a node that the world does not have.
	ErrNode = errors.New("sim: no such node")
	// ErrPast reports an event asked for earlier than the present.
	ErrPast = errors.New("sim: time lies in the past")
	// ErrAnswer reports a choice source that answered outside its point's range.
	ErrAnswer = errors.New("sim: answer out of range")
	// ErrKeyTwice reports a lineage key that came about twice, which makes a
	// tape ambiguous. It is looked for only with [Options.AssertKeys].
	ErrKeyTwice = errors.New("sim: lineage key used twice")
	// ErrNoInput reports an operation injected at an actor without Input.
	ErrNoInput = errors.New("sim: actor takes no input")
	// ErrWipe reports a device that was to be emptied and is no [Rewinder].
	ErrWipe = errors.New("sim: device cannot be emptied")
	// ErrNotQuiet reports that a world was still busy at the bound given to
	// [World.RunUntilQuiet]. It does not stop the world.
	ErrNotQuiet = errors.New("sim: not quiet")
)
