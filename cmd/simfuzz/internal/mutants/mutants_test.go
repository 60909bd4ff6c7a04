package mutants_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants"
)

const toyModule = "example.org/toy"

func parse(t *testing.T, text string) mutants.Mutant {
	t.Helper()
	m, err := mutants.Parse("m", []byte(text))
	require.NoError(t, err)
	return m
}

func TestParse(t *testing.T) {
	m := parse(t, "doc: keeps the first\nfile: proto/proto.go\noracle: a, b\n-- search --\nreturn a\n\n-- replace --\nreturn b\n")
	assert.Equal(t, mutants.Mutant{
		Name: "m", Doc: "keeps the first", File: "proto/proto.go", Oracles: []string{"a", "b"},
		Search: "return a\n", Replace: "return b",
	}, m)
	assert.True(t, m.Expects("b"))
	assert.False(t, m.Expects("c"))
	assert.True(t, mutants.Mutant{}.Expects("c"))

	const head, tail = "doc: d\nfile: p.go\n", "-- search --\nx\n-- replace --\ny\n"
	for name, text := range map[string]string{
		"nothing":       "",
		"no doc":        "file: p.go\n" + tail,
		"no file":       "doc: d\n" + tail,
		"no value":      "doc:\nfile: p.go\n" + tail,
		"no field":      "hello\n" + head + tail,
		"unknown field": "who: me\n" + head + tail,
		"doc twice":     "doc: e\n" + head + tail,
		"no replace":    head + "-- search --\nx\n",
		"wrong order":   head + "-- replace --\ny\n-- search --\nx\n",
		"empty search":  head + "-- search --\n-- replace --\ny\n",
		"no change":     head + "-- search --\nx\n-- replace --\nx\n",
		"test file":     "doc: d\nfile: p_test.go\n" + tail,
		"outside":       "doc: d\nfile: ../p.go\n" + tail,
		"no Go file":    "doc: d\nfile: p.txt\n" + tail,
	} {
		_, err := mutants.Parse("m", []byte(text))
		assert.ErrorIs(t, err, mutants.ErrMalformed, name)
	}
}

func TestLoad(t *testing.T) {
	const text = "doc: d\nfile: p.go\n-- search --\nx\n-- replace --\ny\n"
	list, err := mutants.Load(fstest.MapFS{
		"set/zeta.txt": {Data: []byte(text)}, "set/alpha.txt": {Data: []byte(text)}, "set/FORMAT.md": {},
	}, "set")
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, "alpha", list[0].Name)
	_, err = mutants.Load(fstest.MapFS{"set/bad.txt": {Data: []byte("x")}}, "set")
	require.ErrorIs(t, err, mutants.ErrMalformed)
	assert.ErrorContains(t, err, "set/bad.txt")
}

// TestShippedApply holds every shipped mutant's pattern against the source as it
// stands, so that a change of the source cannot silently disarm one.
func TestShippedApply(t *testing.T) {
	root, err := mutants.Checkout(".", "github.com/joinery-go/joinery")
	require.NoError(t, err)
	list, err := mutants.Shipped()
	require.NoError(t, err)
	for _, m := range list {
		_, err := m.Apply(root)
		assert.NoError(t, err)
	}
	t.Logf("%d mutants apply", len(list))
}

func TestCheckout(t *testing.T) {
	root, err := mutants.Checkout(filepath.Join("testdata", "toy", "proto"), toyModule)
	require.NoError(t, err)
	assert.Equal(t, "toy", filepath.Base(root))
	_, err = mutants.Checkout(t.TempDir(), toyModule)
	require.ErrorIs(t, err, mutants.ErrNoCheckout)
	_, err = mutants.Open(t.Context(), t.TempDir(), toyModule, "./cmd/toy")
	require.ErrorIs(t, err, mutants.ErrNoCheckout)
}

func open(t *testing.T) *mutants.Builder {
	t.Helper()
	if testing.Short() {
		t.Skip("builds programs; skipped by -short")
	}
	w, err := mutants.Open(t.Context(), filepath.Join("testdata", "toy"), toyModule, "./cmd/toy")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	return w
}

// toy makes a mutant of the toy's merge.
func toy(search, replace string, oracles ...string) mutants.Mutant {
	return mutants.Mutant{Name: "toy", Doc: "d", File: "proto/proto.go", Oracles: oracles, Search: search, Replace: replace}
}

func TestBuild(t *testing.T) {
	w := open(t)
	before, err := os.ReadFile(filepath.Join("testdata", "toy", "proto", "proto.go"))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		mutant mutants.Mutant
		want   error
	}{
		"matches nowhere":  {toy("a > b", "a < b"), mutants.ErrPattern},
		"matches twice":    {toy("return", "panic"), mutants.ErrPattern},
		"does not compile": {toy("a < b", "a <<< b"), mutants.ErrBuild},
		"dead code":        {toy("return 1", "return 2"), mutants.ErrNoEffect},
		"comment only":     {toy("must not depend", "may not depend"), mutants.ErrNoEffect},
		"no such file":     {mutants.Mutant{Name: "m", File: "gone.go", Search: "x", Replace: "y"}, os.ErrNotExist},
	} {
		_, err := w.Build(t.Context(), c.mutant)
		assert.ErrorIs(t, err, c.want, name)
	}
	_, err = w.Build(t.Context(), toy("a < b", "a > b"))
	require.NoError(t, err)
	after, err := os.ReadFile(filepath.Join("testdata", "toy", "proto", "proto.go"))
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after), "the checkout stays as it is")
}

func TestFuzz(t *testing.T) {
	w := open(t)
	fuzz := func(m mutants.Mutant, c mutants.CampaignOptions) (mutants.Campaign, error) {
		t.Helper()
		program, err := w.Build(t.Context(), m)
		require.NoError(t, err)
		return w.Fuzz(t.Context(), m, program, c)
	}
	all := mutants.CampaignOptions{Seed: 5, Seeds: 50}

	t.Run("killed", func(t *testing.T) {
		h, err := fuzz(toy("return b", "return a", "upper-bound", "commutative"), all)
		require.NoError(t, err)
		assert.True(t, h.Killed(), "%+v", h)
		assert.Equal(t, "commutative", h.Oracle)
		assert.Equal(t, uint64(6), h.Seed, "seed 5 merges equal numbers")
		assert.Equal(t, int64(2), h.Seeds)
	})
	t.Run("another oracle", func(t *testing.T) {
		h, err := fuzz(toy("a < b", "a > b", "commutative"), all)
		require.NoError(t, err)
		assert.Equal(t, "upper-bound", h.Oracle)
		assert.False(t, h.Found)
		assert.False(t, h.Killed())
	})
	t.Run("survives", func(t *testing.T) {
		h, err := fuzz(toy("a < b", "a <= b"), all)
		require.NoError(t, err)
		assert.False(t, h.Killed())
		assert.Equal(t, int64(50), h.Seeds)
	})
	t.Run("does not repeat", func(t *testing.T) {
		h, err := fuzz(mutants.Mutant{
			Name: "m", File: "cmd/toy/main.go",
			Search: "x, y := proto.Merge(a, b), proto.Merge(b, a)", Replace: "x, y := proto.Merge(os.Getpid(), a), 0",
		}, all)
		require.NoError(t, err)
		assert.True(t, h.Found)
		assert.False(t, h.Replays, "another process, another trace")
		assert.False(t, h.Killed())
	})
	t.Run("a crash is no kill", func(t *testing.T) {
		_, err := fuzz(toy("return b", `panic("oh")`), all)
		require.ErrorIs(t, err, mutants.ErrCrashed)
	})
	t.Run("interrupted", func(t *testing.T) {
		m := toy("a < b", "a > b")
		program, err := w.Build(t.Context(), m)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = w.Fuzz(ctx, m, program, all)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestTrials(t *testing.T) {
	w := open(t)
	tries := func(m mutants.Mutant, count int, apart bool) mutants.Trials {
		t.Helper()
		program, err := w.Build(t.Context(), m)
		require.NoError(t, err)
		found, err := w.Trials(t.Context(), m, program, mutants.CampaignOptions{Seed: 5, Seeds: 10}, count, apart)
		require.NoError(t, err)
		return found
	}
	// Of five seeds in a row, the toy's merge has unequal numbers in four.
	got := tries(toy("return b", "return a", "commutative"), 8, false)
	assert.Equal(t, mutants.Trials{Needed: []int64{1, 1, 1, 1, 1, 1, 2, 2}}, got)
	median, found := got.Median()
	assert.True(t, found)
	assert.Equal(t, int64(1), median)
	got = tries(toy("return b", "return a", "commutative"), 5, true)
	assert.Equal(t, mutants.Trials{Needed: []int64{1, 1, 1, 1, 2}}, got, "each from a seed of its own")

	missed := tries(toy("a < b", "a <= b"), 20, false)
	assert.Equal(t, mutants.Trials{Missed: 3}, missed, "given up")
	_, found = missed.Median()
	assert.False(t, found)
	_, found = mutants.Trials{Needed: []int64{4}, Missed: 2}.Median()
	assert.False(t, found, "most trials missed it")
	median, found = mutants.Trials{Needed: []int64{4, 6}, Missed: 1}.Median()
	assert.True(t, found)
	assert.Equal(t, int64(6), median)
}
