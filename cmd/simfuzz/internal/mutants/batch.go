package mutants

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	cmdline "github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants/mechanical"
)

// Sample is what was drawn of the mutations of some packages: mutants that compile and
// differ from the original and from each other.
type Sample struct {
	Mutants []*Derived

	Mutations  int // that there are
	Drawn      int // of them, until the sample was full
	Broken     int // of those drawn, do not compile
	Equivalent int // of those drawn, compile to the original
	Duplicates int // of those drawn, compile to one drawn earlier
}

// Derived is a mutant made from a mutation.
type Derived struct {
	*mechanical.Mutation
	number int // its place in the order drawn, from 1
	build  *build
}

// build is a set of programs with one or more mutants in them.
type build struct {
	overlay string // path of the overlay; "" for the clean source
	dir     string
	program string            // the campaign's
	tests   map[string]string // test binaries by package
	shared  bool              // by several mutants, by number
}

// errDuplicate marks a mutation that makes an earlier mutant.
var errDuplicate = errors.New("compiles to an earlier mutant")

// Draw takes the first n mutations of an order that make mutants, all if n is 0.
// Mutants in functions share one build; tell says what is going on.
func (b *Builder) Draw(ctx context.Context, s *Subject, order []*mechanical.Mutation, n int, tell func(string)) (*Sample, error) {
	if n == 0 {
		n = len(order)
	}
	sample := &Sample{Mutations: len(order)}
	out := make(map[int]error) // why numbers make no mutant
	alone := make(map[int]*build)
	kept := func() (numbers []int) {
		for i := range sample.Drawn {
			if out[i+1] == nil {
				numbers = append(numbers, i+1)
			}
		}
		return numbers
	}
	for len(kept()) < n && sample.Drawn < len(order) {
		missing := n - len(kept())
		from := sample.Drawn
		sample.Drawn = min(len(order), from+missing+missing/8+1)
		tell(fmt.Sprintf("compiling %d of %d mutations", sample.Drawn, len(order)))
		for i, m := range order[from:sample.Drawn] {
			if m.Switchable() {
				continue
			}
			one, err := b.alone(ctx, s, m)
			switch {
			case errors.Is(err, ErrBuild), errors.Is(err, ErrNoEffect):
				out[from+i+1] = err
			case err != nil:
				return nil, err
			default:
				alone[from+i+1] = one
			}
		}
		if err := b.sift(ctx, s, order, kept(), out); err != nil {
			return nil, err
		}
	}
	numbers := kept()
	if len(numbers) >= n { // what was drawn to be on the safe side goes back
		numbers = numbers[:n]
		sample.Drawn = numbers[n-1]
	}
	sample.tally(out)
	shared := &build{shared: true}
	switchable := make(map[int]*mechanical.Mutation)
	for _, i := range numbers {
		d := &Derived{Mutation: order[i-1], number: i, build: alone[i]}
		if d.build == nil {
			d.build, switchable[i] = shared, d.Mutation
		}
		sample.Mutants = append(sample.Mutants, d)
	}
	if len(switchable) > 0 {
		tell(fmt.Sprintf("building %d mutants behind one switch", len(switchable)))
		if err := b.schema(ctx, s, switchable, shared); err != nil {
			return nil, err
		}
	}
	return sample, nil
}

// tally counts why numbers up to the last one drawn make no mutant.
func (s *Sample) tally(out map[int]error) {
	for number, why := range out {
		switch {
		case number > s.Drawn:
		case errors.Is(why, ErrBuild):
			s.Broken++
		case errors.Is(why, ErrNoEffect):
			s.Equivalent++
		case errors.Is(why, errDuplicate):
			s.Duplicates++
		}
	}
}

// alone builds a mutant that cannot share a build.
func (b *Builder) alone(ctx context.Context, s *Subject, m *mechanical.Mutation) (*build, error) {
	one := new(build)
	if err := b.place(one, map[string][]byte{filepath.Join(b.root, filepath.FromSlash(m.File)): m.Apply()}); err != nil {
		return nil, fmt.Errorf("build mutant %s: %w", m.Name, err)
	}
	if err := b.programs(ctx, s, one, m.Package); err != nil {
		return nil, fmt.Errorf("build mutant %s: %w", m.Name, err)
	}
	same, err := true, error(nil)
	if one.program != "" {
		same, err = sameFile(one.program, b.clean)
	}
	for p, binary := range one.tests {
		if err != nil || !same {
			break
		}
		same, err = sameFile(binary, s.clean.tests[p])
	}
	if err != nil {
		return nil, fmt.Errorf("build mutant %s: %w", m.Name, err)
	}
	if same {
		return nil, fmt.Errorf("build mutant %s: %w", m.Name, ErrNoEffect)
	}
	return one, nil
}

// sift compiles the mutations that can share a build, takes out those that do not
// compile, and then those that make no difference.
func (b *Builder) sift(ctx context.Context, s *Subject, order []*mechanical.Mutation, numbers []int, out map[int]error) error {
	set := make(map[int]*mechanical.Mutation)
	for _, n := range numbers {
		if m := order[n-1]; m.Switchable() {
			set[n] = m
		}
	}
	for len(set) > 0 {
		schema, err := mechanical.NewSchema(b.root, b.module, s.Packages, set)
		if err != nil {
			return err
		}
		broken, code, err := b.compile(ctx, schema, set)
		if err != nil {
			return err
		}
		for n := range broken {
			delete(set, n)
			out[n] = ErrBuild
		}
		if len(broken) > 0 {
			continue
		}
		equivalent, duplicate := code.Same()
		for n := range equivalent {
			out[n] = ErrNoEffect
		}
		for n := range duplicate {
			out[n] = errDuplicate
		}
		return nil
	}
	return nil
}

// compileError is an error of the compiler: file, line, and what is wrong.
var compileError = regexp.MustCompile(`^(.+\.go):(\d+):\d+: (.*)$`)

// compile compiles the packages of a schema and tells which mutations do not compile,
// or else the machine code of all.
func (b *Builder) compile(ctx context.Context, schema *mechanical.Schema, set map[int]*mechanical.Mutation) (map[int]bool, mechanical.Code, error) {
	var at build
	if err := b.place(&at, schema.Files); err != nil {
		return nil, nil, fmt.Errorf("compile mutants: %w", err)
	}
	defer os.RemoveAll(at.dir) // the builder's folder goes as a whole, too
	packages := make(map[string]bool)
	for _, m := range set {
		packages[m.Package] = true
	}
	args := append([]string{"build", "-overlay", at.overlay, "-gcflags=-e -S"}, slices.Sorted(maps.Keys(packages))...)
	cmd := command(ctx, "go", args...)
	cmd.Dir = b.root
	text, err := cmd.CombinedOutput()
	if gone := cmdline.Interrupted(ctx, err); gone != nil {
		return nil, nil, gone
	}
	if err == nil {
		code, err := mechanical.ObjectCode(bytes.NewReader(text))
		if err != nil {
			return nil, nil, fmt.Errorf("compile mutants: read the compiler's output: %w", err)
		}
		return nil, code, nil
	}
	broken := make(map[int]bool)
	var other string
	in := bufio.NewScanner(bytes.NewReader(text))
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		m := compileError.FindStringSubmatch(in.Text())
		if m == nil || strings.HasPrefix(in.Text(), "\t") {
			continue
		}
		line, _ := strconv.Atoi(m[2]) // digits; 0 if there are too many, which is no line
		name := m[1]
		if original, replaced := at.original(name, schema); replaced {
			name = original
		} else if !filepath.IsAbs(name) {
			name = filepath.Join(b.root, name)
		}
		if n, ok := schema.At(name, line); ok && n > 0 {
			broken[n] = true
		} else if other == "" {
			other = in.Text()
		}
	}
	if err := in.Err(); err != nil {
		return nil, nil, fmt.Errorf("compile mutants: read the compiler's output: %w", err)
	}
	if len(broken) == 0 {
		return nil, nil, fmt.Errorf("compile mutants: %w: no mutant is to blame: %s", ErrBuild, other)
	}
	return broken, nil, nil
}

// original is the path of the checkout for which a file of the overlay stands.
func (at *build) original(name string, schema *mechanical.Schema) (string, bool) {
	if filepath.Dir(name) != at.dir {
		return "", false
	}
	i, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(name), ".go"))
	paths := slices.Sorted(maps.Keys(schema.Files))
	if err != nil || i < 0 || i >= len(paths) {
		return "", false
	}
	return paths[i], true
}

// place writes files and the overlay that puts them in place of those of the checkout,
// or beside them.
func (b *Builder) place(at *build, files map[string][]byte) error {
	dir, err := os.MkdirTemp(b.dir, "mutants-*")
	if err != nil {
		return err
	}
	at.dir, at.overlay = dir, filepath.Join(dir, "overlay.json")
	replace := make(map[string]string)
	for i, p := range slices.Sorted(maps.Keys(files)) {
		stand := filepath.Join(dir, strconv.Itoa(i)+".go")
		if err := os.WriteFile(stand, files[p], 0o600); err != nil {
			return err
		}
		replace[p] = stand
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return err
	}
	return os.WriteFile(at.overlay, text, 0o600)
}

// schema builds the programs of many mutants behind one switch.
func (b *Builder) schema(ctx context.Context, s *Subject, set map[int]*mechanical.Mutation, into *build) error {
	schema, err := mechanical.NewSchema(b.root, b.module, s.Packages, set)
	if err != nil {
		return err
	}
	if err := b.place(into, schema.Files); err != nil {
		return fmt.Errorf("build mutants: %w", err)
	}
	var packages []string
	for _, m := range set {
		packages = append(packages, m.Package)
	}
	return b.programs(ctx, s, into, packages...)
}

// programs builds the campaign's program, if it runs one of the packages, and the
// tests of the subject that do.
func (b *Builder) programs(ctx context.Context, s *Subject, into *build, packages ...string) error {
	if slices.ContainsFunc(packages, s.Simulated) {
		into.program = filepath.Join(into.dir, "program")
		if err := b.build(ctx, into.program, into.overlay); err != nil {
			return err
		}
	}
	var left []test
	for _, t := range s.tests {
		if slices.ContainsFunc(packages, t.runs) {
			left = append(left, t)
		}
	}
	into.tests = make(map[string]string)
	for len(left) > 0 {
		// One call of the go command takes packages whose binaries have different names.
		round := make(map[string]string)
		var later []test
		for _, t := range left {
			if _, taken := round[path.Base(t.pkg)]; taken {
				later = append(later, t)
			} else {
				round[path.Base(t.pkg)] = t.pkg
			}
		}
		dir := filepath.Join(into.dir, "tests-"+strconv.Itoa(len(later)))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		args := []string{"test", "-c", "-vet=off", "-buildvcs=false", linkFlags, "-o", dir + string(filepath.Separator)}
		if into.overlay != "" {
			args = append(args, "-overlay", into.overlay)
		}
		cmd := command(ctx, "go", append(args, slices.Sorted(maps.Values(round))...)...)
		cmd.Dir = b.root
		if err := built(ctx, cmd); err != nil {
			return err
		}
		for base, pkg := range round {
			into.tests[pkg] = filepath.Join(dir, base+".test")
		}
		left = later
	}
	return nil
}
