package reclaim

import (
	"fmt"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
)

// Rewrites is a set of rewrites.
type Rewrites uint8

// The rewrites; see the package comment. Joined and Negating extend Negated and do
// nothing without it.
const (
	Acknowledge Rewrites = 1 << iota
	Negated
	Joined
	Negating
	Compress
	All = Acknowledge | Negated | Joined | Negating | Compress
)

// Refusal says that a table is not reclaimed or not kept as a range, or a channel
// not acknowledged, and why.
type Refusal struct {
	Collection string
	Premise    certify.Premise
	Pos        el.Pos // of the rule that stands in the way
	Detail     string
}

// String names the collection, the premise and the rule.
func (r Refusal) String() string {
	at := ""
	if r.Pos.Line > 0 {
		at = fmt.Sprintf("%d:%d: ", r.Pos.Line, r.Pos.Column)
	}
	return fmt.Sprintf("%s%s: does not hold that %s: %s", at, r.Collection, r.Premise, r.Detail)
}

// Result is a rewritten program and the reasons for what was done and not done.
type Result struct {
	Program     *el.Program
	Certificate *certify.Certificate
	Refusals    []Refusal // in order of declaration
}

// Rewrite applies a set of rewrites to a program that satisfies [edelweiss.Check].
// The rewritten program satisfies [edelweiss.CheckRewritten]. The cost grows with
// the square of the program at most.
func Rewrite(p *el.Program, set Rewrites) (*Result, error) {
	if err := el.Check(p); err != nil {
		return nil, fmt.Errorf("rewrite a program: %w", err)
	}
	w := &rewriter{p: p.Clone(), set: set, cert: &certify.Certificate{}}
	if set&Acknowledge != 0 {
		w.acknowledge()
	}
	if set&Negated != 0 {
		w.deletions()
	}
	if set&Compress != 0 {
		w.compress()
	}
	if err := el.CheckRewritten(w.p); err != nil {
		return nil, fmt.Errorf("rewrite a program: the result is no program: %w", err)
	}
	return &Result{Program: w.p, Certificate: w.cert, Refusals: w.refusals}, nil
}

// rewriter turns p from the original into the rewritten program.
type rewriter struct {
	p        *el.Program
	set      Rewrites
	cert     *certify.Certificate
	refusals []Refusal

	uses    map[string][]use  // by collection, of the program with acknowledgements
	gone    map[string]bool   // tables that are to be deleted from
	settled map[string]bool   // those of them that rules negate
	seen    map[string]string // range of keys of a table
}

func (w *rewriter) refuse(collection string, premise certify.Premise, at el.Pos, format string, args ...any) {
	w.refusals = append(w.refusals, Refusal{collection, premise, at, fmt.Sprintf(format, args...)})
}

// fresh is a name that no collection has yet.
func (w *rewriter) fresh(name string) string {
	for base := name; w.p.Collection(name) != nil || el.FunctionNamed(name) != nil; {
		base += "_"
		name = base
	}
	return name
}

func (w *rewriter) declare(c el.Collection) string {
	c.Name = w.fresh(c.Name)
	w.p.Collections = append(w.p.Collections, c)
	return c.Name
}
