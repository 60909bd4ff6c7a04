package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/report"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// witness is the operations that show why a model does not hold.
type witness struct {
	signature string
	ops       []history.Op
}

// plainly says of each oracle what it means that it found something.
var plainly = map[string]string{
	"convergence":     "Replicas that have received the same writes do not show the same, or a read after the faults misses a write that was acknowledged.",
	"replicas":        "After the faults had ended and the cluster had come to rest, replicas of one key still hold different values.",
	"liveness":        "After the faults had ended the cluster did not come to rest within its bound of time and bytes.",
	"monotonic":       "What a replica shows went back while it ran.",
	"clock":           "A hybrid time does not follow one that came before it.",
	"stamp":           "A causal session was shown a register older than one that it had seen.",
	"refusal":         "A request that is amiss was not refused, or not for what is wrong with it.",
	"availability":    "A request failed that nothing excuses.",
	"sums":            "The delta of a counter does not carry what its replica had accepted.",
	"kind":            "A replica took a write of another kind than its key has.",
	"deadline":        "Who waits at a replica is not answered by the deadline.",
	"beliefs":         "A replica goes by what another one is said to hold, and that is not so.",
	"forgetting":      "What was left of something deleted is forgotten while an earlier write may still come, or such a write is taken after that.",
	"refused":         "A replica refuses a message as wrong, and nobody has sent a wrong one.",
	"placement":       "A key is not where the ring places it.",
	"panic":           "The code under test panicked.",
	"recovery":        "A replica that started again lacks something that it had acknowledged or shown before.",
	"request":         "One request was served twice.",
	"answer":          "A replica sent an answer that cannot be, or leaves out what its session depends on.",
	"address":         "A message went to someone that does not exist.",
	"eventual":        "No order of the writes explains what the sessions read.",
	"causal":          "A session read something although it depends on a write that was not there.",
	"lattice-causal":  "A session read something although it depends on a write that was not there.",
	"lattice-ryw":     "A session read a key without what it had written there.",
	"lattice-mr":      "A session read a key without what it had read there before.",
	"lattice-mw":      "A session read a write without what its writer had written there before.",
	"lattice-wfr":     "A session read a write without what its writer had read there before.",
	"lattice-pram":    "A session saw the writes of another one, or its own, in an order that is not theirs.",
	"pipelined":       "No order of the writes that keeps the sessions' explains what one of them read.",
	"ryw":             "A session read of a register what its own writes had replaced.",
	"mr":              "A session read of a register what its reads had seen replaced.",
	"wfr":             "What sessions read and wrote of registers has a cycle of causes.",
	"ryw+mr":          "A session read of a register what its writes had replaced, or its reads had seen replaced.",
	"pl-2":            "A transaction read what was not committed, or was replaced before it was.",
	"item-cut":        "A transaction read a register again, and it had changed.",
	"acknowledgement": "A write was answered that is not on the disks it was to be on.",
	"cc":              "What the sessions read of registers is not causally consistent.",
	"ccv":             "What the sessions read of registers is not causally convergent.",
	"storage":         "What is kept beside values has passed its bound.",
	"determinism":     "The same seed took two courses.",
}

// Page is what a page shows of the run: its diagram, its history, what it violates,
// and the states of the keys on which replicas part. It is of a result of [Watch]; of
// another replay the page has no states. What it takes, and how likely it is, a host
// adds.
func (r *Result) Page() *report.Page {
	p := &report.Page{
		Title: fmt.Sprintf("Seed %d: holds", r.Setup.Seed), Verdict: "holds", Run: new(report.Diagram),
		Facts: []report.Fact{
			{Name: "replicas", Value: fmt.Sprintf("%d; partitions: %d, each on %d of them", r.Setup.Nodes, r.Setup.Partitions, r.Setup.Replicas)},
			{Name: "sessions", Value: fmt.Sprintf("%d, at level %s", r.Setup.Sessions, r.Setup.Level)},
			{Name: "faults end", Value: fmt.Sprintf("at %d ms", r.Setup.HorizonMS)},
			{Name: "trace hash", Value: FormatHash(r.TraceHash)},
			{Name: "numbers", Value: "#N is the place of an operation in the history, op N its number in the plan; what looks into replicas names the latter"},
		},
	}
	if r.Setup.Engine != "" {
		p.Facts = append(p.Facts, report.Fact{Name: "engine", Value: r.Setup.Engine})
	}
	if r.Setup.Disks > 0 {
		p.Facts = append(p.Facts, report.Fact{Name: "disk tier", Value: r.Setup.tiers()})
	}
	for i, v := range r.Violations {
		if i == 0 {
			p.Title, p.Verdict, p.Bad = fmt.Sprintf("Seed %d breaks %s", r.Setup.Seed, v.Oracle), "violated", true
			if says := plainly[v.Oracle]; says != "" {
				p.Summary = append(p.Summary, says)
			}
			p.Summary = append(p.Summary, "In this run: "+v.Message+".")
		}
		p.Violations = append(p.Violations, report.Fact{Name: v.Signature(), Value: v.Message})
	}
	if len(r.Violations) == 0 {
		p.Summary = append(p.Summary, "Nothing was violated: every oracle and every checker agrees with what happened.")
	}
	marked := r.marked()
	lanes := p.Run.AddWorld(r.world, report.WorldOptions{Lane: r.pageLane, KindName: kindName, Label: r.pageLabel})
	r.pageOperations(p.Run, lanes, marked)
	r.pageStates(p.Run, lanes)
	p.History = report.NewHistory(r.history, func(i int) bool { return marked[i] })
	p.History.Clock = true
	r.pageOrders(p)
	if r.chronicle != nil && r.chronicle.Cut > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%d later changes of state were not recorded.", r.chronicle.Cut))
	}
	if len(r.Violations) > 0 && len(marked) == 0 {
		p.Notes = append(p.Notes, "What found this looks into replicas and not at histories, so no operations are its witness.")
	}
	return p
}

// marked is the operations of the first violation's witness, by position in the
// history.
func (r *Result) marked() map[int]bool {
	marked := make(map[int]bool)
	for _, v := range r.Violations {
		for _, w := range r.witnesses {
			if w.signature != v.Signature() {
				continue
			}
			for _, o := range w.ops { // which may be of a part of the history: a session has one call at a time
				same := func(h history.Op) bool { return h.Session == o.Session && h.Call == o.Call }
				if i := slices.IndexFunc(r.history.Ops, same); i >= 0 {
					marked[i] = true
				}
			}
		}
		if len(marked) > 0 {
			break
		}
	}
	return marked
}

func (r *Result) pageLane(n sim.NodeID) report.Lane {
	what := "replica"
	if int(n) >= r.Setup.Nodes {
		what = "client"
	}
	return report.Lane{Name: r.lane(n), What: what}
}

// pageLabel names operations by their place in the history, as violations do.
func (r *Result) pageLabel(e sim.Record) (string, report.Kind, bool) {
	label, show := r.label(e)
	if e.Kind != sim.EventInput || !show {
		return label, report.Operation, show
	}
	if i := slices.Index(r.planned, e.Aux&^issuing); i >= 0 {
		o := &r.history.Ops[i]
		label = fmt.Sprintf("#%d %s@n%d %s", i, o.SessionName(), o.Node, report.Words(o))
	}
	return label, report.Operation, show
}

// Tell is an operation of the plan in words, under the number that it has in the
// history, if it is there.
func (r *Result) Tell(o *workload.Operation) string {
	line := o.String()
	if i := slices.Index(r.planned, o.ID); i >= 0 {
		_, rest, _ := strings.Cut(line, " ")
		return fmt.Sprintf("#%d (op %d) %s", i, o.ID, rest)
	}
	return "op " + line
}

// pageOperations adds the operations as intervals on the lanes of their clients.
func (r *Result) pageOperations(d *report.Diagram, lanes []int, marked map[int]bool) {
	for i := range r.history.Ops {
		o := &r.history.Ops[i]
		lane := report.None
		if home := r.Setup.Nodes + o.Session%r.Setup.Sessions; home < len(lanes) {
			lane = lanes[home]
		}
		if lane == report.None {
			continue
		}
		s := report.Span{
			Name: fmt.Sprintf("#%d (op %d)", i, r.planned[i]), Lane: lane, From: o.Call, Until: o.Return, Label: report.Words(o), Outcome: o.Outcome.String(), Mark: marked[i],
		}
		if o.Return == history.Pending {
			s.Open, s.Until = true, o.Call
		}
		d.Spans = append(d.Spans, s)
	}
}

// pageStates adds what replicas show, as it changes.
func (r *Result) pageStates(d *report.Diagram, lanes []int) {
	if r.chronicle == nil {
		return
	}
	for _, c := range r.chronicle.Changes {
		if lane := lanes[c.Node]; lane != report.None {
			d.States = append(d.States, report.State{At: int64(c.At), Lane: lane, Key: c.Key, Before: c.Before, After: c.After})
		}
	}
}

// mostOrders bounds the keys whose states are drawn.
const mostOrders = 4

// pageOrders draws the states of the keys on which owners part, or, where they all
// agree, of those that the witness is about.
func (r *Result) pageOrders(p *report.Page) {
	if r.chronicle == nil || len(r.Violations) == 0 {
		return
	}
	rg := r.ring
	if rg == nil {
		return // it has not ended
	}
	var part, about []*oracle.Values
	marked := r.marked()
	for i := range r.chronicle.Values {
		of := &r.chronicle.Values[i]
		if held := r.held(of, rg); slices.ContainsFunc(held, func(h int) bool { return h != held[0] }) {
			part = append(part, of)
		}
		for at := range r.history.Ops {
			if marked[at] && r.history.Ops[at].Key == of.Key {
				about = append(about, of)
				break
			}
		}
	}
	title := "What its owners hold in the end"
	if len(part) == 0 {
		part, title = about, "What was held of it in the run"
	}
	for _, of := range part[:min(len(part), mostOrders)] {
		p.Orders = append(p.Orders, r.order(p, title, of, rg))
	}
	if n := len(part) - mostOrders; n > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("The states of %d further keys are not drawn.", n))
	}
}

// held is what each owner of a key holds in the end.
func (r *Result) held(of *oracle.Values, rg *ring.Ring) []int {
	var held []int
	for _, n := range rg.Owners(of.Partition) {
		held = append(held, r.chronicle.Held(of, n))
	}
	return held
}

func (r *Result) order(p *report.Page, title string, of *oracle.Values, rg *ring.Ring) report.Order {
	o := report.Order{Title: fmt.Sprintf("%s %q: %s", of.Kind, of.Key, strings.ToLower(title[:1])+title[1:]), Cut: of.Cut}
	for _, d := range of.Different {
		o.States = append(o.States, report.OrderState{Text: d.Text, Where: []string{fmt.Sprintf("n%d first, at %v", d.First, d.At)}})
	}
	held := make(map[int][]string)
	var order []int
	for _, n := range rg.Owners(of.Partition) {
		i := r.chronicle.Held(of, n)
		if !slices.Contains(order, i) {
			order = append(order, i)
		}
		held[i] = append(held[i], fmt.Sprintf("n%d", n))
	}
	var says, brief []string // the summary has no room for a set of a thousand elements
	for _, i := range order {
		who := strings.Join(held[i], ", ")
		if i < 0 {
			says, brief = append(says, who+" nothing"), append(brief, who+" nothing")
			continue
		}
		says, brief = append(says, who+" "+of.Different[i].Text), append(brief, who+" "+shortened(of.Different[i].Text))
		o.States[i].Final, o.States[i].Where = true, []string{who + " in the end"}
	}
	o.Note = "In the end: " + strings.Join(says, "; ") + "."
	p.Summary = append(p.Summary, fmt.Sprintf("Of the %s %q the owners hold in the end: %s.", of.Kind, of.Key, strings.Join(brief, "; ")))
	values := slices.Clone(of.Different)
	if joins, note := joinsOf(values, order); note != "" {
		o.Note += " " + note
		p.Summary = append(p.Summary, note)
	} else {
		for _, d := range joins {
			if len(values) < report.MaxOrder {
				values = append(values, d)
				o.States = append(o.States, report.OrderState{Text: d.Text, Join: true})
			}
		}
	}
	var wrong string
	if o.Below, wrong = below(values); wrong != "" {
		p.Notes = append(p.Notes, o.Title+": "+wrong)
		o.States, o.Below = nil, nil
	}
	return o
}

// shortened is a text that is not much longer than a line.
func shortened(text string) string {
	const most = 160
	r := []rune(text)
	if len(r) <= most {
		return text
	}
	return string(r[:most]) + "…"
}
