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
// unless it was made dense. The precisions are small, so that sketches of hundreds pass
// from one form to the other.
func drawSketch(precisions ...uint8) *rapid.Generator[*hyperloglog.Sketch] {
	return rapid.Custom(func(t *rapid.T) *hyperloglog.Sketch {
		s, err := hyperloglog.NewSketch(rapid.SampledFrom(precisions).Draw(t, "precision"), rapid.Bool().Draw(t, "sparse"))
		if err != nil {
			t.Fatal(err)
		}
		first := rapid.IntRange(0, 200).Draw(t, "first")
		last := first + rapid.IntRange(0, 150).Draw(t, "users")
		for user := first; user < last; user++ {
			s.Insert(fmt.Append(nil, "user-", user))
		}
		return s
	})
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
	laws.CheckMethod(t, (*hyperloglog.Sketch).Merge, drawSketch(7), laws.Equal(sameSketch), laws.Clone((*hyperloglog.Sketch).Clone), cases())
}

// Sketches of different precisions refuse each other.
func TestHyperLogLogRefuses(t *testing.T) {
	laws.CheckMethod(t, (*hyperloglog.Sketch).Merge, drawSketch(5, 7), laws.Equal(sameSketch), laws.Clone((*hyperloglog.Sketch).Clone), laws.MayRefuse(), cases())
}
