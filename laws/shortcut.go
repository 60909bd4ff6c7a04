package laws

import "fmt"

// joinFresh is about the capability Join, which is code of its own beside MergeIn.
func joinFresh() law {
	return judged("inplace/join", "Join(a, b) is b merged into Clone(a), and merging c into it leaves a and b as they were", 3, func(p *probe, x []any) (Outcome, func() Sides) {
		a, b := p.Copy(x[0]), p.Copy(x[1])
		j := p.s.caps.join(a, b)
		if want := p.Join(x[0], x[1]); !p.Equal(j, want) {
			return Fails, func() Sides { return Sides{"Join(a, b)", p.Show(j), "b merged into Clone(a)", p.Show(want)} }
		}
		p.MergeIn(j, p.Copy(x[2]))
		for i, now := range []any{a, b} {
			if !p.Equal(now, x[i]) {
				return Fails, func() Sides {
					return Sides{variables[i] + " before", p.Show(x[i]), variables[i] + " after merging c into Join(a, b)", p.Show(now)}
				}
			}
		}
		return Holds, nil
	})
}

// batchAlike is about the capability Batch.
func batchAlike() law {
	const statement = "merging b and c into Clone(a) in one batch is merging them one by one, grows alike, and leaves b as it was, also once c is merged after a batch of b alone"
	return judged("inplace/batch", statement, 3, func(p *probe, x []any) (Outcome, func() Sides) {
		want, got := p.s.clone(x[0]), p.s.clone(x[0])
		grew := p.MergeIn(want, x[1])
		grew = p.MergeIn(want, x[2]) || grew
		if said := p.s.caps.batch(got, []any{x[1], x[2]}); said != grew || !p.Equal(got, want) {
			return Fails, func() Sides {
				return Sides{"in one batch", fmt.Sprintf("%s (grew: %t)", p.Show(got), said), "one by one", fmt.Sprintf("%s (grew: %t)", p.Show(want), grew)}
			}
		}
		b, later := p.Copy(x[1]), p.s.clone(x[0])
		p.s.caps.batch(later, []any{b, b})
		p.MergeIn(later, p.Copy(x[2]))
		return holds(p.Equal(b, x[1])), func() Sides {
			return Sides{"b before", p.Show(x[1]), "b after c was merged into the result of the batch", p.Show(b)}
		}
	})
}
