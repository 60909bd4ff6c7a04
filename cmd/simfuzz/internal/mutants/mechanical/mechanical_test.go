package mechanical_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants/mechanical"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const toyModule = "example.org/toy"

// toy loads packages of the module made for tests.
func toy(t *testing.T, patterns ...string) (root string, list []*mechanical.Package, all []*mechanical.Mutation) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "testdata", "toy"))
	require.NoError(t, err)
	list, err = mechanical.Load(t.Context(), root, patterns...)
	require.NoError(t, err)
	return root, list, mechanical.Mutations(toyModule, list)
}

// Every mutation of a file that has something for each is listed in a golden file.
func TestMutationsGolden(t *testing.T) {
	_, _, all := toy(t, "./ops")
	var text strings.Builder
	kinds := make(map[mechanical.Kind]bool)
	names := make(map[string]bool)
	for _, m := range all {
		kinds[m.Kind] = true
		assert.False(t, names[m.Name], m.Name)
		names[m.Name] = true
		fmt.Fprintf(&text, "%d %s\n  - %s\n  + %s\n", m.Line, m.Name, m.Was, m.Now)
	}
	for _, k := range mechanical.Kinds() {
		assert.True(t, kinds[k], "nothing shows %s", k)
	}
	golden := filepath.Join("testdata", "ops.txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(text.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), text.String(), "with -update it is written anew")
}

// A mutation changes its one place and leaves the rest of the file as it is.
func TestApply(t *testing.T) {
	root, _, all := toy(t, "./ops")
	for _, m := range all {
		clean, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.File)))
		require.NoError(t, err)
		mutant := m.Apply()
		assert.NotEqual(t, string(clean), string(mutant), m.Name)
		before, after := lines(clean), lines(mutant)
		assert.Equal(t, before[:m.Line-1], after[:m.Line-1], m.Name)
		outside := slices.Contains([]string{"limit", "table", "debug", "unused"}, m.Func)
		assert.Equal(t, !outside, m.Switchable(), m.Name)
	}
}

func lines(text []byte) []string { return strings.Split(string(text), "\n") }

// The order depends on the seed alone, and mostly stays when mutations come and go.
func TestOrder(t *testing.T) {
	_, _, all := toy(t, "./ops")
	first := mechanical.Order(all, 1)
	assert.ElementsMatch(t, all, first)
	reversed := append([]*mechanical.Mutation{}, all...)
	for i, j := 0, len(reversed)-1; i < j; i, j = i+1, j-1 {
		reversed[i], reversed[j] = reversed[j], reversed[i]
	}
	assert.Equal(t, first, mechanical.Order(reversed, 1))
	assert.NotEqual(t, first, mechanical.Order(all, 2))
	var want []*mechanical.Mutation
	for _, m := range first {
		if m.Kind != mechanical.Flip {
			want = append(want, m)
		}
	}
	var rest []*mechanical.Mutation
	for _, m := range all {
		if m.Kind != mechanical.Flip {
			rest = append(rest, m)
		}
	}
	assert.Equal(t, want, mechanical.Order(rest, 1))
}

func TestLoadRefusals(t *testing.T) {
	root, _, _ := toy(t, "./ops")
	_, err := mechanical.Load(t.Context(), root, "./no/such/package")
	require.ErrorIs(t, err, mechanical.ErrLoad)
	broken := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(broken, "go.mod"), []byte("module example.org/broken\n\ngo 1.26\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(broken, "b.go"), []byte("package b\n\nvar x int = \"\"\n"), 0o600))
	_, err = mechanical.Load(t.Context(), broken, ".")
	require.ErrorIs(t, err, mechanical.ErrLoad)
}

// Lines of a copy are told from those of the original, which stay where they were.
func TestSchemaLines(t *testing.T) {
	root, list, all := toy(t, "./ops")
	set := make(map[int]*mechanical.Mutation)
	for i, m := range all {
		if m.Switchable() {
			set[i+1] = m
		}
	}
	schema, err := mechanical.NewSchema(root, toyModule, list, set)
	require.NoError(t, err)
	path := filepath.Join(root, "ops", "ops.go")
	clean, err := os.ReadFile(path)
	require.NoError(t, err)
	was, now := lines(clean), lines(schema.Files[path])
	for i, l := range was[:len(was)-1] {
		assert.True(t, now[i] == l || strings.Contains(now[i], "switch joineryMutant {"), "line %d: %s", i+1, now[i])
		_, copied := schema.At(path, i+1)
		assert.False(t, copied, "line %d", i+1)
	}
	seen := make(map[int]bool)
	for i := len(was) - 1; i < len(now); i++ {
		n, ok := schema.At(path, i+1)
		if strings.HasPrefix(now[i], "func ") {
			require.True(t, ok, "line %d: %s", i+1, now[i])
			assert.Contains(t, now[i], fmt.Sprintf("joineryMutant%d", n), "line %d", i+1)
			seen[n] = true
		}
	}
	for n := range set {
		assert.True(t, seen[n], "no copy of %s", set[n].Name)
	}
	assert.True(t, seen[0])
}

const entry = "file: ops/ops.go\nfunc: Name\nkind: flip\nwas: case n < 0:\nnow: case n > 0:\nwhy: for a test\n"

func TestArgued(t *testing.T) {
	_, list, all := toy(t, "./ops")
	argue := func(text string) (map[*mechanical.Mutation]string, error) {
		table, err := mechanical.ParseArguments([]byte(text))
		require.NoError(t, err)
		return mechanical.Argued(table, list, all)
	}
	reasons, err := argue("# a comment\n\n" + entry + "\n\n" + strings.ReplaceAll(entry, "ops/ops.go", "other/other.go"))
	require.NoError(t, err)
	require.Len(t, reasons, 1, "what is said of packages that are not loaded is left alone")
	for m, why := range reasons {
		assert.Equal(t, "ops.Name/flip/1", m.Name)
		assert.Equal(t, "for a test", why)
	}
	for name, text := range map[string]string{
		"gone":    strings.ReplaceAll(entry, "n > 0", "n >= 0"),
		"twice":   entry + "\n" + entry,
		"too far": entry + "nth: 2\n",
		"several": "file: ops/ops.go\nfunc: Move\n" + "kind: flip\nwas: x\nnow: y\nwhy: z\n",
	} {
		_, err := argue(text)
		assert.ErrorIs(t, err, mechanical.ErrArgued, name)
		assert.ErrorContains(t, err, "line ", name)
	}
	_, err = argue(entry + "\n\n" + strings.ReplaceAll(entry, "flip", "negate"))
	assert.ErrorContains(t, err, "line 9: negate of Name in ops/ops.go: no such mutation any more")
	for name, text := range map[string]string{
		"no reason": strings.ReplaceAll(entry, "why: for a test", ""), "no field": "hello\n", "unknown field": entry + "who: me\n",
		"field twice": entry + "kind: flip\n", "bad number": entry + "nth: none\n", "zero": entry + "nth: 0\n", "no value": entry + "nth:\n",
	} {
		_, err := mechanical.ParseArguments([]byte(text))
		assert.ErrorIs(t, err, mechanical.ErrArgued, name)
	}
}

// Where one description fits several mutations, an entry says which.
func TestArguedNth(t *testing.T) {
	_, list, all := toy(t, "./ops")
	count := make(map[string][]*mechanical.Mutation)
	for _, m := range all {
		key := fmt.Sprintf("file: %s\nfunc: %s\nkind: %s\nwas: %s\nnow: %s\nwhy: w\n", m.File, m.Func, m.Kind, m.Was, m.Now)
		count[key] = append(count[key], m)
	}
	several := 0
	for key, of := range count {
		if len(of) == 1 {
			continue
		}
		several++
		table, err := mechanical.ParseArguments([]byte(key))
		require.NoError(t, err)
		_, err = mechanical.Argued(table, list, all)
		require.ErrorIs(t, err, mechanical.ErrArgued)
		table, err = mechanical.ParseArguments([]byte(key + "nth: 2\n"))
		require.NoError(t, err)
		reasons, err := mechanical.Argued(table, list, all)
		require.NoError(t, err)
		assert.Equal(t, map[*mechanical.Mutation]string{of[1]: "w"}, reasons)
	}
	assert.NotZero(t, several)
}

const asm = `# example.org/p
example.org/p.joineryMutant0F STEXT size=3 args=0x8 locals=0x0 funcid=0x0 align=0x0
	0x0000 00000 (/p.go:10)	TEXT	example.org/p.joineryMutant0F(SB), $0
	0x0000 90 c3 00                                         ...
	rel 1+4 t=R_CALL example.org/p.g+0
example.org/p.joineryMutant0F.func1 STEXT size=1 args=0x8 locals=0x0 funcid=0x0 align=0x0
	0x0000 c3                                               .
example.org/p.joineryMutant1F STEXT size=3 args=0x8 locals=0x0 funcid=0x0 align=0x0
	0x0000 00000 (/p.go:20)	TEXT	example.org/p.joineryMutant1F(SB), $0
	0x0000 90 c3 00                                         ...
	rel 1+4 t=R_CALL example.org/p.g+0
	a word of some other tool
example.org/p.joineryMutant1F.func1 STEXT size=1 args=0x8 locals=0x0 funcid=0x0 align=0x0
	0x0000 c3                                               .
`

// The rest of a copy of F after its name: its code, what that refers to, and the
// function in it.
func variant(n int, code, rel, inner string) string {
	return fmt.Sprintf("example.org/p.joineryMutant%dF STEXT size=3 args=0x8 locals=0x0 funcid=0x0 align=0x0\n"+
		"\t0x0000 %s                                         ...\n\trel 1+4 t=R_CALL %s+0\n"+
		"example.org/p.joineryMutant%dF.func1 STEXT size=1 args=0x8 locals=0x0 funcid=0x0 align=0x0\n\t0x0000 %s                 .\n",
		n, code, rel, n, inner)
}

func TestObjectCode(t *testing.T) {
	code, err := mechanical.ObjectCode(strings.NewReader(asm +
		variant(2, "90 c3 01", "example.org/p.g", "c3") + // other bytes
		variant(3, "90 c3 00", "example.org/p.h", "c3") + // calls another function
		variant(4, "90 c3 00", "example.org/p.g", "90") + // the function in it differs
		variant(5, "90 c3 01", "example.org/p.g", "c3") + // as 2
		variant(6, "90 c3 00", "example.org/p..stmp_1", "c3") + variant(7, "90 c3 00", "example.org/p..stmp_2", "c3") +
		variant(8, "90 c3 00", "example.org/p..stmp_3", "c3") +
		"example.org/p..stmp_1 SRODATA size=1\n\t0x0000 01        .\n" +
		"example.org/p..stmp_2 SRODATA size=1\n\t0x0000 01        .\n" +
		"example.org/p..stmp_3 SRODATA size=1\n\t0x0000 02        .\n" +
		// A wrapper is the same for all, whatever they do.
		"example.org/p.(*T).joineryMutant0M STEXT dupok size=1 args=0x8 locals=0x0 funcid=0x17 align=0x0\n\t0x0000 c3     .\n" +
		"example.org/p.(*T).joineryMutant9M STEXT dupok size=1 args=0x8 locals=0x0 funcid=0x17 align=0x0\n\t0x0000 c3     .\n" +
		// Two instances, of which one differs.
		"example.org/p.joineryMutant0G[int] STEXT dupok size=1 args=0x8 locals=0x0 funcid=0x0 align=0x0\n\t0x0000 c3     .\n" +
		"example.org/p.joineryMutant10G[int] STEXT dupok size=1 args=0x8 locals=0x0 funcid=0x0 align=0x0\n\t0x0000 c3     .\n" +
		"example.org/p.joineryMutant0G[string] STEXT dupok size=1 args=0x8 locals=0x0 funcid=0x0 align=0x0\n\t0x0000 c3     .\n" +
		"example.org/p.joineryMutant10G[string] STEXT dupok size=1 args=0x8 locals=0x0 funcid=0x0 align=0x0\n\t0x0000 90     .\n"))
	require.NoError(t, err)
	equivalent, duplicate := code.Same()
	assert.Equal(t, map[int]bool{1: true}, equivalent)
	assert.Equal(t, map[int]bool{5: true, 7: true}, duplicate)
}
