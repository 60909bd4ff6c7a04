// Package ops has something for every mutation, and every form of function.
package ops

import (
	"errors"
	"strings"
)

const limit = 3

var table = map[string]int{"a": 1, "b": 2}

var ready = setUp()

func setUp() bool { return len(table) == 2 }

func init() { table["c"] = limit }

const debug = false

const unused = 4

// Pair is two numbers.
type Pair struct {
	A, B int
	Set  bool
}

// List is generic.
type List[T comparable] struct{ items []T }

// Add adds what is not there.
func (l *List[T]) Add(v T) bool {
	for _, x := range l.items {
		if x == v {
			return false
		}
	}
	l.items = append(l.items, v)
	return true
}

// First is generic and returns a type parameter.
func First[T any](list []T) T {
	if len(list) > 0 {
		return list[0]
	}
	var none T
	return none
}

// Ignore has parameters without names, and one that is blank.
func (Pair) Ignore(int, string) int { return 7 }

// Blank has a blank parameter.
func Blank(_ int, b int) int { return b * 2 }

// Sum is variadic.
func Sum(first int, more ...int) (total int) {
	total = first
	for _, m := range more {
		total += m
	}
	if debug {
		total--
	}
	return
}

// Safe recovers.
func Safe(list []int, i int) (v int, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("behind the end")
		}
	}()
	v = list[i]
	return v, nil
}

// Between clamps, and guards an invariant.
func Between(x, low, high int) int {
	if low > high {
		panic("low above high")
	}
	return max(low, min(x, high))
}

// Name names numbers.
func Name(n int) string {
	switch {
	case n < 0:
		return "negative"
	case n == 0:
		return "zero"
	}
	return strings.Repeat("I", n)
}

// Move swaps and sets.
func (p *Pair) Move() Pair {
	old := *p
	p.A, p.B = p.B, p.A
	p.Set = true
	return Pair{A: old.A, B: old.B, Set: p.Set && old.A != old.B}
}

// Minus is not symmetric.
func Minus(a, b int) int { return a - b }

// Apply calls a function for each, and stops at the first error.
func Apply(list []int, f func(int) error) error {
	for i, x := range list {
		if err := f(Minus(x, i)); err != nil {
			return err
		}
	}
	return nil
}

// Middle cuts.
func Middle(s string, n int) string {
	i := n
	if i > len(s) {
		i = len(s)
	}
	return s[i/2 : i]
}

// Twice counts two steps.
func Twice(n int) int {
	n++
	n++
	return n
}

// Sign does not compile without its last case.
func Sign(n int) int {
	switch {
	case n < 0:
		return -1
	default:
		return 1
	}
}

// Reset forgets, and is called for its effect alone.
func (l *List[T]) Reset() {
	clear(l.items)
	l.items = l.items[:0]
}

// Third reads through a pointer to an array.
func Third(p *[4]int, i int) int {
	return p[i]
}

// Make has a literal over several lines.
func Make(a int) Pair {
	return Pair{
		A:   a,
		Set: a > 0,
	}
}
