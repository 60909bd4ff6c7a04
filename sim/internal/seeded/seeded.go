// Package seeded holds a package's tests against seeded faults: files that each name one
// change of the package's source, which its tests must notice. Sources stay as they are; the
// change is laid over them for one build of the tests.
//
// A file of testdata/faults has the form
//
//	doc: what is broken
//	file: of the package
//	-- search --
//	what stands there once
//	-- replace --
//	what stands there instead
package seeded

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fault is a seeded fault.
type fault struct{ name, doc, file, search, replace string }

// faults are those of testdata/faults whose names match a pattern.
func faults(pattern string) (all []fault, err error) {
	paths, err := filepath.Glob(filepath.Join("testdata", "faults", pattern+".txt"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		head, body, ok := strings.Cut(string(b), "\n-- search --\n")
		search, replace, ok2 := strings.Cut(body, "\n-- replace --\n")
		doc, file, ok3 := strings.Cut(head, "\nfile: ")
		if !ok || !ok2 || !ok3 {
			return nil, fmt.Errorf("%s: want doc, file, search and replace", path)
		}
		all = append(all, fault{
			strings.TrimSuffix(filepath.Base(path), ".txt"), strings.TrimPrefix(doc, "doc: "), file, search, strings.TrimSuffix(replace, "\n"),
		})
	}
	return all, nil
}

// mutated is the file with the fault in it.
func (f fault) mutated() ([]byte, error) {
	b, err := os.ReadFile(f.file)
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(b, []byte(f.search)); n != 1 {
		return nil, fmt.Errorf("fault %s: what it searches for stands in %s %d times, want once", f.name, f.file, n)
	}
	return bytes.Replace(b, []byte(f.search), []byte(f.replace), 1), nil
}

// Apply fails a test unless there are so many faults at least, and all are of the source as
// it is.
func Apply(t *testing.T, atLeast int) {
	t.Helper()
	all, err := faults("*")
	if err != nil || len(all) < atLeast {
		t.Fatalf("%d faults, want %d or more; %v", len(all), atLeast, err)
	}
	for _, f := range all {
		if _, err := f.mutated(); err != nil {
			t.Error(err)
		}
	}
}

// Found builds the tests of the package with each of the faults that match a pattern, and
// fails unless one of those tests does whose names match run. It takes the time of a build
// and of those tests a fault.
func Found(t *testing.T, pattern, run string) {
	t.Helper()
	all, err := faults(pattern)
	if err != nil || len(all) == 0 {
		t.Fatalf("no fault is called %q; %v", pattern, err)
	}
	found := 0
	for _, f := range all {
		by, err := f.seek(t.TempDir(), run)
		switch {
		case err != nil:
			t.Errorf("%s: %v", f.name, err)
		case by == "":
			t.Errorf("%s is not found: %s", f.name, f.doc)
		default:
			found++
			t.Logf("%s: %s", f.name, by)
		}
	}
	t.Logf("%d of %d found", found, len(all))
}

// seek builds and runs the tests with a fault in a scratch folder, and returns which of them
// fail.
func (f fault) seek(dir, run string) (by string, err error) {
	text, err := f.mutated()
	if err != nil {
		return "", err
	}
	file, err := filepath.Abs(f.file)
	if err != nil {
		return "", err
	}
	mutant, overlay, binary := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutant.test")
	plan, err := json.Marshal(map[string]map[string]string{"Replace": {file: mutant}})
	if err == nil {
		err = errors.Join(os.WriteFile(mutant, text, 0o600), os.WriteFile(overlay, plan, 0o600))
	}
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", binary, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("does not compile: %s", out)
	}
	out, err := exec.Command(binary, "-test.run", run, "-test.skip", "^TestFaults", "-test.timeout", "60s", "-rapid.nofailfile").CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "", nil
	case !errors.As(err, &exit):
		return "", err
	case bytes.Contains(out, []byte("panic: test timed out")):
		return "does not end", nil
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			name, _, _ = strings.Cut(name, " ")
			if !seen[name] {
				by += " " + name
			}
			seen[name] = true
		} else if strings.HasPrefix(line, "panic: ") && by == "" {
			by = " " + strings.TrimSpace(line)
		}
	}
	if by == "" {
		return "", fmt.Errorf("the tests end otherwise: %w: %s", err, out)
	}
	return strings.TrimSpace(by), nil
}
