package linearizability

import "slices"

// broken is the violation that these nodes make, with what the edges on the way rest on.
func (v *view) broken(nodes []int32, reason string) result {
	met := make(map[int32]bool)
	var all []int32
	for len(nodes) > 0 {
		n := nodes[0]
		if nodes = nodes[1:]; met[n] {
			continue
		}
		met[n] = true
		all = append(all, n)
		if src := v.a.source[n]; src >= 0 {
			nodes = append(nodes, src)
		}
		for i := v.first[n]; i != 0; i = v.due[i-1].next {
			e, read := v.due[i-1], v.why[i-1]
			w := v.a.chains[e.chain][e.count-1]
			if met[w] || slices.Contains(nodes, w) { // the edge may be on the way
				nodes = append(nodes, v.path(w, read)...)
			}
		}
	}
	witness := v.a.positions(all...)
	slices.Sort(witness)
	return result{status: Violation, method: bySaturation, reason: reason, witness: slices.Compact(witness)}
}
