package causal

// DotSet is the store of events without payload: the set of their dots.
func DotSet() Store[Dots] { return dotSet{} }

type dotSet struct{}

func (dotSet) clone(v Dots) Dots { return dotsMerge{}.Clone(v) }
func (dotSet) empty(v Dots) bool { return v.empty() }

func (dotSet) merge(target *Dots, seen Dots, delta Dots, pending Dots) (grew bool) {
	//joinery:anyorder origins are merged independently of each other
	for o, d := range delta {
		if len(pending) > 0 {
			pending.strike(o, d.intersect((*target)[o]))
		}
		fresh := d.minus(seen[o])
		if len(fresh) == 0 {
			continue
		}
		if *target == nil {
			*target = make(Dots, len(delta))
		}
		target.joinSpans(o, fresh)
		grew = true
	}
	return grew
}

func (dotSet) drop(target *Dots, pending Dots) (dropped bool) {
	//joinery:anyorder origins are struck independently of each other
	for o, p := range pending {
		hit := p.intersect((*target)[o])
		if len(hit) > 0 {
			target.strike(o, hit)
			pending.strike(o, hit)
			dropped = true
		}
	}
	return dropped
}

func (dotSet) leq(a Dots, known Dots, b Dots) bool {
	//joinery:anyorder a conjunction
	for o, s := range b {
		if s.minus(a[o]).meets(known[o]) {
			return false
		}
	}
	return true
}

func (dotSet) diff(base Dots, gone Dots, v Dots, out Dots) Dots {
	d := v.minus(base).minus(gone)
	out.join(d)
	return d
}

func (dotSet) visit(v Dots, add func(uint64, Spans)) {
	//joinery:anyorder the caller collects a set
	for o, s := range v {
		add(o, s)
	}
}

func (dotSet) common(a, b Dots, out Dots) bool {
	out.join(a.intersect(b))
	return true
}

func (dotSet) caps() storeCaps[Dots] {
	return storeCaps[Dots]{
		atoms: func(v Dots, yield func(Dots, Dot) bool) bool {
			return v.each(func(d Dot) bool { return yield(dotsOf(d), d) })
		},
		append: appendDots,
		decode: decodeDots,
	}
}
