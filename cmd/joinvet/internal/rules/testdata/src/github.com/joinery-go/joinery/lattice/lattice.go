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

type Class uint8

const (
	IsMorphism Class = iota
	IsTricky
	NonMonotone
)

type Pair[A, B any] struct {
	First  A
	Second B
}

func Max[T any]() Merge[T]                                         { return nil }
func Min[T any]() Merge[T]                                         { return nil }
func And() Merge[bool]                                             { return nil }
func SetOf[E comparable]() Merge[map[E]struct{}]                   { return nil }
func IntersectOf[E comparable]() Merge[map[E]struct{}]             { return nil }
func MapOf[K comparable, V any](m Merge[V]) Merge[map[K]V]         { return nil }
func PairOf[A, B any](a Merge[A], b Merge[B]) Merge[Pair[A, B]]    { return nil }
func LexPairOf[A, B any](a Merge[A], b Merge[B]) Merge[Pair[A, B]] { return nil }
