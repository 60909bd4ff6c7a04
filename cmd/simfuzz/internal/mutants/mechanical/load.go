package mechanical

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// ErrLoad is returned for packages that are not there or do not compile.
var ErrLoad = errors.New("cannot load packages")

// Package is a package whose source can be mutated.
type Package struct {
	Path string // import path
	Name string // as its clause says
	Dir  string // absolute

	fset  *token.FileSet
	info  *types.Info
	types *types.Package
	files []*file
}

// file is a source file of a package.
type file struct {
	path   string // absolute
	rel    string // to the module's root, with slashes
	text   []byte
	syntax *ast.File
}

// Load reads the packages of the module at root that match patterns, such as
// "./kvs/...", sorted by path.
func Load(ctx context.Context, root string, patterns ...string) ([]*Package, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLoad, err)
	}
	cfg := &packages.Config{
		Context: ctx, Dir: root, Fset: token.NewFileSet(),
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedSyntax |
			packages.NeedTypes | packages.NeedTypesInfo | packages.NeedModule,
	}
	found, err := packages.Load(cfg, patterns...)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrLoad, strings.Join(patterns, " "), err)
	}
	var list []*Package
	for _, p := range found {
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("%w: %s: %w", ErrLoad, p.PkgPath, p.Errors[0])
		}
		one := &Package{Path: p.PkgPath, Name: p.Name, fset: cfg.Fset, info: p.TypesInfo, types: p.Types}
		for _, syntax := range p.Syntax {
			f, err := readFile(root, cfg.Fset, syntax)
			if err != nil {
				return nil, fmt.Errorf("%w: %s: %w", ErrLoad, p.PkgPath, err)
			}
			one.Dir = filepath.Dir(f.path)
			one.files = append(one.files, f)
		}
		if len(one.files) > 0 {
			list = append(list, one)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: no Go files match %s", ErrLoad, strings.Join(patterns, " "))
	}
	slices.SortFunc(list, func(a, b *Package) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

func readFile(root string, fset *token.FileSet, syntax *ast.File) (*file, error) {
	path := fset.Position(syntax.FileStart).Filename
	rel, err := filepath.Rel(root, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return nil, fmt.Errorf("%s is outside of %s", path, root)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(text) != int(syntax.FileEnd-syntax.FileStart) {
		return nil, fmt.Errorf("%s has changed while it was read", path)
	}
	return &file{path: path, rel: filepath.ToSlash(rel), text: text, syntax: syntax}, nil
}

// Mutations lists all mutations of the packages, in the order of the source. module is
// the path that names leave out.
func Mutations(module string, list []*Package) []*Mutation {
	var all []*Mutation
	for _, p := range list {
		for _, f := range p.files {
			if !ast.IsGenerated(f.syntax) {
				all = append(all, p.mutate(f)...)
			}
		}
	}
	name(module, all)
	return all
}
