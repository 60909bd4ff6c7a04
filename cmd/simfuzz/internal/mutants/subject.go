package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	cmdline "github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants/mechanical"
)

// Subject is what mechanical mutants are made of, and who is to notice them.
type Subject struct {
	Packages []*mechanical.Package

	simulated map[string]bool // packages that a campaign runs
	tests     []test          // of the packages
	clean     build           // their binaries
}

// test is a package with tests.
type test struct {
	pkg   string
	dir   string
	deps  map[string]bool // packages that its binary contains
	flags []string        // that make it say the same each time
}

// runs reports whether the binary of the tests contains a package.
func (t test) runs(pkg string) bool { return t.pkg == pkg || t.deps[pkg] }

// Simulated reports whether a campaign runs a package. What it does not run is left to
// tests.
func (s *Subject) Simulated(pkg string) bool { return s.simulated[pkg] }

// Leave has campaigns not be what runs packages below a path, but for those below one of
// the others: they contain them, and run them only if told to.
func (s *Subject) Leave(below string, others ...string) {
	for pkg := range s.simulated { //joinery:anyorder deletes by key
		within := func(path string) bool { return pkg == path || strings.HasPrefix(pkg, path+"/") }
		if within(below) && !slices.ContainsFunc(others, within) {
			delete(s.simulated, pkg)
		}
	}
}

// Tests lists the packages whose tests run a package, its own first.
func (s *Subject) Tests(pkg string) (list []string) {
	for _, t := range s.testsOf(pkg) {
		list = append(list, t.pkg)
	}
	return list
}

func (s *Subject) testsOf(pkg string) (list []test) {
	for _, t := range s.tests {
		if t.runs(pkg) {
			list = append(list, t)
		}
	}
	slices.SortStableFunc(list, func(a, b test) int {
		switch {
		case a.pkg == pkg:
			return -1
		case b.pkg == pkg:
			return 1
		}
		return 0
	})
	return list
}

// Subject loads the packages that match patterns, and builds their tests. simulation
// is the package, as "./sim", whose dependencies a campaign runs.
func (b *Builder) Subject(ctx context.Context, simulation string, patterns ...string) (*Subject, error) {
	packages, err := mechanical.Load(ctx, b.root, patterns...)
	if err != nil {
		return nil, err
	}
	s := &Subject{Packages: packages, simulated: make(map[string]bool)}
	deps, err := b.list(ctx, "-deps", "-json=ImportPath", "--", simulation)
	if err != nil {
		return nil, err
	}
	for _, p := range deps {
		s.simulated[p.ImportPath] = true
	}
	if err := b.findTests(ctx, s, patterns); err != nil {
		return nil, err
	}
	if s.clean.dir, err = os.MkdirTemp(b.dir, "clean-*"); err != nil {
		return nil, fmt.Errorf("build the tests of %s: %w", strings.Join(patterns, " "), err)
	}
	var paths []string
	for _, p := range packages {
		paths = append(paths, p.Path)
	}
	if err := b.programs(ctx, s, &s.clean, paths...); err != nil {
		return nil, fmt.Errorf("build the tests of %s: %w", strings.Join(patterns, " "), err)
	}
	for i, t := range s.tests {
		s.tests[i].flags = b.steadyFlags(ctx, s.clean.tests[t.pkg], t.dir)
	}
	return s, nil
}

// listed is what the go command says of a package.
type listed struct {
	ImportPath, ForTest, Dir string
	Deps                     []string
}

func (b *Builder) list(ctx context.Context, args ...string) ([]listed, error) {
	cmd := command(ctx, "go", append([]string{"list"}, args...)...)
	cmd.Dir = b.root
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if gone := cmdline.Interrupted(ctx, err); gone != nil {
		return nil, gone
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w: %s", args[len(args)-1], err, bytes.TrimSpace(errs.Bytes()))
	}
	var list []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", args[len(args)-1], err)
		}
		list = append(list, p)
	}
}

// findTests lists the test binaries of the packages that match patterns.
func (b *Builder) findTests(ctx context.Context, s *Subject, patterns []string) error {
	list, err := b.list(ctx, append([]string{"-test", "-json=ImportPath,ForTest,Dir,Deps", "--"}, patterns...)...)
	if err != nil {
		return err
	}
	binaries := make(map[string]map[string]bool)
	for _, p := range list {
		pkg, ok := strings.CutSuffix(p.ImportPath, ".test")
		if !ok {
			continue
		}
		binaries[pkg] = make(map[string]bool)
		for _, d := range p.Deps {
			d, _, _ = strings.Cut(d, " ") // "pkg [other.test]" is pkg compiled for that test
			binaries[pkg][d] = true
		}
	}
	for _, p := range list {
		if deps := binaries[p.ImportPath]; deps != nil && p.ForTest == "" {
			s.tests = append(s.tests, test{pkg: p.ImportPath, dir: p.Dir, deps: deps})
		}
	}
	slices.SortFunc(s.tests, func(x, y test) int { return strings.Compare(x.pkg, y.pkg) })
	return nil
}

// steadyFlags are flags of rapid that fix its seed and keep it from writing into the
// checkout, where a test binary knows them.
func (b *Builder) steadyFlags(ctx context.Context, binary, dir string) []string {
	flags := []string{"-rapid.seed=1", "-rapid.nofailfile"}
	cmd := command(ctx, binary, append([]string{"-test.run=^$"}, flags...)...)
	cmd.Dir = dir
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil
		}
	}
	return flags
}
