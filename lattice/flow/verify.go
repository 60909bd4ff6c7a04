package flow

import (
	"errors"
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/lattice"
)

// Carries is what the values on an edge are to what comes after them.
type Carries uint8

// What edges carry.
const (
	Elements Carries = iota // a set: which elements come is determined
	Joined                  // deltas: only their join is determined
	Growing                 // a state that may still rise
	Final                   // a state with one value
)

// String names what is carried.
func (c Carries) String() string {
	switch c {
	case Elements:
		return "elements"
	case Joined:
		return "joined deltas"
	case Growing:
		return "state"
	case Final:
		return "final state"
	}
	return "Carries(invalid)"
}

// Use is one edge of a graph, as its reader uses it.
type Use struct {
	From, To string // operators
	Port     string // the input of To, where it has several
	Type     string // of the values
	Carries  Carries
	Class    lattice.Class // of what To does with the values
	Evidence Evidence
	Err      error // why the class may not be used here
}

// Report is what [Verify] found.
type Report struct {
	Uses []Use
	// Errors are all errors, those of Uses included.
	Errors []error
}

// Err joins the errors, nil if there are none.
func (r Report) Err() error { return errors.Join(r.Errors...) }

// Assumed are the uses that rest on nothing that was checked.
func (r Report) Assumed() []Use {
	var uses []Use
	for _, u := range r.Uses {
		if u.Evidence.Support == Assumed {
			uses = append(uses, u)
		}
	}
	return uses
}

// String is a table of the edges and the errors after it.
func (r Report) String() string {
	rows := [][]string{{"edge", "carries", "class", "evidence"}}
	for _, u := range r.Uses {
		to := u.To
		if u.Port != "" {
			to += " (" + u.Port + ")"
		}
		mark := ""
		if u.Err != nil {
			mark = "  ✗"
		}
		rows = append(rows, []string{u.From + " → " + to, u.Carries.String(), u.Class.String(), u.Evidence.String() + mark})
	}
	var b strings.Builder
	table(&b, rows)
	for _, err := range r.Errors {
		fmt.Fprintf(&b, "%v\n", err)
	}
	return b.String()
}

func table(b *strings.Builder, rows [][]string) {
	var widths [3]int
	for _, row := range rows {
		for i := range widths {
			widths[i] = max(widths[i], len([]rune(row[i])))
		}
	}
	for _, row := range rows {
		for i, w := range widths {
			b.WriteString(row[i] + strings.Repeat(" ", w-len([]rune(row[i]))+2))
		}
		b.WriteString(row[3] + "\n")
	}
}

// Verify walks a graph, and the graphs that channels join to it, and says of each
// edge what it carries, in which class its reader uses it, and what that rests on.
// It names each edge where a class is used where it may not be, each edge whose reader
// is seen to merge otherwise than what comes was joined, each edge without a reader, and each
// cycle that cannot come to rest. Merges of different names are tried on a few values for
// that; no other function of the user is called. (The paper's question whether a
// pipeline is monotone can be answered before it runs.)
func Verify(gs ...*Graph) Report {
	v := verifier{in: make(map[*Graph]bool), joined: make(map[*outlet]bool), final: make(map[*outlet]bool)}
	for _, g := range gs {
		v.include(g)
	}
	v.infer()
	var r Report
	for _, g := range v.graphs {
		r.Errors = append(r.Errors, g.errs...)
		for _, e := range g.edges {
			u := v.use(e)
			if u.Err != nil {
				r.Errors = append(r.Errors, u.Err)
			}
			r.Uses = append(r.Uses, u)
		}
		r.Errors = append(r.Errors, dangling(g)...)
		r.Errors = append(r.Errors, cycles(g)...)
	}
	return r
}

type verifier struct {
	in     map[*Graph]bool
	graphs []*Graph
	joined map[*outlet]bool // Delta edges of which only the join is determined
	final  map[*outlet]bool // State edges with one value
}

func (v *verifier) include(g *Graph) {
	if g == nil || v.in[g] {
		return
	}
	v.in[g] = true
	v.graphs = append(v.graphs, g)
	for _, n := range g.nodes {
		for _, far := range n.joins() {
			v.include(far.g)
		}
	}
}

// infer finds what is joined and what is final, as least fixpoints.
func (v *verifier) infer() {
	for changed := true; changed; {
		changed = false
		for _, g := range v.graphs {
			for _, n := range g.nodes {
				joined, final := v.joins(n), v.ends(n)
				for _, o := range n.outs {
					m, is := v.joined, joined
					if o.state {
						m, is = v.final, final
					}
					if is && !m[o] {
						m[o], changed = true, true
					}
				}
			}
		}
	}
}

// joins reports whether only the join of what n hands on is determined.
func (v *verifier) joins(n *node) bool {
	switch n.rule {
	case batchRule, biRule:
		return true
	case explodeRule:
		return false
	case changesRule:
		return len(n.ins) == 0 || !v.final[n.ins[0].from]
	case receiveRule:
		n = n.far
	}
	if n == nil {
		return false
	}
	for _, e := range n.ins {
		if !e.from.state && v.joined[e.from] {
			return true
		}
	}
	return false
}

// ends reports whether the State edges of n have one value.
func (v *verifier) ends(n *node) bool {
	switch n.rule {
	case constRule, sealRule:
		return true
	case stateRule:
		for _, e := range n.ins {
			if !v.final[e.from] {
				return false
			}
		}
		return len(n.ins) > 0
	}
	return false
}

func (v *verifier) use(e *edge) Use {
	u := Use{From: e.from.String(), To: e.to.String(), Port: e.port, Type: e.from.typ, Class: lattice.IsMorphism}
	switch {
	case e.from.state && v.final[e.from]:
		u.Carries = Final
	case e.from.state:
		u.Carries = Growing
	case v.joined[e.from]:
		u.Carries = Joined
	}
	n := e.to
	switch n.rule {
	case foldRule, batchRule, biRule, stateRule:
		u.Class, u.Evidence = n.claim.Class, n.claim.Evidence
	case elementRule:
		if n.claimed {
			u.Class, u.Evidence = n.claim.Class, n.claim.Evidence
		}
		if u.Carries == Elements { // the image of a set, whatever the function
			u.Class, u.Evidence = lattice.IsMorphism, built(lattice.IsMorphism).Evidence
		}
	case sealRule:
		u.Class, u.Evidence = lattice.NonMonotone, built(lattice.NonMonotone).Evidence
		if e.port != "" { // that nothing comes after the condition is the user's word
			u.Class, u.Evidence = lattice.IsTricky, Evidence{}
		}
	default:
		u.Evidence = built(lattice.IsMorphism).Evidence
	}
	if u.Err = misuse(n, u); u.Err == nil {
		v.compare(e, &u)
	}
	return u
}

// misuse is why the class of u may not be used on what the edge carries.
func misuse(n *node, u Use) error {
	at := func(cause error, format string, args ...any) error {
		return n.err(fmt.Errorf("%w: on the edge from %s", cause, u.From), fmt.Sprintf(format, args...))
	}
	switch {
	case u.Class == lattice.NonMonotone && u.Carries == Growing && n.rule != sealRule:
		return at(ErrNonMonotone, "put a Seal in front of it")
	case u.Carries != Joined:
		return nil
	case n.rule == joinRule:
		return at(ErrClass, "which elements come depends on grouping; use Bimorphism, or join before what groups them")
	case n.rule == elementRule && (!n.claimed || u.Class != lattice.IsMorphism):
		return at(ErrClass, "only the join of its input is determined: claim a morphism, or move it before what groups the elements")
	}
	return nil
}

// dangling finds what nothing reads or feeds.
func dangling(g *Graph) []error {
	var errs []error
	for _, n := range g.nodes {
		for _, o := range n.outs {
			if !o.state && o.reader == nil {
				errs = append(errs, o.err(ErrDangling, "read it, or end it with ForEach or Collect"))
			}
		}
		switch {
		case n.rule == loopRule && len(n.ins) == 0:
			errs = append(errs, n.err(ErrDangling, "nothing closes the loop; call Close"))
		case (n.rule == receiveRule || n.rule == sendRule) && n.far == nil:
			errs = append(errs, n.err(ErrDangling, "the other end of the channel is in no graph"))
		}
	}
	return errs
}

// cycles finds cycles without a merge, and seals that wait for themselves.
func cycles(g *Graph) []error {
	var errs []error
	for _, n := range g.nodes {
		if n.rule == sealRule && leadingTo(n, true)[n] {
			errs = append(errs, n.err(ErrCycle, "the seal waits for what is behind it"))
		}
	}
	for _, path := range unmerged(g) {
		names := make([]string, len(path))
		for i, n := range path {
			names[i] = n.String()
		}
		errs = append(errs, path[0].err(
			fmt.Errorf("%w: nothing merges on %s", ErrCycle, strings.Join(names, " → ")), "put a Unique, or a Fold and Changes, on it"))
	}
	return errs
}

// unmerged are cycles of which no operator merges, at most one through each loop and each
// channel.
func unmerged(g *Graph) [][]*node {
	var paths [][]*node
	for _, n := range g.nodes {
		if n.rule != loopRule && n.rule != receiveRule {
			continue
		}
		if path := back(n, n, make(map[*node]bool)); path != nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// back is a path from goal to n, against the edges, that no merge is on.
func back(n, goal *node, been map[*node]bool) []*node {
	for _, up := range n.before() {
		if up == goal {
			return []*node{goal, n}[:1+btoi(n != goal)]
		}
		if up.rule.merges() || been[up] {
			continue
		}
		been[up] = true
		if path := back(up, goal, been); path != nil {
			if n == goal {
				return path
			}
			return append(path, n)
		}
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
