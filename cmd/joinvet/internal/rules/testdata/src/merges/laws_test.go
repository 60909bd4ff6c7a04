package merges_test

import (
	"testing"

	check "github.com/joinery-go/joinery/laws"

	"merges"
)

func TestKept(t *testing.T) { check.CheckMerge(t, merges.MergeKept) }

func TestHeld(t *testing.T) { check.CheckMethod(t, (*merges.Held).Merge) }

var suites = []any{merges.Smallest(), merges.Least}

func TestSuites(t *testing.T) {
	for _, s := range suites {
		check.Check(t, s)
	}
}

func TestDeep(t *testing.T) { check.CheckMethod(t, (*merges.Deep).Absorb) }

// lawful is how the tests of this package check laws.
func lawful[S any](t *testing.T, merge func(a, b S) S) { check.CheckMerge(t, merge) }

func TestHelped(t *testing.T) { lawful(t, merges.MergeHelped) }

func TestDeeper(t *testing.T) { check.CheckMerge(t, merges.MergeDeeper) }
