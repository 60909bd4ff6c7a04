package flow

import (
	"context"

	"github.com/joinery-go/joinery/lattice"
)

type (
	Graph        struct{}
	Delta[T any] struct{}
	State[T any] struct{}
	Input[T any] struct{}
	Scheduler    struct{}
	Evidence     struct{}
	Claim        struct {
		Class    lattice.Class
		Evidence Evidence
	}
	Subscription[T any] struct{}
)

func (*Input[T]) Push(v T) error                { return nil }
func (*Scheduler) Run(context.Context) error    { return nil }
func (*Scheduler) Settle(context.Context) error { return nil }
func (*Subscription[T]) Final() bool            { return false }

func Morphism(Evidence) Claim { return Claim{} }
func Monotone(Evidence) Claim { return Claim{} }
func NonMonotone() Claim      { return Claim{} }
func BySample(n int) Evidence { return Evidence{} }

func ByExhaustion(scope string) Evidence      { return Evidence{} }
func ByProof() Evidence                       { return Evidence{} }
func ByCheck(found lattice.Evidence) Evidence { return Evidence{} }

func Map[A, B any](d Delta[A], f func(A) B, claims ...Claim) Delta[B]           { return Delta[B]{} }
func Filter[T any](d Delta[T], keep func(T) bool, claims ...Claim) Delta[T]     { return d }
func MapState[A, B any](s State[A], f lattice.Function[A, B], c Claim) State[B] { return State[B]{} }
func Seal[T any](s State[T]) State[T]                                           { return s }
func Read[T any](s State[T]) (v T, ok bool)                                     { return v, false }
func Complete[T any](s State[T]) bool                                           { return false }
func Subscribe[T any](s State[T], f func(T)) (*Subscription[T], error)          { return nil, nil }

func (*Input[T]) PushAll(vs ...T) (int, error) { return 0, nil }
func (s State[T]) Named(string) State[T]       { return s }

func Fold[T any](d Delta[T], m lattice.Merge[T]) State[T] { return State[T]{} }
func Debounce[T any](s State[T], n int) State[T]          { return s }
func Convert[A, B any](d Delta[A], f lattice.Function[A, B], e ...Evidence) Delta[B] {
	return Delta[B]{}
}
func Bimorphism[A, B, C any](left Delta[A], right Delta[B], a lattice.Merge[A], b lattice.Merge[B], f func(A, B) C, e ...Evidence) Delta[C] {
	return Delta[C]{}
}
