// Package visits is a small consumer of a log that delivers at least once: it counts who
// visited what, for a dashboard that keeps the largest count it was told. It is a module
// of its own, and checks its own operator in one test.
//
// Built with the tag "wrong", it counts deliveries in place of visits.
package visits

import "maps"

// Visit is an entry of the log. Its ID is the visitor's own.
type Visit struct {
	ID   int
	Page string
}

// Counts is a count for each page.
type Counts map[string]int

// Merge keeps of each page the largest count.
func Merge(a, b Counts) Counts {
	m := maps.Clone(a)
	if m == nil {
		m = Counts{}
	}
	for page, n := range b {
		m[page] = max(m[page], n)
	}
	return m
}
