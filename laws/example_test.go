package laws_test

import (
	"encoding/binary"
	"fmt"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// A merge of one's own, checked outside of go test. Inside, one line does it:
//
//	laws.CheckMerge(t, newest, rapid.Custom(drawPost))
func Example() {
	type post struct {
		Time int
		Text string
	}
	newest := func(a, b post) post {
		if b.Time >= a.Time {
			return b
		}
		return a
	}
	time, text := gen.Int(0, 1000), gen.String("xyz", 2)
	posts := gen.Gen[post](func(d *gen.Draw) post { return post{time(d), text(d)} })
	report := laws.Run(laws.Func(newest), gen.Mixed(posts, newest, nil), laws.RunOptions{Seed: 1})
	fmt.Println(report.Failing())
	res, _ := report.Result("semilattice/commutative")
	fmt.Print(res.Failure)
	// Output:
	// [semilattice/commutative]
	// law semilattice/commutative does not hold
	//     a ⊔ b = b ⊔ a
	// left   a ⊔ b = laws_test.post{Text: "x"}
	// right  b ⊔ a = laws_test.post{}
	// where
	//     a = laws_test.post{}
	//     b = laws_test.post{Text: "x"}
	// found  case 7 of seed 1
}

// A merge of one's own in five lines.
func ExampleRun() {
	arrived := func(_, b string) string { return b }
	words := gen.String("ab", 2)
	report := laws.Run(laws.Func(arrived), gen.Mixed(words, arrived, nil), laws.RunOptions{Seed: 1})
	res, _ := report.Result("semilattice/commutative")
	fmt.Println(report.Failing(), res.Failure.Where)
	// Output:
	// [semilattice/commutative] [{a ""} {b "a"}]
}

// A type of one's own, with generators, deltas and a codec: the votes counted at
// each of three polling stations. Deltas are checked over histories of updates, and
// the codec over the states that these reach, in thirty lines.
type votes [gen.Replicas]uint32

type votesMerge struct{}

func (votesMerge) MergeIn(t *votes, d votes) (grew bool) {
	for i, n := range d {
		grew, t[i] = grew || n > t[i], max(t[i], n)
	}
	return grew
}

func (votesMerge) Compare(a, b votes) (o lattice.Order) {
	o = lattice.Equal
	for i := range a {
		o &= lattice.Max[uint32]().Compare(a[i], b[i])
	}
	return o
}

func (votesMerge) Clone(v votes) votes { return v }

func (votesMerge) Caps() lattice.Caps[votes] {
	return lattice.Caps[votes]{
		Bottom: func() votes { return votes{} },
		Append: func(dst []byte, v votes) []byte {
			for _, n := range v {
				dst = binary.BigEndian.AppendUint32(dst, n)
			}
			return dst
		},
		Decode: func(src []byte) (v votes, rest []byte, err error) {
			n, err := binary.Decode(src, binary.BigEndian, &v)
			return v, src[n:], err
		},
	}
}

func ExampleRegisterUpdates() {
	counting := gen.Updates[votes, uint32]{
		Start: func() votes { return votes{} }, Ops: gen.Int[uint32](1, 3),
		Delta: func(s votes, station int, n uint32) (d votes) { d[station] = s[station] + n; return d },
		Apply: func(s votes, station int, n uint32) votes { s[station] += n; return s },
	}
	entry := laws.RegisterUpdates("votes", votesMerge{}, counting)
	fmt.Print(laws.Markdown(laws.Rows([]laws.Entry{entry}, laws.MatrixOptions{Seed: 1, Only: "updates"})))
	fmt.Print(laws.Markdown(laws.Rows([]laws.Entry{entry}, laws.MatrixOptions{Seed: 1, Only: "codec"})))
	// Output:
	// | merge | updates |
	// |---|---|
	// | votes | sampled(500) |
	// | merge | codec |
	// |---|---|
	// | votes | sampled(500) |
}

// Every tuple of the eight subsets of three elements.
func ExampleExhaust() {
	report := laws.Exhaust(laws.Order(lattice.SetOf[string]()), gen.Subsets("x", "y", "z"))
	fmt.Print(report)
	// Output:
	// order: every tuple of 8 states
	//   order/agrees                 passed           64 cases, 64 exercised
	//   order/dual                   passed           64 cases, 64 exercised
	//   order/antisymmetric          passed           64 cases, 8 exercised
	//   order/transitive             passed           512 cases, 64 exercised
	//   order/upper-bound            passed           64 cases, 64 exercised
	//   order/least                  passed           512 cases, 125 exercised
}

// A law of one's own, added to a set.
func ExampleAdd() {
	m := lattice.MapOf[string](lattice.Max[int]())
	grows := laws.Law[map[string]int]{
		ID: "mine/keys-stay", Statement: "a ⊔ b has at least as many keys as a", Arity: 2,
		Eval: func(p *laws.Probe[map[string]int], x []map[string]int) laws.Outcome {
			if len(p.Join(x[0], x[1])) < len(x[0]) {
				return laws.Fails
			}
			return laws.Holds
		},
		Explain: func(p *laws.Probe[map[string]int], x []map[string]int) laws.Sides {
			return laws.Sides{LeftExpr: "a ⊔ b", Left: p.Show(p.Join(x[0], x[1])), RightExpr: "a", Right: p.Show(x[0])}
		},
	}
	report := laws.Exhaust(laws.Add(laws.Semilattice(m), grows), gen.Maps([]string{"x", "y"}, gen.Range(1, 2)))
	for _, r := range report.Results {
		fmt.Println(r.Law, r.Status, r.Cases)
	}
	// Output:
	// semilattice/associative passed 729
	// semilattice/commutative passed 81
	// semilattice/idempotent passed 9
	// mine/keys-stay passed 81
}
