package laws

import "github.com/joinery-go/joinery/lattice"

// operation is something that a merge from lattice can do. One function does them all:
// it is the only part of a merge's way into the laws that is compiled for each type.
type operation uint8

const (
	opMergeIn operation = iota
	opCompare
	opClone
	opJoin
	opBottom
	opTop
	opOwnJoin
	opBatch
	opDiff
	opAtoms
	opAppend
	opDecode
	operations
)

// capabilities says which operations beyond those of every merge there are.
type capabilities [operations]bool

// caps are the capabilities of a merge over boxes, nil where it has them not; see
// [lattice.Caps].
type caps struct {
	bottom, top func() any
	join        func(a, b any) any
	batch       func(target any, deltas []any) (grew bool)
	diff        func(base, v any) any
	atoms       func(v any) []any
	append      func(dst []byte, v any) []byte
	decode      func(src []byte) (v any, rest []byte, err error)
}

// operate gives the subject the operations of a merge from lattice. What an operation
// takes and returns stands beside it in subjectOf: states are boxes, and n is a
// truth or an order.
func (s *subject) operate(has capabilities, do func(o operation, a, b any, list []any, bytes []byte) (v any, n int, rest []byte, err error)) {
	one := func(o operation, a, b any) any {
		v, _, _, _ := do(o, a, b, nil, nil)
		return v
	}
	s.mergeIn = func(target, delta any) bool {
		_, n, _, _ := do(opMergeIn, target, delta, nil, nil)
		return n != 0
	}
	s.compare = func(a, b any) lattice.Order {
		_, n, _, _ := do(opCompare, a, b, nil, nil)
		return lattice.Order(n)
	}
	s.clone = func(v any) any { return one(opClone, v, nil) }
	s.join = func(a, b any) any { return one(opJoin, a, b) }
	if has[opBottom] {
		s.caps.bottom = func() any { return one(opBottom, nil, nil) }
	}
	if has[opTop] {
		s.caps.top = func() any { return one(opTop, nil, nil) }
	}
	if has[opOwnJoin] {
		s.caps.join = func(a, b any) any { return one(opOwnJoin, a, b) }
	}
	if has[opBatch] {
		s.caps.batch = func(target any, deltas []any) bool {
			_, n, _, _ := do(opBatch, target, nil, deltas, nil)
			return n != 0
		}
	}
	if has[opDiff] {
		s.caps.diff = func(base, v any) any { return one(opDiff, base, v) }
	}
	if has[opAtoms] {
		s.caps.atoms = func(v any) []any { return one(opAtoms, v, nil).([]any) }
	}
	if has[opAppend] {
		s.caps.append = func(dst []byte, v any) []byte {
			_, _, b, _ := do(opAppend, v, nil, nil, dst)
			return b
		}
	}
	if has[opDecode] {
		s.caps.decode = func(src []byte) (any, []byte, error) {
			v, _, rest, err := do(opDecode, nil, nil, nil, src)
			return v, rest, err
		}
	}
	s.guards = []law{deltaUnchanged(), cloneIndependent(), deltaNotRetained()}
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
