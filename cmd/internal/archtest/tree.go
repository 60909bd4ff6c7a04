package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"
)

// Root finds the directory above dir that holds go.mod.
func Root(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find module root of %s: %w", dir, err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("find module root of %s: no go.mod in it or above", dir)
		}
	}
}

// List runs "go list -json ./..." in root.
func List(root string) ([]Package, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list packages of %s: %w: %s", root, err, bytes.TrimSpace(stderr.Bytes()))
	}
	var list []Package
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p Package
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("list packages of %s: %w", root, err)
		}
		list = append(list, p)
	}
}

// Finding is one diagnostic of the determinism check.
type Finding struct {
	File    string // relative to the root, with slashes
	Line    int
	Rule    Rule
	Message string
}

// String is the finding as "file:line: [rule] message".
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: [%s] %s", f.File, f.Line, f.Rule, f.Message)
}

// Findings runs [Determinism] over the production files of the named packages of
// the tree at root, sorted by file and line. Code that does not type-check is an
// error, not a pass.
func Findings(root string, importPaths []string) ([]Finding, error) {
	const mode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
		packages.NeedTypes | packages.NeedTypesSizes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedModule
	loaded, err := packages.Load(&packages.Config{Mode: mode, Dir: root}, importPaths...)
	if err != nil {
		return nil, fmt.Errorf("load packages of %s: %w", root, err)
	}
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("load package %s: %w", p.PkgPath, p.Errors[0])
		}
	}
	graph, err := checker.Analyze([]*analysis.Analyzer{Determinism}, loaded, nil)
	if err != nil {
		return nil, fmt.Errorf("analyse packages of %s: %w", root, err)
	}
	var found []Finding
	for _, action := range graph.Roots {
		if action.Err != nil {
			return nil, fmt.Errorf("analyse package %s: %w", action.Package.PkgPath, action.Err)
		}
		for _, d := range action.Diagnostics {
			at := action.Package.Fset.Position(d.Pos)
			rel, err := filepath.Rel(root, at.Filename)
			if err != nil {
				return nil, fmt.Errorf("analyse package %s: %w", action.Package.PkgPath, err)
			}
			found = append(found, Finding{File: filepath.ToSlash(rel), Line: at.Line, Rule: Rule(d.Category), Message: d.Message})
		}
	}
	slices.SortFunc(found, func(a, b Finding) int {
		if c := bytes.Compare([]byte(a.File), []byte(b.File)); c != 0 {
			return c
		}
		return a.Line - b.Line
	})
	return found, nil
}

// Excuse removes the findings that the table excuses, and adds a line for each
// exception that excuses nothing or gives no reason.
func Excuse(found []Finding, table []Exception) []string {
	used := make([]bool, len(table))
	var left []string
	for _, f := range found {
		i := slices.IndexFunc(table, func(e Exception) bool { return e.File == f.File && e.Rule == f.Rule })
		if i < 0 {
			left = append(left, f.String())
			continue
		}
		used[i] = true
	}
	for i, e := range table {
		if e.Reason == "" {
			left = append(left, fmt.Sprintf("exception for %s [%s] gives no reason", e.File, e.Rule))
		}
		if !used[i] {
			left = append(left, fmt.Sprintf("exception for %s [%s] excuses nothing: remove it", e.File, e.Rule))
		}
	}
	return left
}
