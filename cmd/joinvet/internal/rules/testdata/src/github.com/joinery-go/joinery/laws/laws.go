package laws

import "testing"

type Option struct{}

func CheckMerge[S any](t *testing.T, merge func(a, b S) S, opts ...Option)          {}
func CheckMergeIn[S any](t *testing.T, merge func(dst *S, delta S), opts ...Option) {}
func CheckMethod(t *testing.T, method any, opts ...Option)                          {}
func Check(t *testing.T, merge any, opts ...Option)                                 {}
func CheckMorphism[A, B any](t *testing.T, f func(A) B, opts ...Option)             {}
func CheckMonotone[A, B any](t *testing.T, f func(A) B, opts ...Option)             {}
