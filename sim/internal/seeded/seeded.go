// Package seeded holds a package's tests against seeded faults: files that each name one
// change of source, which its tests must notice. Sources stay as they are; the change is laid
// over them for one build of the tests.
//
// A file of testdata/faults has the form
//
//	doc: what is broken
//	file: that is changed, from a root on
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

// Faults are those in testdata/faults of a package.
type Faults struct {
	Root string // of the names of their files, from the package's folder; "" is that folder
	// Args are what the package's tests are run with, such as -test.run and a pattern of the
	// tests that are to notice.
	Args []string
}

// fault is a seeded fault.
type fault struct{ name, doc, file, search, replace string }

// named are the faults whose names match a pattern.
func (s Faults) named(pattern string) (all []fault, err error) {
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
			strings.TrimSuffix(filepath.Base(path), ".txt"), strings.TrimPrefix(doc, "doc: "),
			filepath.Join(s.Root, filepath.FromSlash(file)), search, strings.TrimSuffix(replace, "\n"),
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
func (s Faults) Apply(t *testing.T, atLeast int) {
	t.Helper()
	all, err := s.named("*")
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
// fails unless one of those tests does that are run. It takes the time of a build and of those
// tests a fault.
func (s Faults) Found(t *testing.T, pattern string) {
	t.Helper()
	all, err := s.named(pattern)
	if err != nil || len(all) == 0 {
		t.Fatalf("no fault is called %q; %v", pattern, err)
	}
	found := 0
	for _, f := range all {
		by, err := f.seek(t.TempDir(), s.Args)
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
// fail, and what the first one says in its first line.
func (f fault) seek(dir string, args []string) (by string, err error) {
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
	args = append([]string{"-test.skip", "^TestFaults", "-test.timeout", "60s", "-rapid.nofailfile"}, args...)
	out, err := exec.Command(binary, args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "", nil
	case !errors.As(err, &exit):
		return "", err
	case bytes.Contains(out, []byte("panic: test timed out")):
		return "does not end", nil
	}
	if by = failed(string(out)); by == "" {
		return "", fmt.Errorf("the tests end otherwise: %w: %s", err, out)
	}
	return by, nil
}

// failed is the names of the tests that failed, each once, by what they printed, and behind the
// first one the first line that it said.
func failed(out string) string {
	var by []string
	seen := map[string]bool{}
	said := false
	for line := range strings.Lines(out) {
		name, fails := strings.CutPrefix(line, "--- FAIL: ")
		switch {
		case fails:
			name, _, _ = strings.Cut(name, " ")
			if !seen[name] {
				by = append(by, name)
			}
			seen[name] = true
		case strings.HasPrefix(line, "panic: ") && len(by) == 0:
			by = append(by, strings.TrimSpace(line))
		case len(by) == 1 && !said && strings.HasPrefix(line, " "):
			_, text, _ := strings.Cut(line, ".go:")
			if _, text, said = strings.Cut(text, ": "); said {
				if text = strings.TrimSpace(text); text != "" {
					by[0] += " (" + text + ")"
				}
			}
		}
	}
	return strings.Join(by, " ")
}
