package campaign

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/joinery-go/joinery/sim"
)

// Op is one planned operation: an input of a node at a time. What its words mean is
// for the protocol.
type Op struct {
	ID   uint64     // from 1, ascending in time; what [sim.Inputter] is given
	At   sim.Time   // when it is injected
	Node sim.NodeID // where
	Func string     // "write"
	Key  string
	Arg  string
}

// String writes the operation as a line that [ParseOp] reads back:
//
//	12 at 35ms n3 write "k2" "v12"
func (o Op) String() string {
	return fmt.Sprintf("%d at %v n%d %s %s %s", o.ID, o.At, int(o.Node), o.Func, strconv.Quote(o.Key), strconv.Quote(o.Arg))
}

// The most that an operation can hold.
const (
	maxFunc = 64
	maxText = 64 << 10 // of Key, and of Arg
)

// ParseOp is the inverse of [Op.String]. What it refuses wraps [ErrTape].
func ParseOp(line string) (Op, error) {
	var o Op
	fail := func(what string) (Op, error) { return Op{}, fmt.Errorf("%w: operation %q: %s", ErrTape, line, what) }
	head := strings.SplitN(line, " ", 6)
	if len(head) < 6 || head[1] != "at" {
		return fail("want ID at TIME nNODE FUNC KEY ARG")
	}
	var err error
	if o.ID, err = strconv.ParseUint(head[0], 10, 64); err != nil || o.ID == 0 {
		return fail("the id is not a positive number")
	}
	at, err := time.ParseDuration(head[2])
	if err != nil || at < 0 {
		return fail("the time is not a duration")
	}
	o.At = sim.Time(at)
	digits, ok := strings.CutPrefix(head[3], "n")
	node, err := strconv.ParseUint(digits, 10, 31)
	if !ok || err != nil {
		return fail("the node is not n and a number")
	}
	o.Node, o.Func = sim.NodeID(node), head[4]
	rest := head[5]
	for _, to := range []*string{&o.Key, &o.Arg} {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return fail("key and argument must be quoted")
		}
		if *to, err = strconv.Unquote(quoted); err != nil {
			return fail("key and argument must be quoted")
		}
		rest = strings.TrimPrefix(rest[len(quoted):], " ")
	}
	if rest != "" {
		return fail("more follows")
	}
	if what := o.wrong(); what != "" {
		return fail(what)
	}
	return o, nil
}

// wrong says what an operation cannot be, "" if it is fine.
func (o *Op) wrong() string {
	switch {
	case o.Func == "" || len(o.Func) > maxFunc || strings.ContainsFunc(o.Func, func(r rune) bool { return r <= ' ' || r == '"' }):
		return fmt.Sprintf("the function must be a word of at most %d bytes", maxFunc)
	case len(o.Key) > maxText || len(o.Arg) > maxText:
		return fmt.Sprintf("key and argument must have at most %d bytes", maxText)
	}
	return ""
}

// maxOps is how many operations a run can have.
const maxOps = 1 << 16

// Plan is the plan of a seed in the making.
type Plan struct {
	*Draw
	Setup Setup // as the seed drew it

	ops []Op
}

// Add adds an operation; its id is given once all are there.
func (p *Plan) Add(o Op) { p.ops = append(p.ops, o) }

// Spread adds least to most operations at times drawn from those in which faults last,
// at a client drawn for each, or at a server where there are no clients. fill says what
// each is, in order of time; n counts them from 0.
func (p *Plan) Spread(least, most int, fill func(n int, o *Op)) {
	n := p.Between("operations", least, most)
	at := make([]sim.Time, max(n, 0))
	for i := range at {
		at[i] = p.Time("at", sim.Millisecond, p.Setup.Horizon)
	}
	slices.Sort(at)
	for i := range at {
		o := Op{At: at[i], Node: p.Client()}
		fill(i, &o)
		p.Add(o)
	}
}

// Client draws a client, or a server where there are no clients.
func (p *Plan) Client() sim.NodeID {
	if p.Setup.Clients == 0 {
		return sim.NodeID(p.N("server", p.Setup.Nodes))
	}
	return sim.NodeID(p.Setup.Nodes + p.N("client", p.Setup.Clients))
}

// EachClient adds an operation at each client, or server where there are no clients, at
// a time after the start of the run, each a millisecond after the one before: such as
// reads after the faults.
func (p *Plan) EachClient(at sim.Time, fill func(o *Op)) {
	first, n := p.Setup.Nodes, p.Setup.Clients
	if n == 0 {
		first, n = 0, p.Setup.Nodes
	}
	for i := range n {
		o := Op{At: at + sim.Time(i)*sim.Millisecond, Node: sim.NodeID(first + i)}
		fill(&o)
		p.Add(o)
	}
}

// begin draws the setup and the operations of a seed. A panic of what the protocol adds
// to that, or that it does not end, is an error: there is no run yet of which it could be a
// finding.
func (p *Protocol) begin(seed uint64, strategy string, faults *Levels, pooled bool) (Setup, []Op, error) {
	type drawn struct {
		s   Setup
		ops []Op
		err error
	}
	d, gaveUp, err := watched(p.watch(), p.Name, seed, pooled, func() (d drawn) {
		defer func() {
			if what := recover(); what != nil {
				d.err = fmt.Errorf("%w: %q: seed %d: Vary or Plan panics: %s", ErrProtocol, p.Name, seed, panicViolation(what).Message)
			}
		}()
		if d.s, d.err = p.draw(seed, strategy, faults); d.err == nil {
			d.ops, d.err = p.plan(&d.s)
		}
		return d
	})
	switch {
	case err != nil:
		return Setup{}, nil, fmt.Errorf("campaign: %s: %w", p.Name, err)
	case gaveUp != nil:
		return Setup{}, nil, fmt.Errorf("%w: %q: seed %d: Vary or Plan has not ended %v", ErrProtocol, p.Name, seed, gaveUp)
	}
	return d.s, d.ops, d.err
}

// plan draws the operations of a seed, in order of time.
func (p *Protocol) plan(s *Setup) ([]Op, error) {
	if p.Plan == nil {
		return nil, nil
	}
	made := Plan{Draw: newDraw(s.Seed, "plan"), Setup: s.clone()}
	p.Plan(&made)
	if len(made.ops) > maxOps {
		return nil, fmt.Errorf("%w: %q: seed %d: Plan gives %d operations, want at most %d", ErrProtocol, p.Name, s.Seed, len(made.ops), maxOps)
	}
	slices.SortStableFunc(made.ops, func(a, b Op) int { return cmp.Compare(a.At, b.At) })
	for i := range made.ops {
		made.ops[i].ID = uint64(i + 1)
	}
	if err := checkOps(made.ops, s); err != nil {
		return nil, fmt.Errorf("%w: %q: seed %d: Plan: %w", ErrProtocol, p.Name, s.Seed, err)
	}
	return made.ops, nil
}

// checkOps refuses operations that a setup cannot have.
func checkOps(ops []Op, s *Setup) error {
	last := uint64(0)
	for i := range ops {
		o := &ops[i]
		switch what := o.wrong(); {
		case what != "":
			return fmt.Errorf("operation %q: %s", o, what)
		case o.ID <= last:
			return fmt.Errorf("operation %d after %d: ids must ascend", o.ID, last)
		case o.Node < 0 || int(o.Node) >= s.Nodes+s.Clients:
			return fmt.Errorf("operation %q is for node %d of %d", o, int(o.Node), s.Nodes+s.Clients)
		case o.At < 0:
			return fmt.Errorf("operation %q comes before the start of the run", o)
		case o.At > s.Horizon+s.Settle:
			return fmt.Errorf("operation %q comes after the end of the run, %v", o, s.Horizon+s.Settle)
		}
		last = o.ID
	}
	return nil
}
