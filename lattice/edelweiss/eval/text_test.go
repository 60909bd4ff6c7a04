package eval_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
)

func textProgram(t testing.TB) *el.Program {
	t.Helper()
	text, err := os.ReadFile("testdata/text_crdt.dl")
	require.NoError(t, err)
	return parsed(t, string(text))
}

// name of an element of a text.
type name struct{ c, n int64 }

// tree is the plain twin of the program: elements below those behind which they were
// inserted, read from the left.
type tree struct {
	below map[name][]name
	val   map[name]string
	gone  map[name]bool
	all   []name
}

func newTree() *tree {
	return &tree{below: map[name][]name{}, val: map[name]string{}, gone: map[name]bool{}, all: []name{{}}}
}

func (t *tree) insert(e, behind name) eval.Fact {
	t.val[e] = fmt.Sprintf("%d.%d ", e.c, e.n)
	t.below[behind] = append(t.below[behind], e)
	t.all = append(t.all, e)
	return fact("insert", el.Number(e.c), el.Number(e.n), el.Number(behind.c), el.Number(behind.n), el.Symbol(t.val[e]))
}

func (t *tree) remove(e name) eval.Fact {
	t.gone[e] = true
	return fact("remove", el.Number(e.c), el.Number(e.n))
}

func (t *tree) text() string {
	var b strings.Builder
	var walk func(e name)
	walk = func(e name) {
		if !t.gone[e] {
			b.WriteString(t.val[e])
		}
		kids := slices.Clone(t.below[e])
		slices.SortFunc(kids, func(a, b name) int {
			if a.c != b.c {
				return int(b.c - a.c)
			}
			return int(b.n - a.n)
		})
		for _, k := range kids {
			walk(k)
		}
	}
	walk(name{})
	return b.String()
}

// textOf follows the output from the beginning.
func textOf(m interface{ Contents(string) []el.Tuple }) string {
	next := map[name]el.Tuple{}
	for _, f := range m.Contents("follows") {
		next[name{f[0].Int(), f[1].Int()}] = f
	}
	var b strings.Builder
	for at := (name{}); ; {
		f, ok := next[at]
		if !ok {
			return b.String()
		}
		b.WriteString(f[4].Text())
		at = name{f[2].Int(), f[3].Int()}
	}
}

// TestText edits a text from several nodes at once, and holds it against the tree
// after each timestep.
func TestText(t *testing.T) {
	for seed := range uint64(6) {
		d := rand.New(rand.NewPCG(seed, 3))
		m, err := eval.New(textProgram(t), eval.Options{})
		require.NoError(t, err)
		plain := newTree()
		for tick := range int64(25) {
			var e eval.Events
			for n := range int64(1 + d.IntN(3)) {
				behind := plain.all[d.IntN(len(plain.all))]
				if d.IntN(2) == 0 {
					behind = plain.all[len(plain.all)-1] // as if typed
				}
				e.Inputs = append(e.Inputs, plain.insert(name{tick + 1, n}, behind))
			}
			if k := d.IntN(len(plain.all)); k > 0 && d.IntN(2) == 0 {
				e.Inputs = append(e.Inputs, plain.remove(plain.all[k]))
			}
			require.NoError(t, m.Tick(e))
			require.Equal(t, plain.text(), textOf(m), "seed %d, timestep %d", seed, tick)
		}
	}
}

// typed is a text of n elements, most of them typed behind the one before, one in ten
// elsewhere, and one in eight removed.
func typed(n int) (*tree, eval.Events) {
	d := rand.New(rand.NewPCG(uint64(n), 4))
	plain, e := newTree(), eval.Events{}
	for i := range int64(n) {
		behind := plain.all[len(plain.all)-1]
		if d.IntN(10) == 0 {
			behind = plain.all[d.IntN(len(plain.all))]
		}
		e.Inputs = append(e.Inputs, plain.insert(name{i + 1, i % 3}, behind))
		if d.IntN(8) == 0 {
			e.Inputs = append(e.Inputs, plain.remove(plain.all[1+d.IntN(len(plain.all)-1)]))
		}
	}
	return plain, e
}

// BenchmarkText is the text as a query: all of it in one timestep, and then one
// keystroke at the end and one in the middle.
func BenchmarkText(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		p := textProgram(b)
		plain, all := typed(n)
		whole := func() *eval.Machine {
			m, err := eval.New(p, eval.Options{})
			require.NoError(b, err)
			require.NoError(b, m.Tick(all))
			return m
		}
		b.Run(fmt.Sprintf("whole/n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				whole()
			}
		})
		for _, where := range []string{"end", "middle"} {
			b.Run(fmt.Sprintf("key_at_%s/n=%d", where, n), func(b *testing.B) {
				m := whole()
				require.Equal(b, plain.text(), textOf(m))
				at, c := plain.all[len(plain.all)-1], int64(n)
				if where == "middle" {
					at = plain.all[len(plain.all)/2]
				}
				b.ReportAllocs()
				for b.Loop() {
					c++
					e := name{c, 9}
					require.NoError(b, m.Tick(eval.Events{Inputs: []eval.Fact{fact("insert", el.Number(e.c), el.Number(e.n),
						el.Number(at.c), el.Number(at.n), el.Symbol("x"))}}))
					at = e
				}
			})
		}
	}
}
