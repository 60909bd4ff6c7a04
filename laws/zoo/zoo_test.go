package zoo_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/zoo"
)

// full has the tests run the numbers of cases and seeds that the project's figures
// are about; without it they run a share of them.
var full = flag.Bool("zoo.full", os.Getenv("ZOO_FULL") != "", "run the gallery with 100 seeds and 10,000 cases")

// scaled is the whole number under -zoo.full and the share of it otherwise.
func scaled(whole, share int) int {
	if *full {
		return whole
	}
	return share
}

// entries are those of the gallery. What they exhaust takes a while to make.
var entries = sync.OnceValue(zoo.Entries)

// ran is what comes of running an entry in 200 cases from a seed, which is done once.
func ran(e zoo.Entry, seed uint64) zoo.Result {
	at := runOf{e.ID, seed}
	if _, ok := runs[at]; !ok {
		runs[at] = e.Run(seed, 200)
	}
	return runs[at]
}

type runOf struct {
	id   string
	seed uint64
}

var runs = make(map[runOf]zoo.Result)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

func TestGalleryIsComplete(t *testing.T) {
	var ids []string
	for _, e := range zoo.Entries() {
		ids = append(ids, e.ID)
		assert.NotEmpty(t, e.Where, e.ID)
		assert.NotEmpty(t, e.Defect, e.ID)
		assert.NotNil(t, e.Faulty.Exhaust, e.ID)
		assert.NotNil(t, e.Correct.Exhaust, e.ID)
	}
	assert.Equal(t, strings.Fields("L1 L2 L3 L4 L5 L6 L7 L8 L9 L10 L11 H1 H2 H3 H4 H5 H6 H7 H8 H9 H10 H11 H12 H13 H14 H15 H16 H17 H18 H19 H20 H21"), ids)
}

// The smallest counterexamples, as reported.
func TestCounterexamples(t *testing.T) {
	text := ""
	for _, e := range entries() {
		text += e.ID + ": " + e.Defect + "\n" + ran(e, 1).Counterexample + "\n"
	}
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile("testdata/counterexamples.txt", []byte(text), 0o644))
		return
	}
	want, err := os.ReadFile("testdata/counterexamples.txt")
	require.NoError(t, err, "make it with go test -update")
	assert.Equal(t, string(want), text)
}

func TestEveryEntryIsKilledByItsLaw(t *testing.T) {
	for _, e := range entries() {
		t.Run(e.ID, func(t *testing.T) {
			for seed := range uint64(scaled(100, 2)) {
				r := ran(e, seed)
				require.NoError(t, r.Err)
				assert.True(t, r.Killed, "seed %d: killed by %v, not by %s", seed, r.KilledBy, e.Law)
				assert.True(t, r.CorrectClean, "seed %d: %s", seed, r.Complaint)
				assert.LessOrEqual(t, r.Cases, 200)
				assert.Contains(t, r.Counterexample, "where")
			}
		})
	}
}

func TestEveryEntryIsKilledExhaustively(t *testing.T) {
	for _, e := range entries() {
		t.Run(e.ID, func(t *testing.T) {
			r := e.Exhaust()
			require.NoError(t, r.Err)
			assert.True(t, r.Killed, "killed by %v, not by %s", r.KilledBy, e.Law)
			assert.True(t, r.CorrectClean, "%s", r.Complaint)
		})
	}
}

// Correct twins raise no false alarm in a long random run either.
func TestTwinsAreClean(t *testing.T) {
	cases := scaled(10_000, 300)
	for _, e := range entries() {
		t.Run(e.ID, func(t *testing.T) {
			r := e.Correct.Run(laws.RunOptions{Seed: 99, Cases: cases})
			assert.True(t, r.OK(), "%v", r)
		})
	}
}

// The defects are those that were published, value by value.
func TestPublishedValues(t *testing.T) {
	l11 := lattice.DominatingPairOf[zoo.Clock](zoo.Clocks(), lattice.SetOf[string]())
	at := func(p, q int, v string) zoo.Stamped {
		return zoo.Stamped{First: zoo.Clock{p, q}, Second: map[string]struct{}{v: {}}}
	}
	a, b, c := at(1, 0, "x"), at(0, 1, "y"), at(2, 0, "z")
	left := lattice.Join(l11, lattice.Join(l11, a, b), c)
	right := lattice.Join(l11, a, lattice.Join(l11, b, c))
	assert.Contains(t, left.Second, "x")
	assert.NotContains(t, right.Second, "x")
}

// The laws find the published counterexample of L11, a=[1,0], b=[0,1], c=[2,0],
// and shrink to it from whatever they met first.
func TestL11ShrinksToThePublishedCounterexample(t *testing.T) {
	const published = `law semilattice/associative does not hold
    (a ⊔ b) ⊔ c = a ⊔ (b ⊔ c)
left   (a ⊔ b) ⊔ c = lattice.Pair[zoo.Clock,map[string]struct{}]{First: zoo.Clock{2, 1}, Second: map[string]struct{}{"w01": {}, "w10": {}, "w20": {}}}
right  a ⊔ (b ⊔ c) = lattice.Pair[zoo.Clock,map[string]struct{}]{First: zoo.Clock{2, 1}, Second: map[string]struct{}{"w01": {}, "w20": {}}}
where
    a = lattice.Pair[zoo.Clock,map[string]struct{}]{First: zoo.Clock{1, 0}, Second: map[string]struct{}{"w10": {}}}
    b = lattice.Pair[zoo.Clock,map[string]struct{}]{First: zoo.Clock{0, 1}, Second: map[string]struct{}{"w01": {}}}
    c = lattice.Pair[zoo.Clock,map[string]struct{}]{First: zoo.Clock{2, 0}, Second: map[string]struct{}{"w20": {}}}
`
	e, ok := zoo.Find("l11")
	require.True(t, ok)
	for seed := range uint64(scaled(100, 4)) {
		r := e.Run(seed, 200)
		require.True(t, r.Killed)
		counterexample, _, _ := strings.Cut(r.Counterexample, "found")
		assert.Equal(t, published, counterexample, "seed %d", seed)
	}
}

// Each entry is killed within 200 cases whatever the seed, ties and early-outs
// within five at the median, and nearly every seed ends at a counterexample of the
// least size that any seed found.
func TestDetection(t *testing.T) {
	quick := map[string]bool{"L6": true, "L7": true, "L8": true, "L10": true, "H5": true, "H19": true}
	table := zoo.Detection(laws.DetectOptions{Seeds: scaled(100, 6), Cases: 200})
	t.Logf("\n%v", table)
	require.Len(t, table.Rows, len(zoo.Entries()))
	for _, r := range table.Rows {
		require.NoError(t, r.Err)
		assert.Equal(t, r.Seeds, r.Found, "%s: %s", r.Mutant, r.Law)
		assert.LessOrEqual(t, r.Max, 200, r.Mutant)
		assert.GreaterOrEqual(t, float64(r.Least), 0.95*float64(r.Found), "%s: sizes %v", r.Mutant, r.Sizes)
		if quick[r.Mutant] {
			assert.LessOrEqual(t, r.Median, 10, r.Mutant)
		}
	}
}

func ExampleFind() {
	e, _ := zoo.Find("L7")
	fmt.Println(e.Where)
	fmt.Println(e.Defect)
	r := e.Run(1, 100)
	fmt.Println(r.Killed, r.Law, r.CorrectClean)
	// Output:
	// Anna, last writer wins
	// ≥ on timestamps: of two writes at one time the one that arrives is taken
	// true semilattice/commutative true
}
