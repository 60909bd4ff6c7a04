package oracle

import "github.com/joinery-go/joinery/linearizability/history"

// Eventual tries, for each read, every set of puts that it may have included,
// and compares every pair of reads that must agree.
func Eventual(h *history.History) Answer {
	for _, name := range objects(h) {
		puts := putsOn(h, name)
		var settled []*history.Op
		for i := range h.Ops {
			r := &h.Ops[i]
			if object(r) != name || r.Func != history.Read || r.Outcome != history.OK {
				continue
			}
			if !someSubset(h, r, puts, nil) {
				return Forbidden
			}
			if mustAgree(h, r, puts) {
				settled = append(settled, r)
			}
		}
		for _, a := range settled {
			for _, b := range settled {
				if !alike(a, b) {
					return Forbidden
				}
			}
		}
	}
	return Allowed
}

// Convergence spells out the three parts of convergence: each value is the join of
// some of the puts called before, of those seen in a tagged history; reads that saw
// the same return the same, in a tagged history; what had to be there by a fence
// is, and reads after the last one agree.
func Convergence(h *history.History) (explained, sameTags, settled bool) {
	explained, sameTags, settled = true, true, true
	unfenced := *h
	unfenced.Fences = nil
	for i := range h.Ops {
		r := &h.Ops[i]
		if r.Func != history.Read || r.Outcome != history.OK {
			continue
		}
		puts := putsOn(h, object(r))
		explained = explained && someSubset(&unfenced, r, puts, nil)
		for _, p := range puts {
			settled = settled && (!h.Tagged || !due(h, r, p) || saw(r, p))
		}
		settled = settled && (h.Tagged || !mustInclude(h, r, puts) || someSubset(h, r, puts, nil))
		for j := range h.Ops {
			o := &h.Ops[j]
			if o.Func != history.Read || o.Outcome != history.OK || object(o) != object(r) {
				continue
			}
			settled = settled && (!mustAgree(h, r, puts) || !mustAgree(h, o, puts) || alike(r, o))
			sameTags = sameTags && (!h.Tagged || !sawTheSame(r, o) || alike(r, o))
		}
	}
	return explained, sameTags, settled
}

func saw(r, p *history.Op) bool {
	for _, t := range r.Saw {
		if t == p.Tag {
			return true
		}
	}
	return false
}

func sawTheSame(a, b *history.Op) bool {
	same := len(a.Saw) == len(b.Saw)
	for i := 0; same && i < len(a.Saw); i++ {
		same = a.Saw[i] == b.Saw[i]
	}
	return same
}

func mustInclude(h *history.History, r *history.Op, puts []*history.Op) bool {
	for _, p := range puts {
		if due(h, r, p) {
			return true
		}
	}
	return false
}

// someSubset extends the chosen puts in all ways by those not yet considered.
func someSubset(h *history.History, r *history.Op, puts, chosen []*history.Op) bool {
	if len(puts) == 0 {
		return (!h.Tagged || sawExactly(r, chosen)) && isValueOf(r, chosen)
	}
	p, rest := puts[0], puts[1:]
	if p.Call <= r.Return && someSubset(h, r, rest, append(chosen[:len(chosen):len(chosen)], p)) {
		return true
	}
	return !due(h, r, p) && someSubset(h, r, rest, chosen)
}

// due reports whether some fence lies between the put's return and the read's
// call.
func due(h *history.History, r, p *history.Op) bool {
	for _, f := range h.Fences {
		if p.Outcome == history.OK && p.Return < f && f <= r.Call {
			return true
		}
	}
	return false
}

func mustAgree(h *history.History, r *history.Op, puts []*history.Op) bool {
	if len(h.Fences) == 0 {
		return false
	}
	last := h.Fences[len(h.Fences)-1]
	for _, p := range puts {
		if p.Call >= last || p.Outcome == history.OK && p.Return >= last {
			return false
		}
	}
	return r.Call >= last
}

func alike(a, b *history.Op) bool {
	if !sawTheSame(a, b) {
		return false
	}
	switch a.Type {
	case history.Set:
		return asList(a.Out).Equal(asList(b.Out))
	case history.Counter:
		x, _ := a.Out.AsInt()
		y, _ := b.Out.AsInt()
		return x == y
	}
	return a.Out.Equal(b.Out)
}
