package trial_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
	"github.com/joinery-go/joinery/lattice/edelweiss/programs"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
)

var mutantSeeds = flag.Int("mutant-seeds", 200, "fault seeds that a mutant of a rewrite is tried with")

func rewritten(t testing.TB, name string) (*el.Program, *reclaim.Result) {
	t.Helper()
	p, err := programs.Load(name)
	require.NoError(t, err)
	r, err := reclaim.Rewrite(p, reclaim.All)
	require.NoError(t, err)
	return p, r
}

// ruleLike finds the one rule of a program that begins with a text, or follows it
// with a space.
func ruleLike(p *el.Program, text string) *el.Rule {
	var found *el.Rule
	for i := range p.Rules {
		if strings.Contains(" "+p.Rules[i].String(), " "+text) {
			if found != nil {
				panic("two rules contain " + text)
			}
			found = &p.Rules[i]
		}
	}
	if found == nil {
		panic("no rule contains " + text)
	}
	return found
}

// without drops the literals of the rule that contain a text.
func without(r *el.Rule, text string) {
	n := len(r.Body)
	r.Body = slices.DeleteFunc(r.Body, func(l el.Literal) bool { return strings.Contains(l.String(), text) })
	if len(r.Body) == n {
		panic("no literal contains " + text)
	}
}

// mutants are faults of rewrites: each changes what the rewrites made of a shipped
// program. Those of kind "run" must be found by running, those of kind "proof" by the
// certificate's checker; all but where said by both.
var mutants = []struct {
	name, program string
	change        func(*reclaim.Result)
	checkerOnly   string // why running cannot find it
}{
	{"a message is deleted before it is acknowledged", "unicast", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "sbuf(k0, k1, k2) @delete"), "chn_approx")
	}, ""},
	{"any node's acknowledgement will do", "broadcast_fixed", func(r *reclaim.Result) {
		rule := ruleLike(r.Program, "sbuf(k0, k1) @delete")
		rule.Body[1] = el.Is(el.A("chn_approx", "_", "k0"))
	}, ""},
	{"an acknowledgement is taken for all of its receiver's", "broadcast_fixed", func(r *reclaim.Result) {
		rule := ruleLike(r.Program, "!chn_approx(n, i)")
		rule.Body[2].Atom.Args[1] = el.V("_")
	}, ""},
	{"acknowledgements are not sent", "unicast", func(r *reclaim.Result) {
		ruleLike(r.Program, "chn_ack(s, k0, k1) @async").Body = append(ruleLike(r.Program, "chn_ack(s, k0, k1) @async").Body,
			el.If("!=", el.V("s"), el.V("s")))
	}, ""},
	{"acknowledged to itself instead of the sender", "unicast", func(r *reclaim.Result) {
		ruleLike(r.Program, "chn_ack(s, k0, k1) @async").Head.Args[0] = el.Me()
	}, ""},
	{"sent is taken for acknowledged", "broadcast_fixed", func(r *reclaim.Result) {
		*ruleLike(r.Program, "chn_approx(k0, k1) :-") = el.When(el.Next, el.A("chn_approx", "k0", "k1"), el.Is(el.A("sbuf", "k1", "_")), el.Is(el.A("node", "k0")))
	}, ""},
	{"the epoch is not waited for", "broadcast_epoch", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "sbuf(k0, k1, k2) @delete"), "closed")
	}, ""},
	{"members go while messages may come", "broadcast_epoch", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "member(k0, k1) @delete"), "finished")
	}, ""},
	{"one seal is taken for the other", "broadcast_epoch", func(r *reclaim.Result) {
		ruleLike(r.Program, "sbuf(k0, k1, k2) @delete").Body[1].Atom.Name = "finished"
	}, "the workload says that all is sent only after all have joined"},
	{"the seal of any epoch will do", "broadcast_epoch", func(r *reclaim.Result) {
		ruleLike(r.Program, "sbuf(k0, k1, k2) @delete").Body[1].Atom.Args[0] = el.V("_")
	}, ""},
	{"an insert goes before it is everywhere", "kvs", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "ins_log(k0, k1, k2) @delete"), "ins_log_live")
	}, ""},
	{"an insert goes before it is deleted", "kvs", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "ins_log(k0, k1, k2) @delete"), "del_log")
	}, ""},
	{"deleted or everywhere, instead of both", "kvs", func(r *reclaim.Result) {
		rule := ruleLike(r.Program, "ins_log(k0, k1, k2) @delete")
		other := rule.Clone()
		without(rule, "del_log")
		without(&other, "ins_log_live")
		r.Program.Rules = append(r.Program.Rules, other)
		d := r.Certificate.Deletions[0]
		d.Rule = len(r.Program.Rules) - 1
		r.Certificate.Deletions = append(r.Certificate.Deletions, d)
	}, ""},
	{"a delete goes while its insert may come", "kvs", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "del_log(k0, k1) @delete"), "ins_log_seen")
	}, ""},
	{"a delete goes before its insert", "kvs", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "del_log(k0, k1) @delete"), "!ins_log(")
	}, ""},
	{"a delete goes before it is everywhere", "kvs", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "del_log(k0, k1) @delete"), "del_log_live")
	}, ""},
	{"a duplicate of a reclaimed insert comes back", "kvs", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "ins_log(i, k, v) :- ins_chn"), "ins_log_seen")
	}, ""},
	{"keys are remembered at once, so that nothing is derived", "kvs", func(r *reclaim.Result) {
		rule := ruleLike(r.Program, "ins_log_seen(k0) @next")
		*rule = el.When(el.Next, el.A("ins_log_seen", "k0"), el.Is(el.A("put", "k0", "_", "_")))
	}, ""},
	{"keys are not remembered", "kvs", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "ins_log_seen(k0) @next"), "ins_log")
		ruleLike(r.Program, "ins_log_seen(k0) @next").Body = []el.Literal{el.Is(el.A("del", "_", "k0")), el.Not(el.A("del", "_", "k0"))}
	}, ""},
	{"deletes by key go, which meet further inserts", "kvs_by_key", func(r *reclaim.Result) {
		r.Program.Rules = append(r.Program.Rules, el.When(el.Delete, el.A("del_log", "k0", "k1"), el.Is(el.A("del_log", "k0", "k1")),
			el.Is(el.A("del_chn_approx", "_", "k0"))))
		r.Certificate.Deletions = append(r.Certificate.Deletions, certify.Deletion{Table: "del_log", Rule: len(r.Program.Rules) - 1})
	}, ""},
	{"a causal message goes before it is delivered", "causal_broadcast", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "log(k0, k1, k2) @delete"), "safe_log")
	}, ""},
	{"a dependency goes before it is met", "causal_kvs", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "dep(k0, k1) @delete"), "safe_keys")
	}, "a write is safe only after its dependencies are"},
	{"a dependency goes before it can dominate", "causal_kvs", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "dep(k0, k1) @delete"), "safe_seen")
	}, "the log derives it again until the write is safe"},
	{"a write goes that is not dominated", "causal_kvs", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "safe(k0, k1, k2) @delete"), "dom")
	}, ""},
	{"domination goes before what it dominates", "causal_kvs", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "dom(k0) @delete"), "!safe(")
	}, "both go in the same timestep"},
	{"a read request goes before it is answered", "causal_kvs", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "read_buf(k0, k1, k2, k3) @delete"), "read_resp")
	}, ""},
	{"an answer goes before it has arrived", "causal_kvs", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "read_resp(k0, k1, k2, k3) @delete"), "resp_chn_approx")
	}, ""},
	{"a request is answered twice", "request_response", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "req_log(i, c, k) :- req_chn"), "req_log_seen")
	}, "the first answer is acknowledged by then, so that the second is not sent"},
	{"a write goes before it is committed", "atomic_registers", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "write(k0, k1, k2, k3) @delete"), "write_log")
	}, ""},
	{"a snapshot goes before its reader", "atomic_registers", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "snapshot(k0, k1, k2, k3) @delete"), "retired")
	}, ""},
	{"a live write goes", "atomic_registers", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "write_log(k0, k1, k2, k3) @delete"), "dom")
	}, ""},
	{"a vote goes before the decision", "two_phase_commit", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "vote_log(k0, k1, k2) @delete"), "decided")
	}, ""},
	{"a transaction goes before all voters know it", "two_phase_commit", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "xact(k0) @delete"), "xact_live")
	}, ""},
	{"a voter forgets its vote before it is asked", "two_phase_commit", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "status(k0, k1) @delete"), "req_log_seen")
	}, ""},
	{"an object goes while references may come", "graph_gc", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "obj(k0, k1, k2) @delete"), "ref_done")
	}, ""},
	{"a live object goes", "graph_gc", func(r *reclaim.Result) {
		without(ruleLike(r.Program, "obj(k0, k1, k2) @delete"), "!obj_live_(")
	}, ""},
	{"nothing is deleted", "kvs", func(r *reclaim.Result) {
		for i := range r.Program.Rules {
			if rule := &r.Program.Rules[i]; rule.Op == el.Delete {
				rule.Body = append(rule.Body, el.If("!=", rule.Head.Args[0], rule.Head.Args[0]))
			}
		}
	}, ""},
	{"what still counts is aggregated too late", "atomic_registers", func(r *reclaim.Result) {
		r.Certificate.Deletions[0].Reasons[0].How = certify.Kept
	}, "only the certificate is wrong"},
}

// TestRewriteMutants runs each fault of a rewrite until a trial finds it, and
// shows it to the checker of certificates.
func TestRewriteMutants(t *testing.T) {
	found, checked := 0, 0
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			p, r := rewritten(t, m.program)
			m.change(r)
			require.NoError(t, el.CheckRewritten(r.Program))
			if err := certify.Check(p, r.Program, r.Certificate); err != nil {
				checked++
			} else {
				assert.Equal(t, "nothing is deleted", m.name, "the checker proves safety, and only storage shows this")
			}
			by := error(nil)
			most := uint64(*mutantSeeds) // nearly all take one or two
			if m.checkerOnly != "" {
				most /= 100
			}
			for seed := uint64(1); seed <= most && by == nil; seed++ {
				_, by = trial.Run(p, r.Program, trial.Workloads[m.program], trial.Options{Seed: seed, Faults: seed > 1})
			}
			if m.checkerOnly == "" {
				assert.Error(t, by, "no trial finds it")
				found++
			}
			t.Log(short(by))
		})
	}
	t.Logf("of %d mutants trials found %d and the checker %d", len(mutants), found, checked)
}

func short(err error) string {
	s := fmt.Sprint(err)
	return s[:min(len(s), 160)]
}

// TestMechanicalMutants drops or negates each literal of each rule and guard that a
// rewrite added, and drops each such rule; the checker must find them all.
func TestMechanicalMutants(t *testing.T) {
	tried := 0
	for _, name := range programs.Names() {
		p, r := rewritten(t, name)
		try := func(what string, q *el.Program) {
			if el.CheckRewritten(q) != nil {
				return
			}
			tried++
			assert.Error(t, certify.Check(p, q, r.Certificate), "%s: %s", name, what)
		}
		for i, rule := range r.Program.Rules {
			for j := range rule.Body {
				if i < len(p.Rules) && j < len(p.Rules[i].Body) {
					continue
				}
				what := fmt.Sprintf("%s, literal %d", rule, j)
				q := r.Program.Clone()
				q.Rules[i].Body = slices.Delete(q.Rules[i].Body, j, j+1)
				try("without: "+what, q)
				q = r.Program.Clone()
				if l := &q.Rules[i].Body[j]; l.Kind == el.Match {
					l.Kind = el.Absent
				} else if l.Kind == el.Absent {
					l.Kind = el.Match
				}
				try("negated: "+what, q)
				for k := range rule.Body[j].Atom.Args {
					q = r.Program.Clone()
					if q.Rules[i].Body[j].Atom.Args[k].Kind == el.Any {
						continue
					}
					q.Rules[i].Body[j].Atom.Args[k] = el.V("_")
					try(fmt.Sprintf("any column %d: %s", k, what), q)
				}
			}
			if i >= len(p.Rules) {
				q := r.Program.Clone()
				q.Rules[i].Body = []el.Literal{rule.Body[0], el.Not(rule.Body[0].Atom)}
				try("never: "+rule.String(), q)
				for _, op := range []el.Op{el.Now, el.Next} {
					q = r.Program.Clone()
					if q.Rules[i].Op != op {
						q.Rules[i].Op = op
						try("other time: "+rule.String(), q)
					}
				}
			}
		}
	}
	require.Greater(t, tried, 200)
	t.Logf("the checker found all of %d", tried)
}
