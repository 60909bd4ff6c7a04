// Package mutants seeds faults into the protocol to show that the harness finds
// them. A mutant is a patch of one production file: a text that must stand in it
// exactly once, and what replaces it. It is applied with "go build -overlay", so
// the checkout stays as it is and production code carries no fault switches.
//
// A mutant counts as killed only if its program differs from the clean one, a
// campaign finds a violation by the expected oracle, the tape of that violation
// fails alike when the mutant replays it, and holds when the clean program does.
// A mutant that does not compile is an error, never a kill. The package refuses
// to work outside a source checkout.
package mutants

import (
	"bufio"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"
)

// Errors that callers tell apart.
var (
	// ErrNoCheckout is returned where there is no source to patch.
	ErrNoCheckout = errors.New("not inside a source checkout")
	// ErrMalformed is returned for a mutant's file that says too little or too much.
	ErrMalformed = errors.New("malformed mutant")
	// ErrPattern is returned where the text to replace does not stand in the
	// file exactly once.
	ErrPattern = errors.New("pattern does not match exactly once")
	// ErrNoEffect is returned where the mutant's program is the clean program.
	ErrNoEffect = errors.New("the patch does not change the program")
	// ErrBuild is returned where a program does not compile.
	ErrBuild = errors.New("build failed")
)

// Mutant is one seeded fault.
type Mutant struct {
	Name    string   // as on the command line; the name of its file
	Doc     string   // one line: what is broken, and what should notice
	File    string   // the production file, relative to the module's root, with slashes
	Oracles []string // any of these may notice; empty accepts every oracle
	Flags   []string // that the campaign needs, of "simfuzz run"
	Search  string
	Replace string
}

//go:embed set
var set embed.FS

// Shipped are the mutants that come with the tool, by name.
func Shipped() ([]Mutant, error) { return Load(set, "set") }

// Load reads every .txt file of a folder as a mutant, by name.
func Load(fsys fs.FS, dir string) ([]Mutant, error) {
	names, err := fs.Glob(fsys, path.Join(dir, "*.txt"))
	if err != nil {
		return nil, fmt.Errorf("load mutants of %s: %w", dir, err)
	}
	slices.Sort(names)
	var list []Mutant
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("load mutant %s: %w", name, err)
		}
		m, err := Parse(strings.TrimSuffix(path.Base(name), ".txt"), text)
		if err != nil {
			return nil, fmt.Errorf("load mutant %s: %w", name, err)
		}
		list = append(list, m)
	}
	return list, nil
}

// Parse reads a mutant from its text: a txtar archive whose comment holds
// "doc:", "file:" and optionally "oracle:" lines (several oracles separated by
// commas) and "flags:" lines (several flags by spaces), and whose two files are named search and replace. The final newline of
// each is not part of it, so that parts of a line can be replaced.
func Parse(name string, text []byte) (Mutant, error) {
	m := Mutant{Name: name}
	archive := txtar.Parse(text)
	for lines := bufio.NewScanner(bytes.NewReader(archive.Comment)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		field, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case !ok || value == "":
			return m, fmt.Errorf("%w: line %q, want \"field: value\"", ErrMalformed, line)
		case field == "doc" && m.Doc == "":
			m.Doc = value
		case field == "file" && m.File == "":
			m.File = value
		case field == "oracle" && m.Oracles == nil:
			for o := range strings.SplitSeq(value, ",") {
				m.Oracles = append(m.Oracles, strings.TrimSpace(o))
			}
		case field == "flags" && m.Flags == nil:
			m.Flags = strings.Fields(value)
		default:
			return m, fmt.Errorf("%w: field %q is unknown or stands twice", ErrMalformed, field)
		}
	}
	if len(archive.Files) != 2 || archive.Files[0].Name != "search" || archive.Files[1].Name != "replace" {
		return m, fmt.Errorf("%w: want the sections search and replace, in this order", ErrMalformed)
	}
	m.Search = strings.TrimSuffix(string(archive.Files[0].Data), "\n")
	m.Replace = strings.TrimSuffix(string(archive.Files[1].Data), "\n")
	switch {
	case m.Doc == "" || m.File == "":
		return m, fmt.Errorf("%w: no doc, or no file", ErrMalformed)
	case m.Search == "" || m.Search == m.Replace:
		return m, fmt.Errorf("%w: nothing to search for, or nothing to change", ErrMalformed)
	case !fs.ValidPath(m.File) || !strings.HasSuffix(m.File, ".go") || strings.HasSuffix(m.File, "_test.go"):
		return m, fmt.Errorf("%w: %q is no production file of the module", ErrMalformed, m.File)
	}
	return m, nil
}

// Apply returns the mutant's version of its file in the checkout at root.
func (m Mutant) Apply(root string) ([]byte, error) {
	clean, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.File)))
	if err != nil {
		return nil, fmt.Errorf("apply mutant %s: %w", m.Name, err)
	}
	if n := bytes.Count(clean, []byte(m.Search)); n != 1 {
		return nil, fmt.Errorf("apply mutant %s to %s: %w but %d times", m.Name, m.File, ErrPattern, n)
	}
	return bytes.Replace(clean, []byte(m.Search), []byte(m.Replace), 1), nil
}

// Expects reports whether a violation seen by oracle is one the mutant should
// cause.
func (m Mutant) Expects(oracle string) bool {
	return len(m.Oracles) == 0 || slices.Contains(m.Oracles, oracle)
}

// Checkout finds the root of the module's source at or above dir, by a go.mod
// that declares the module.
func Checkout(dir, module string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the source of %s: %w", module, err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		text, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && declares(text, module) {
			return at, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("find the source of %s: %w", module, err)
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("find the source of %s from %s: %w", module, dir, ErrNoCheckout)
		}
	}
}

func declares(goMod []byte, module string) bool {
	for line := range strings.Lines(string(goMod)) {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[0] == "module" {
			return strings.Trim(fields[1], `"`) == module
		}
	}
	return false
}
