package deep_test

import (
	"log"
	"reflect"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/laws/internal/deep"
)

// Entries of maps are compared where both have them; that one has more is a part too.
func TestPartsOfMaps(t *testing.T) {
	type state struct{ Docs map[string]int }
	got := map[string]bool{}
	deep.Parts(&state{map[string]int{"a": 1, "b": 2}}, &state{map[string]int{"a": 1, "c": 3}}, func(path string, equal bool) { got[path] = equal })
	assert.Equal(t, map[string]bool{".Docs[]": true, "the keys of .Docs": false}, got)
}

// What is kept is looked for in types that refer to themselves, too.
func TestKeptPathOfRecursiveTypes(t *testing.T) {
	type node struct {
		Next *node
		V    int
	}
	_, _, kept := deep.KeptPath(reflect.TypeFor[node]())
	assert.False(t, kept)
	type watched struct {
		Mu   sync.Mutex
		Next *watched
		Log  *log.Logger
	}
	path, name, kept := deep.KeptPath(reflect.TypeFor[watched]())
	assert.True(t, kept)
	assert.Equal(t, ".Log", path)
	assert.Equal(t, "*log.Logger", name)
}

func TestLiteralOfSyncMap(t *testing.T) {
	var m sync.Map
	m.Store("key", "kept")
	text := deep.LiteralBox(&m)
	assert.Contains(t, text, "key")
	assert.Contains(t, text, "kept")
}
