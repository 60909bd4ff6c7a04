package deep_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/laws/internal/deep"
)

// A size is what a value holds by each kind of reference, memory that is held twice once.
func TestSizesOfReferences(t *testing.T) {
	const n, enough = 50, 1000
	type block [n]int
	type list struct {
		Next *list
		V    block
	}
	type both struct{ A, B *block }
	type wide struct{ A [2]*block }
	shared := new(block)
	for name, c := range map[string]struct{ got, want int }{
		"pointer":           {deep.Size(new(block), enough), 1 + n},
		"pointer to none":   {deep.Size((*block)(nil), enough), 1},
		"pointers to one":   {deep.Size(both{shared, shared}, enough), 2 + n},
		"pointers to two":   {deep.Size(both{shared, new(block)}, enough), 2 + 2*n},
		"pointers in array": {deep.Size(wide{[2]*block{shared, new(block)}}, enough), 2 + 2*n},
		"chain":             {deep.Size(&list{Next: &list{}}, enough), 1 + 2*(1+n)},
		"slice":             {deep.Size(make([]block, 2), enough), 3 + 2*n},
		"slice of pointers": {deep.Size([]*block{shared, shared}, enough), 3 + 2 + n},
		"box":               {deep.Size(any(block{}), enough), deep.Size(any(0), enough) + n - 1},
		"map":               {deep.Size(map[int]block{1: {}, 2: {}}, enough), 1 + 2*(1+n)},
		"map of strings":    {deep.Size(map[string]int{"seventeen letters": 1}, enough), 1 + 2 + 1 + 3},
		"map of pointers":   {deep.Size(map[int]*block{1: shared, 2: shared}, enough), 1 + 2*2 + n},
	} {
		assert.Equal(t, c.want, c.got, name)
	}
}
