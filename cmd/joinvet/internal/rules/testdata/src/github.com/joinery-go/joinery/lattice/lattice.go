package lattice

type Order uint8

type Merge[T any] interface {
	MergeIn(target *T, delta T) bool
	Compare(a, b T) Order
	Clone(v T) T
}

type Function[A, B any] struct {
	F    func(A) B
	From Merge[A]
	To   Merge[B]
}
type Evidence struct{}
