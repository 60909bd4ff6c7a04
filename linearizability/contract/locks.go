package contract

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// hold is what is sure of one session holding the lock: from the time at which its
// acquire had returned until the time at which its release was called. It may have
// held it for longer, but if two holds do not overlap as they are, then there are
// instants of acquiring and releasing at which none does.
type hold struct {
	from, to         int64
	acquire, release int // positions; none if it never released
}

// holds is the contract of a lock with owners, as in Jepsen's tests of locks with an
// owner-aware mutex: the holds of two sessions have no instant in common, where one may
// begin as another ends, and a session acquires only what it does not hold and releases
// only what it holds. It is exactly linearizability of such a lock by
// sessions that keep to their order. An acquire of unknown
// outcome need not have taken place, and a release of unknown outcome takes place as soon
// as it is called; a session that goes on after either leaves the contract open.
func holds(o *object, r *Result) {
	shared, notHeld := found(Shared), found(NotHeld)
	var sure []hold
	for _, session := range o.sessions() {
		now := hold{acquire: none, release: none}
		for n, i := range session {
			op := o.op(i)
			if op.Outcome == history.Unknown && n < len(session)-1 {
				r.Open = fmt.Sprintf("%s: the outcome of #%d is unknown, and %s goes on after it", o.name, op.Index, op.SessionName())
			}
			switch {
			case op.Func == history.Acquire && op.Outcome == history.OK:
				if held := now; held.acquire != none {
					shared.add(history.Str(op.SessionName()), func() (string, []int) {
						return fmt.Sprintf("%s acquired it with #%d and, without releasing it, again with #%d",
							op.SessionName(), o.op(held.acquire).Index, op.Index), []int{held.acquire, i}
					})
				}
				now = hold{from: op.Return, to: history.Pending, acquire: i, release: none}
			case op.Func == history.Acquire:
			case now.acquire != none:
				now.to, now.release = op.Call, i
				sure = append(sure, now)
				now = hold{acquire: none, release: none}
			case op.Outcome == history.OK:
				notHeld.add(history.Str(op.SessionName()), func() (string, []int) {
					return fmt.Sprintf("#%d released it, but %s did not hold it", op.Index, op.SessionName()), []int{i}
				})
			}
		}
		if now.acquire != none {
			sure = append(sure, now)
		}
	}
	if r.Open != "" {
		return
	}
	o.overlaps(sure, shared)
	o.report(r, shared, notHeld)
}

// sessions are the operations that may have taken place, by session, in the order of
// their first calls.
func (o *object) sessions() (all [][]int) {
	at := make(map[int]int)
	for _, i := range o.at {
		if o.op(i).Outcome == history.Failed {
			continue
		}
		s := o.op(i).Session
		n, known := at[s]
		if !known {
			n = len(all)
			at[s] = n
			all = append(all, nil)
		}
		all[n] = append(all[n], i)
	}
	return all
}

// overlaps notes the holds that have an instant in common with an earlier one.
func (o *object) overlaps(sure []hold, shared *finding) {
	slices.SortFunc(sure, func(a, b hold) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	longest := 0
	for n := 1; n < len(sure); n++ {
		a, b := sure[longest], sure[n]
		if b.from < a.to && (b.from > a.from || b.to > b.from) {
			o.share(shared, a, b)
		}
		if b.to > a.to {
			longest = n
		}
	}
}

// share notes two holds.
func (o *object) share(f *finding, a, b hold) {
	p, q := o.op(a.acquire), o.op(b.acquire)
	f.add(history.List(history.Str(p.SessionName()), history.Str(q.SessionName())), func() (string, []int) {
		ops := []int{a.acquire, b.acquire}
		until := "which never released it"
		if a.release != none {
			ops = append(ops, a.release)
			until = fmt.Sprintf("which began to release it with #%d", o.op(a.release).Index)
		}
		if b.release != none {
			ops = append(ops, b.release)
		}
		return fmt.Sprintf("#%d gave it to %s, %s; in between %s had it by #%d", p.Index, p.SessionName(), until, q.SessionName(), q.Index), ops
	})
}
