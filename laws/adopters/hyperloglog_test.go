package adopters_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/axiomhq/hyperloglog"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// drawSketch draws a sketch of a range of users, which is sparse while it is small
// unless it was made dense. The precision is small, so that sketches of hundreds pass
// from one form to the other.
func drawSketch(t *rapid.T) *hyperloglog.Sketch {
	s, err := hyperloglog.NewSketch(7, rapid.Bool().Draw(t, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	first := rapid.IntRange(0, 200).Draw(t, "first")
	for user := first; user < first+rapid.IntRange(0, 150).Draw(t, "users"); user++ {
		s.Insert(fmt.Append(nil, "user-", user))
	}
	return s
}

func mergeSketches(a, b *hyperloglog.Sketch) *hyperloglog.Sketch {
	merged := a.Clone()
	if err := merged.Merge(b); err != nil {
		panic(fmt.Sprintf("merge: %v", err))
	}
	return merged
}

// sameSketch compares encodings, of copies that Estimate has compacted: before, equal
// sketches may be encoded differently. Sketches of one estimate need not be equal.
func sameSketch(a, b *hyperloglog.Sketch) bool {
	encoded := func(s *hyperloglog.Sketch) []byte {
		s = s.Clone()
		s.Estimate()
		data, err := s.MarshalBinary()
		if err != nil {
			panic(fmt.Sprintf("marshal: %v", err))
		}
		return data
	}
	return bytes.Equal(encoded(a), encoded(b))
}

func TestHyperLogLogHolds(t *testing.T) {
	laws.CheckMerge(t, mergeSketches, rapid.Custom(drawSketch), laws.Equal(sameSketch), cases())
}

func TestHyperLogLogInPlaceHolds(t *testing.T) {
	mergeIn := func(dst **hyperloglog.Sketch, delta *hyperloglog.Sketch) {
		if err := (*dst).Merge(delta); err != nil {
			panic(fmt.Sprintf("merge: %v", err))
		}
	}
	laws.CheckMergeIn(t, mergeIn, rapid.Custom(drawSketch), laws.Equal(sameSketch), laws.Clone((*hyperloglog.Sketch).Clone), cases())
}
