package eval

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

type named struct{ name []byte }

func (n *named) id() []byte { return n.name }

// TestKeyedIsAMap: a keyed table holds what a map does, whatever comes and goes, and is
// no larger than what it holds asks for.
func TestKeyedIsAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	k, twin := newKeyed[*named](), map[string]*named{}
	for round := range 40 {
		grow := round%4 < 2 // then shrink, down to a few
		for range 500 {
			key := strconv.Itoa(r.IntN(1_000))
			got, hash := k.find([]byte(key))
			require.Same(t, twin[key], got)
			switch {
			case got == nil && grow:
				n := &named{[]byte(key)}
				k.put(n, hash)
				twin[key] = n
			case got != nil && !grow:
				k.drop(got)
				delete(twin, key)
			}
		}
		require.Equal(t, len(twin), k.n)
		require.LessOrEqual(t, 4*k.n, 3*len(k.slots))
		require.LessOrEqual(t, len(k.slots), max(minSlots, 8*(k.n+1)))
		all := slices.Collect(k.all)
		require.Len(t, all, len(twin))
		for _, n := range all {
			require.Same(t, twin[string(n.name)], n)
		}
	}
	for key, n := range twin {
		got, _ := k.find([]byte(key))
		require.Same(t, n, got)
		k.drop(n)
	}
	assert.Zero(t, k.n)
	assert.Len(t, k.slots, minSlots)
}

// TestContentsStay: what a host was told does not change when the machine goes on and
// uses the memory of what was deleted for something else.
func TestContentsStay(t *testing.T) {
	p, err := el.Parse(`.decl feed(k: number) input
.decl drop(k: number) input
.decl log(k: number) table
.decl chn(@to: node, k: number) channel
log(k) :- feed(k).
chn(@1, k) @async :- log(k).
log(k) @delete :- log(k), drop(k).
`)
	require.NoError(t, err)
	m, err := New(p, Options{})
	require.NoError(t, err)
	tick := func(collection string, k int64) {
		t.Helper()
		require.NoError(t, m.Tick(Events{Inputs: []Fact{{collection, el.Tuple{el.Number(k)}}}}))
	}
	tick("feed", 1)
	contents, durable, sends, came := m.Contents("log"), m.Durable(), m.Sends(), m.NewSends()
	tick("drop", 1)
	for k := range int64(20) {
		tick("feed", 100+k)
	}
	require.Len(t, m.Contents("log"), 20)
	assert.Equal(t, []el.Tuple{{el.Number(1)}}, contents)
	assert.Equal(t, []Fact{{"log", el.Tuple{el.Number(1)}}}, durable)
	assert.Equal(t, []Fact{{"chn", el.Tuple{el.Node(1), el.Number(1)}}}, sends)
	assert.Equal(t, sends, came)
}
