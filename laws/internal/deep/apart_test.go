package deep

import (
	"reflect"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// leaves is a state that refers to a few pieces of memory, and has room for one of its
// references to lead into itself.
type leaves struct {
	Tags  map[string]int
	Bytes []byte
	Count *int64
	More  []byte
	Own   int64
	Room  [4]byte
}

// Law: copying without a graph is copying with one, wherever it agrees to copy; and it
// agrees exactly where no two references lead to the same memory.
func TestCopiesWithoutAGraph(t *testing.T) {
	of := Of(reflect.TypeFor[leaves]())
	require.True(t, of.leafy)
	agreed, declined := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		v, apart := drawLeaves(t)
		var fast, slow leaves
		src := unsafe.Pointer(v)
		did := of.copyApart(unsafe.Pointer(&fast), src)
		require.Equal(t, apart, did, "%+v", v)
		if !did {
			declined++
			require.Equal(t, leaves{}, fast, "left alone")
			of.CloneAt(unsafe.Pointer(&fast), src)
		} else {
			agreed++
		}
		(&copier{}).copy(of, unsafe.Pointer(&slow), src)
		for _, copied := range []*leaves{&fast, &slow} {
			isomorphic(t, reflect.ValueOf(v).Elem(), reflect.ValueOf(copied).Elem())
			require.Equal(t, *v, *copied)
			require.Equal(t, cap(v.Bytes), cap(copied.Bytes))
			require.Equal(t, v.Bytes[:cap(v.Bytes)], copied.Bytes[:cap(copied.Bytes)], "also beyond the length")
		}
	})
	if !testing.Short() {
		assert.Greater(t, agreed, 10)
		assert.Greater(t, declined, 10)
	}
}

// drawLeaves draws a state, and says whether its references lead to memory of their own.
func drawLeaves(t *rapid.T) (v *leaves, apart bool) {
	v, apart = new(leaves), true
	if rapid.Bool().Draw(t, "tags") {
		v.Tags = rapid.MapOfN(rapid.SampledFrom([]string{"a", "b"}), rapid.Int(), 0, 2).Draw(t, "Tags")
	}
	array := []byte("abcdefgh")
	from := rapid.IntRange(0, 4).Draw(t, "from")
	v.Bytes = array[from : from+rapid.IntRange(0, 4).Draw(t, "len") : 8]
	switch rapid.SampledFrom([]string{"nil", "apart", "window", "adjacent", "itself"}).Draw(t, "more") {
	case "apart":
		v.More = []byte("xyz")
	case "window":
		v.More, apart = array[6:7], false
	case "adjacent":
		v.More = array[:from:from]
	case "itself":
		v.More, apart = v.Room[1:3], false
	}
	switch rapid.SampledFrom([]string{"nil", "apart", "itself"}).Draw(t, "count") {
	case "apart":
		v.Count = new(int64)
		*v.Count = 7
	case "itself":
		v.Count, apart = &v.Own, false
	}
	return v, apart
}

func TestWhichTypesAreCopiedWithoutAGraph(t *testing.T) {
	type five struct{ A, B, C, D, E *int }
	for _, c := range []struct {
		t     reflect.Type
		leafy bool
	}{
		{reflect.TypeFor[map[string]struct{}](), true},
		{reflect.TypeFor[[]int](), true},
		{reflect.TypeFor[*string](), true},
		{reflect.TypeFor[[4]*int](), true},
		{reflect.TypeFor[map[string][]int](), false},
		{reflect.TypeFor[map[*int]int](), false},
		{reflect.TypeFor[[][]int](), false},
		{reflect.TypeFor[**int](), false},
		{reflect.TypeFor[any](), false},
		{reflect.TypeFor[[]struct{}](), false},
		{reflect.TypeFor[five](), false},
	} {
		assert.Equal(t, c.leafy, Of(c.t).leafy, "%v", c.t)
	}
}
