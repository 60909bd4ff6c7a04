package deep

import (
	"slices"
)

// Shared lists the types of the memory that both boxed values refer to, in order and
// without what is kept by identity. Two states that were made independently of each
// other have memory in common where a program interned it, or compares it by address
// with a package-level variable; copies of such states come apart from it. Where they
// are judged wrongly, this says whether copies are to be suspected.
func (t *Type) Shared(a, b any) []string {
	var x, y graph
	x.discover(t, t.at(a))
	y.discover(t, t.at(b))
	var names []string
	for i := range x.maps {
		if _, both := y.mapAt[x.maps[i].at]; both {
			names = append(names, x.maps[i].m.t.String())
		}
	}
	for i, j := 0, 0; i < len(x.blocks) && j < len(y.blocks); {
		p, q := &x.blocks[i], &y.blocks[j]
		switch pEnd, qEnd := uintptr(p.at)+p.size, uintptr(q.at)+q.size; {
		case pEnd <= uintptr(q.at):
			i++
		case qEnd <= uintptr(p.at):
			j++
		default:
			names = append(names, p.t.String())
			if pEnd < qEnd {
				i++
			} else {
				j++
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
