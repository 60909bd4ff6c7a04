// Package proto is a protocol small enough to break on purpose.
package proto

// Merge joins two counters. It must not depend on their order.
func Merge(a, b int) int {
	if a < b {
		return b
	}
	return a
}

// Unused is called by nobody.
func Unused() int { return 1 }
