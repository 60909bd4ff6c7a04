package laws_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/laws"
)

// shouted has a method Equal of a form that is the equality of no type.
type shouted string

func (c shouted) Equal(text string) bool { return strings.EqualFold(string(c), text) }

type labelled struct{ Label shouted }

// A method Equal that takes no part in the equality of states is named.
func TestIgnoredEqualIsNamed(t *testing.T) {
	longest := func(a, b labelled) labelled {
		if len(a.Label) > len(b.Label) || len(a.Label) == len(b.Label) && a.Label >= b.Label {
			return a
		}
		return b
	}
	named := laws.IgnoredBy(laws.Func(longest))
	assert.Equal(t, []string{"not the equality of its type, which is that of structure: method Equal of laws_test.shouted: func(string) bool; laws.Equal says which states are equal"}, named)
	own := laws.Equal(func(a, b labelled) bool { return a.Label.Equal(string(b.Label)) })
	assert.Empty(t, laws.IgnoredBy(laws.Func(longest, own)))
}
