// Package coverage counts the statements that a run of a program never reaches. It
// builds the program from a source checkout with the go command's own instrumentation,
// and reads what that leaves behind. Statements are counted as "go test -cover" does;
// packages that the program does not contain have none.
package coverage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/cover"

	"github.com/joinery-go/joinery/cmd/internal/command"
)

// ErrBuild is returned where the program does not compile.
var ErrBuild = errors.New("build failed")

// Program is a program that notes what it reaches.
type Program struct {
	Path string

	root, main, pattern string
	dir, data           string
}

// Build builds the package main of the module at root, as "./cmd/tool", so that it
// notes which statements of the packages that match pattern it reaches.
func Build(ctx context.Context, root, main, pattern string) (p *Program, err error) {
	dir, err := os.MkdirTemp("", "coverage-*")
	if err != nil {
		return nil, fmt.Errorf("count statements: %w", err)
	}
	p = &Program{Path: filepath.Join(dir, "program"), root: root, main: main, pattern: pattern, dir: dir, data: filepath.Join(dir, "data")}
	if err := os.Mkdir(p.data, 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("count statements: %w", err), p.Close())
	}
	// The program writes what it noted only if its own package is instrumented, too.
	cmd := exec.CommandContext(ctx, "go", "build", "-cover", "-covermode=set", "-coverpkg="+pattern+","+main, "-buildvcs=false", "-o", p.Path, main)
	cmd.Dir = root
	text, err := cmd.CombinedOutput()
	if gone := command.Interrupted(ctx, err); gone != nil {
		return nil, errors.Join(gone, p.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("count statements: %w: %w: %s", ErrBuild, err, bytes.TrimSpace(text)), p.Close())
	}
	return p, nil
}

// Close removes the program and what it noted.
func (p *Program) Close() error {
	if err := os.RemoveAll(p.dir); err != nil {
		return fmt.Errorf("count statements: %w", err)
	}
	return nil
}

// Variable is what the environment of a run must hold for the program to note what it
// reaches. Several runs add up.
func (p *Program) Variable() string { return "GOCOVERDIR=" + p.data }

// Count is how many statements there are, and which were never reached.
type Count struct {
	Packages   []string // that have statements, relative to the module
	Statements int
	Reached    int
	Never      []Block // by file and line
}

// Block is a run of statements that are reached together.
type Block struct {
	File        string // relative to the module, with slashes
	Func        string // the function, a method as Type.Method; "" for none
	First, Last int    // lines
	Statements  int
}

// Count counts over all runs so far.
func (p *Program) Count(ctx context.Context) (Count, error) {
	profile := filepath.Join(p.dir, "profile.txt")
	cmd := exec.CommandContext(ctx, "go", "tool", "covdata", "textfmt", "-i="+p.data, "-o="+profile)
	cmd.Dir = p.root
	if text, err := cmd.CombinedOutput(); err != nil {
		return Count{}, fmt.Errorf("count statements: %w: %s", err, bytes.TrimSpace(text))
	}
	module, err := p.module(ctx)
	if err != nil {
		return Count{}, err
	}
	files, err := cover.ParseProfiles(profile)
	if err != nil {
		return Count{}, fmt.Errorf("count statements: %w", err)
	}
	c := count(files, module, path.Join(module, p.main))
	return c, c.name(p.root)
}

// name looks up which functions blocks are of.
func (c *Count) name(root string) (err error) {
	known := map[string]functions{}
	for i := range c.Never {
		b := &c.Never[i]
		list, ok := known[b.File]
		if !ok {
			if list, err = functionsOf(root, b.File); err != nil {
				return err
			}
			known[b.File] = list
		}
		b.Func = list.at(b.First)
	}
	return nil
}

func (p *Program) module(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m")
	cmd.Dir = p.root
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("count statements: which module %s is: %w", p.root, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// count adds up the files of a profile but for those of one package.
func count(files []*cover.Profile, module, without string) Count {
	var c Count
	for _, f := range files {
		pkg := path.Dir(f.FileName)
		if pkg == without {
			continue
		}
		rel := strings.TrimPrefix(pkg, module+"/")
		if !slices.Contains(c.Packages, rel) {
			c.Packages = append(c.Packages, rel)
		}
		for _, b := range f.Blocks {
			c.Statements += b.NumStmt
			if b.Count > 0 {
				c.Reached += b.NumStmt
			} else if b.NumStmt > 0 {
				c.Never = append(c.Never, Block{File: strings.TrimPrefix(f.FileName, module+"/"), First: b.StartLine, Last: b.EndLine, Statements: b.NumStmt})
			}
		}
	}
	slices.Sort(c.Packages)
	slices.SortFunc(c.Never, func(a, b Block) int {
		if o := strings.Compare(a.File, b.File); o != 0 {
			return o
		}
		return a.First - b.First
	})
	return c
}
