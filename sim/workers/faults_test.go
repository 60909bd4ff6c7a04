package workers

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/campaign"
)

var (
	faults     = flag.String("workers-faults", "", "pattern of the seeded faults to be found, such as '*'; each is built and fuzzed, which takes seconds")
	faultSeeds = flag.Uint64("workers-fault-seeds", 2000, "seeds after which a fault counts as not found")
	hunt       = flag.String("workers-hunt", "", "engine on which to look for the first failing seed")
)

// fault is a file of testdata/faults: in one production file, what stands there once and
// what stands there instead.
type fault struct{ doc, file, search, replace string }

func readFault(path string) (f fault, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	head, body, ok := strings.Cut(string(b), "\n-- search --\n")
	search, replace, ok2 := strings.Cut(body, "\n-- replace --\n")
	doc, file, ok3 := strings.Cut(head, "\nfile: ")
	if !ok || !ok2 || !ok3 {
		return f, fmt.Errorf("%s: want doc, file, search and replace", path)
	}
	return fault{strings.TrimPrefix(doc, "doc: "), file, search, strings.TrimSuffix(replace, "\n")}, nil
}

// mutated is the file with the fault in it.
func (f fault) mutated(root string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(root, f.file))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(b, []byte(f.search)); n != 1 {
		return nil, fmt.Errorf("%s: the text stands there %d times, want once", f.file, n)
	}
	return bytes.Replace(b, []byte(f.search), []byte(f.replace), 1), nil
}

// TestFaultsApply: the seeded faults are of the code as it is.
func TestFaultsApply(t *testing.T) {
	paths, err := filepath.Glob("testdata/faults/*.txt")
	require.NoError(t, err)
	require.Greater(t, len(paths), 24)
	for _, path := range paths {
		f, err := readFault(path)
		require.NoError(t, err)
		_, err = f.mutated("../..")
		require.NoError(t, err, path)
	}
}

// TestHunt is what the binary of a fault runs.
func TestHunt(t *testing.T) {
	if *hunt == "" {
		return
	}
	p := Protocol(*hunt)
	r, err := p.Fuzz(t.Context(), campaign.Options{Seed: *first, Seeds: *faultSeeds, Failures: 1, TwiceEvery: -1})
	require.NoError(t, err)
	for _, res := range r.Failures {
		t.Fatalf("FOUND with seed %d: %v", res.Seed, res.Violations[0])
	}
}

// TestFaultsFound builds the campaign with each of the seeded faults, and has it find them.
func TestFaultsFound(t *testing.T) {
	paths, err := filepath.Glob("testdata/faults/" + *faults + ".txt")
	require.NoError(t, err)
	if *faults == "" {
		return
	}
	found := 0
	for _, path := range paths {
		f, err := readFault(path)
		require.NoError(t, err)
		text, err := f.mutated("../..")
		require.NoError(t, err)
		said, ok := seek(t, f, text)
		if found++; !ok {
			found--
			t.Errorf("%s is not found: %s", filepath.Base(path), f.doc)
		}
		t.Logf("%s: %s", strings.TrimSuffix(filepath.Base(path), ".txt"), said)
	}
	t.Logf("%d of %d found", found, len(paths))
}

// seek builds and runs a fault, and says what came of it.
func seek(t *testing.T, f fault, text []byte) (string, bool) {
	dir := t.TempDir()
	file, err := filepath.Abs(filepath.Join("../..", f.file))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mutant.go"), text, 0o600))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: filepath.Join(dir, "mutant.go")}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
	binary := filepath.Join(dir, "mutant.test")
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, ".").CombinedOutput(); err != nil {
		return fmt.Sprintf("does not compile: %s", out), false
	}
	out, err := exec.Command(binary, "-test.run", "^TestHunt$", "-workers-hunt", "memory", "-workers-fault-seeds", fmt.Sprint(*faultSeeds)).CombinedOutput()
	if err == nil {
		return "not found", false
	}
	_, said, ok := strings.Cut(string(out), "FOUND with ")
	line, _, _ := strings.Cut(said, "\n")
	require.True(t, ok, "the binary of a fault ends otherwise: %s", out)
	return line, true
}
