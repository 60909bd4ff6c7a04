package kvs

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// A request for several keys is answered by one replica, at one moment, each key for itself;
// see [wire.MultiGet]. At a level whose reads wait it waits as a whole: until each of its
// partitions has what the session must see there, and what the values depend on that are
// held of all its keys. So what one value depends on, the value of another key is not
// older than. It counts as one read among those that wait.

// multiWaiter is such a request that awaits its past. It is not changed once kept.
type multiWaiter struct {
	req      *wire.MultiGet
	deadline uint64 // tick
}

// maxMultiBytes is how many bytes of values an answer has at most; what does not fit is to
// be asked for by itself.
const maxMultiBytes = wire.MaxMessage / 2

// multiGet serves a request for several keys.
func (r *Replica) multiGet(m *wire.MultiGet) {
	switch limit := r.cfg.MaxAheadMS / 2; {
	case r.clock.ahead(m.Clock, r.now, limit):
		r.refuseMulti(m, wire.StatusClockAhead, tooFarAhead(m.Clock, r.now, limit))
		return
	case len(m.Deps)+len(m.Own) > 0 && !r.notary().VouchesBoth(m.Deps, m.Own, m.Proof):
		r.refuseMulti(m, wire.StatusBadRequest, "dependencies that no replica vouches for; show those of the last answer, with its proof")
		return
	case m.Level.Waits() && m.Wait > r.cfg.MaxWaitTicks:
		r.refuseMulti(m, wire.StatusBadRequest, fmt.Sprintf("a wait of %d ticks, want at most %d", m.Wait, r.cfg.MaxWaitTicks))
		return
	}
	r.clock.Observe(m.Clock)
	switch {
	case !m.Level.Waits() || r.coversAll(m):
		r.answerMulti(m)
	case r.waiting >= r.cfg.MaxWaiting:
		r.refuseMulti(m, wire.StatusBusy, fmt.Sprintf("%d reads are waiting", r.waiting))
	case r.waiting >= r.cfg.MaxEach && r.waitingOf(m.Client) >= r.cfg.MaxEach:
		r.refuseMulti(m, wire.StatusBusy, fmt.Sprintf("%d reads of the session are waiting", r.cfg.MaxEach))
	default:
		r.stats.Waited++
		r.waiting++
		r.multis = append(r.multis, multiWaiter{m.Clone(), r.tick + m.Wait})
	}
}

func (r *Replica) refuseMulti(m *wire.MultiGet, s wire.Status, detail string) {
	r.respondMulti(&wire.MultiAnswer{Client: m.Client, Req: m.Req, Status: s, Clock: r.clock.last, Detail: detail})
}

func (r *Replica) respondMulti(a *wire.MultiAnswer) {
	from := len(r.wire)
	r.wire = a.Append(r.wire)
	r.emit(Effect{Kind: EffectRespond, Client: a.Client, Msg: r.written(from)})
}

// coversAll reports whether a request may be answered: of what it asks this replica for, all
// is applied that its session must see, and that the values depend on which it would see, as
// far as its level asks for either.
func (r *Replica) coversAll(m *wire.MultiGet) bool {
	var past session.Matrix
	if m.Level.Requires() {
		past = m.Deps
	}
	if m.Level.Follows() {
		past = past.Clone()
		for _, k := range m.Keys {
			if p := r.held(r.cfg.Ring.PartitionOf(k.Key)); p != nil && p.serves() {
				if s, _ := p.slot(k.Key, k.Kind); s != nil {
					past.MergeIn(s.deps)
				}
			}
		}
	}
	for _, k := range m.Keys {
		if p := r.partition(r.cfg.Ring.PartitionOf(k.Key)); p.serves() && !r.includes(p, past) {
			return false
		}
	}
	return true
}

// answerMulti reads the values now held.
func (r *Replica) answerMulti(m *wire.MultiGet) {
	a := wire.MultiAnswer{Client: m.Client, Req: m.Req, Clock: r.clock.last, Results: make([]wire.Result, len(m.Keys))}
	past, own := m.Deps.Clone(), m.Own.Clone()
	values, ends := []byte(nil), make([]int, len(m.Keys))
	for i, k := range m.Keys {
		x := &a.Results[i]
		values = r.result(m, k, x, values, &past)
		ends[i] = len(values)
	}
	from := 0
	for i, end := range ends { // what is appended to may move
		a.Results[i].Value = values[from:end:end]
		from = end
	}
	if m.Level.Waits() {
		var told wire.Response
		r.tell(&told, r.compact(past), r.compact(own))
		a.Deps, a.Own, a.Proof = told.Deps, told.Own, told.Proof
	}
	r.respondMulti(&a)
}

// result is what one key is answered, its value appended to the values before; past joins
// what has been seen of it.
func (r *Replica) result(m *wire.MultiGet, name wire.ValueName, x *wire.Result, values []byte, past *session.Matrix) []byte {
	p := r.partition(r.cfg.Ring.PartitionOf(name.Key))
	x.Partition = p.id
	k, ok := r.cfg.Kinds.Find(name.Kind)
	switch {
	case !ok:
		x.Status, x.Detail = wire.StatusBadRequest, fmt.Sprintf("unknown kind %q", name.Kind)
		return values
	case !p.serves():
		x.Status, x.Detail = wire.StatusNotOwner, r.notServed(p)
		return values
	}
	p.demanded++
	s, other := p.slot(name.Key, name.Kind)
	if m.Level.Waits() {
		r.sawForgotten(m.Level, p, past)
	}
	if s == nil {
		if other != "" {
			x.Status, x.Detail = wire.StatusKindMismatch, other
		}
		return values
	}
	from := len(values)
	v := p.value(s)
	values = v.Append(values)
	if size := len(values) - from; len(values) > maxMultiBytes {
		x.Status, x.Detail = wire.StatusTooLarge, fmt.Sprintf("%s %q has %d bytes, and the answer at most %d; ask for it by itself", name.Kind, name.Key, size, maxMultiBytes)
		return values[:from]
	}
	x.Deleted = k.Absent(v)
	x.Found = !x.Deleted
	if m.Level.Waits() {
		r.sees(m.Level, s, past)
	}
	return values
}

// wakeMulti answers the requests for several keys that may be answered now, p being what has
// changed. O(those that wait × keys).
func (r *Replica) wakeMulti(p *partition) {
	r.settleMulti(func(w multiWaiter) bool {
		of := func(k wire.ValueName) bool { return r.cfg.Ring.PartitionOf(k.Key) == p.id }
		if !slices.ContainsFunc(w.req.Keys, of) || !r.coversAll(w.req) {
			return false
		}
		r.answerMulti(w.req)
		return true
	})
}

// expireMulti fails those whose deadline has passed.
func (r *Replica) expireMulti() {
	r.settleMulti(func(w multiWaiter) bool {
		if w.deadline > r.tick {
			return false
		}
		r.refuseMulti(w.req, wire.StatusUnavailable, fmt.Sprintf("the partitions of %d keys have not caught up with the session after %d ticks", len(w.req.Keys), w.req.Wait))
		return true
	})
}

// settleMulti removes the requests for several keys that done has dealt with.
func (r *Replica) settleMulti(done func(multiWaiter) bool) {
	if len(r.multis) == 0 {
		return
	}
	before := len(r.multis)
	r.multis = slices.DeleteFunc(r.multis, done)
	r.waiting -= before - len(r.multis)
}

// append writes what the request still decides, as seen from tick.
func (w multiWaiter) append(dst []byte, tick uint64) []byte {
	return varint.Append(wire.AppendString(append(dst, 'm'), w.req.Encode()), w.deadline-min(tick, w.deadline))
}
