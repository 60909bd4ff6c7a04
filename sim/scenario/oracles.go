package scenario

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
)

// The oracles that look at answers one by one, as they come.

// keyStamp is the latest stamp that a session has seen of a register.
type keyStamp struct {
	key   string
	stamp history.Stamp
}

// stamped is the oracle of stamps. What is read of a register was written at a time
// that its replica has met. And at a causal level it is no older than what the session
// had read or written of it before: the last writer wins, so a value that was seen is
// followed by later ones only, be they lost or not.
func (r *run) stamped(s *sessionState, o *Operation, h *history.Op, resp *wire.Response) {
	if o.Type != history.Register || h.Outcome != history.OK {
		return
	}
	now := h.Stamp
	if o.Func != history.Read {
		now = history.Stamp{Clock: resp.Clock, Writer: resp.Dot.Origin}
	}
	if now.Clock > resp.Clock {
		r.fail(Violation{Oracle: "clock", Kind: string(o.Type), Op: string(o.Func), Node: o.Node, Message: fmt.Sprintf(
			"#%d of %q was answered with a value of the time %d by a replica that had met no time after %d", o.ID, o.Key, now.Clock, resp.Clock)})
	}
	if s.state.Level != session.Causal {
		return
	}
	for i := range s.stamps {
		k := &s.stamps[i]
		if k.key != o.Key {
			continue
		}
		if now.Compare(k.stamp) < 0 {
			r.fail(Violation{Oracle: "stamp", Kind: string(o.Type), Op: string(o.Func), Node: o.Node, Message: fmt.Sprintf(
				"#%d of %q shows session %d the value of %v, after that of %v", o.ID, o.Key, s.number, now, k.stamp)})
		} else {
			k.stamp = now
		}
		return
	}
	s.stamps = append(s.stamps, keyStamp{o.Key, now})
}

// refused is the oracle of refusals: the plan asks for nothing that a replica may
// refuse, but for a read at a causal level that has waited in vain.
func (r *run) refused(s *sessionState, o *Operation, resp *wire.Response) {
	if resp.Status == wire.StatusUnavailable && o.Func == history.Read && s.state.Level == session.Causal {
		return
	}
	r.fail(Violation{Oracle: "availability", Kind: "refused", Op: string(o.Func), Node: o.Node, Message: fmt.Sprintf(
		"#%d of %q is refused: %v: %s", o.ID, o.Key, resp.Status, resp.Detail)})
}

// available is the oracle of availability at the end of a run that holds otherwise: no
// operation fails, or stays without an answer, after the faults have ended and the
// replicas have come to rest; nor in all of the run, if no fault took effect.
func (r *run) available(h *history.History, planned []uint64, faultless bool) {
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Outcome == history.OK || !faultless && planned[i] < firstFinal {
			continue
		}
		when := "after the faults had ended"
		if faultless {
			when = "in a run without faults"
		}
		r.fail(Violation{Oracle: "availability", Kind: "failed", Op: string(o.Func), Node: o.Node, Message: fmt.Sprintf(
			"#%d of %q is not served %s: %v", planned[i], o.Key, when, o.Outcome)})
	}
}

// caught makes a panic of the code under test a violation, and the end of its process.
// It is deferred around what runs that code.
func (r *replica) caught(during string) {
	what := recover()
	if what == nil {
		return
	}
	r.core = nil
	r.run.fail(Violation{Oracle: "panic", Kind: during, Node: int(r.id), Message: fmt.Sprintf("node %d panics: %v%s", r.id, what, origin())})
}

// origin is where in this module a panic that is being recovered from came from.
func origin() string {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(3, pc)])
	for {
		f, more := frames.Next()
		if i := strings.Index(f.Function, "/joinery/"); i >= 0 {
			return fmt.Sprintf(", in %s, line %d", f.Function[i+len("/joinery/"):], f.Line)
		}
		if !more {
			return ""
		}
	}
}
