package merges

import (
	"errors"
	"strings"

	"github.com/joinery-go/joinery/lattice"
)

type (
	Shelf      map[string]int
	Book       struct{ Page int }
	Clock      struct{ Time int }
	Counter    struct{ N int }
	Gauge      struct{ N int }
	Tally      struct{ N int }
	Log        struct{ N int }
	List       struct{ N int }
	Span       struct{ N int }
	Span2      struct{ N int }
	Box[T any] struct{ V T }
	Note       struct{ Text string }
)

func Merge(a, b Shelf) Shelf { return a } // want `Merge merges Shelf, and no test of the package checks its laws: laws.CheckMerge does in one line`

func mergeBooks(dst *Book, delta Book) { dst.Page = max(dst.Page, delta.Page) } // want `mergeBooks merges Book, .* laws.CheckMergeIn`

func joinClocks(dst *Clock, delta Clock) bool { return false } // want `joinClocks merges Clock`

func JoinNotes(a, b *Note) *Note { return a } // want `JoinNotes merges Note`

func (c *Counter) Merge(o Counter) error { return errors.New("never") } // want `Counter.Merge merges Counter, .* laws.CheckMethod`

func (g *Gauge) Merge(o *Gauge) (Gauge, error) { return *g, nil } // want `Gauge.Merge merges Gauge`

func (t *Tally) Merge(o Tally) bool { return false } // want `Tally.Merge merges Tally`

func (l Log) Merge(o Log) Log { return l } // want `Log.Merge merges Log`

func (l *List) MergeFrom(o *List) { l.N = max(l.N, o.N) } // want `List.MergeFrom merges List`

func (s *Span) Join(o Span) { s.N = max(s.N, o.N) } // want `Span.Join merges Span`

func (s *Span2) MergeIn(o Span2) (grew bool) { return false } // want `Span2.MergeIn merges Span2`

func (b *Box[T]) Merge(o *Box[T]) { b.V = o.V } // want `Box.Merge merges Box`

type largest struct{}

func (largest) MergeIn(target *int, delta int) bool { return false } // want `largest.MergeIn merges states, .* laws.Check does`
func (largest) Compare(a, b int) lattice.Order      { return 0 }
func (largest) Clone(v int) int                     { return v }

// Largest is named by a test that checks no law.
func Largest() lattice.Merge[int] { return largest{} }

// What follows is checked, or is no merge.

type Kept struct{ N int }

func MergeKept(a, b Kept) Kept { return a }

type Held struct{ N int }

func (h *Held) Merge(o Held) error { return nil }

type smallest struct{}

func (smallest) MergeIn(target *int, delta int) bool { return false }
func (smallest) Compare(a, b int) lattice.Order      { return 0 }
func (smallest) Clone(v int) int                     { return v }

func Smallest() lattice.Merge[int] { return smallest{} }

// Least is what tests know smallest2 by.
var Least lattice.Merge[int] = smallest2{}

type smallest2 struct{}

func (smallest2) MergeIn(target *int, delta int) bool { return false }
func (smallest2) Compare(a, b int) lattice.Order      { return 0 }
func (smallest2) Clone(v int) int                     { return v }

type Deep struct{ N int }

func mergeDeep(dst *Deep, delta Deep) { dst.N = max(dst.N, delta.N) }

// Absorb is the door of mergeDeep.
func (d *Deep) Absorb(o Deep) { mergeDeep(d, o) }

type Helped struct{ N int }

func MergeHelped(a, b Helped) Helped { return a }

type absent struct{}

func (absent) MergeIn(*int, int) bool         { return false }
func (absent) Compare(a, b int) lattice.Order { return 0 }
func (absent) Clone(v int) int                { return v }

type Trusted struct{ N int }

//joinery:vetted it is checked by the tests of the package that makes it
func MergeTrusted(a, b Trusted) Trusted { return a }

func mergeSorted(a, b []int) []int { return append(a, b...) }

func joinWords(a, b string) string { return strings.Join([]string{a, b}, " ") }

func mergeErrors(a, b error) error { return errors.Join(a, b) }

func joinAll(a, b Kept, more ...Kept) Kept { return a }

type Merger interface{ Merge(o Merger) error }

func (n Note) Join(sep string) string { return n.Text + sep }

func merged(a, b Kept) bool { return a == b }
