package campaign

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/joinery-go/joinery/sim"
)

// Violation is one thing that must not have happened. Oracle, Kind, Op and Node are
// its signature: a replay must fail alike. It is an error, so that checks can return
// one.
type Violation struct {
	Oracle  string `json:"oracle"` // what noticed: check, always, done, panic, bound, determinism, …
	Kind    string `json:"kind"`   // what went wrong
	Op      string `json:"op"`     // the function of the operation at fault, if one is
	Node    int    `json:"node"`   // the node at fault, or -1
	Message string `json:"message"`
}

// Signature identifies the violation up to its wording.
func (v Violation) Signature() string {
	return fmt.Sprintf("%s/%s/%s/%d", v.Oracle, v.Kind, v.Op, v.Node)
}

// ParseSignature is a violation of a signature, without a message. What is no signature is
// the kind of one.
func ParseSignature(text string) Violation {
	v := Violation{Kind: text, Node: -1}
	first, last := strings.IndexByte(text, '/'), strings.LastIndexByte(text, '/')
	if first < 0 || last == first {
		return v
	}
	rest := text[first+1 : last]
	op := strings.LastIndexByte(rest, '/')
	node, err := strconv.Atoi(text[last+1:])
	if op < 0 || err != nil {
		return v
	}
	return Violation{Oracle: text[:first], Kind: rest[:op], Op: rest[op+1:], Node: node}
}

// String is the violation in a line.
func (v Violation) String() string { return v.Oracle + ": " + v.Message }

// Error is String.
func (v Violation) Error() string { return v.String() }

// What notices violations of a [Protocol], by the names they carry.
const (
	OracleCheck       = "check"       // [Instance.Check]
	OracleAlways      = "always"      // [Instance.Always]
	OracleDone        = "done"        // [Instance.Done] did not come about, or no rest
	OraclePanic       = "panic"       // code of the protocol panicked
	OracleBound       = "bound"       // a bound of the world was passed, or it was misused
	OracleDeterminism = "determinism" // one seed, two traces
	OracleTime        = "time"        // a run did not end, see [Watch]
)

// violationOf is what an error of a check comes to. What stands before the first colon
// names the failure, what follows are particulars; an error that is, or wraps, a
// Violation says for itself.
func violationOf(oracle string, err error) Violation {
	var v Violation
	if !errors.As(err, &v) {
		kind, _, _ := strings.Cut(err.Error(), ":")
		return Violation{Oracle: oracle, Kind: kind, Node: -1, Message: err.Error()}
	}
	if v.Oracle == "" {
		v.Oracle = oracle
	}
	if v.Message == "" {
		v.Message = v.Kind
	}
	return v
}

// worldViolation is what an error of a world comes to, if it is the protocol's doing.
func worldViolation(err error) (v Violation, ok bool) {
	for _, of := range []struct {
		err  error
		kind string
	}{
		{sim.ErrBound, "bound passed"}, {sim.ErrNode, "no such node"}, {sim.ErrNoInput, "takes no input"},
		{sim.ErrPast, "time in the past"}, {sim.ErrWipe, "device cannot be emptied"},
	} {
		if errors.Is(err, of.err) {
			return Violation{Oracle: OracleBound, Kind: of.kind, Node: -1, Message: err.Error()}, true
		}
	}
	return v, false
}

// panicViolation is a panic being recovered from by the caller's deferred function. The
// function that panicked, or had a logger do so, is its kind, since what panics say has
// numbers in it.
func panicViolation(what any) Violation {
	calls := panicStack()
	kind := "unknown"
	if i := slices.IndexFunc(calls, func(f frame) bool { return !logs(f.function) }); i >= 0 {
		kind = calls[i].short()
	}
	return Violation{Oracle: OraclePanic, Kind: kind, Node: -1, Message: fmt.Sprintf("%v%s", what, calls.where())}
}

// lateViolation is a run that was given up.
func lateViolation(l Late) Violation {
	return Violation{Oracle: OracleTime, Kind: "does not end", Node: -1, Message: "the run has not ended " + l.String()}
}

// logs reports whether a function is, by its name, one of those by which loggers panic for
// whoever calls them.
func logs(function string) bool {
	name := function[strings.LastIndexByte(function, '.')+1:]
	return slices.Contains([]string{"Panic", "Panicf", "Panicln", "Fatal", "Fatalf", "Fatalln"}, name)
}
