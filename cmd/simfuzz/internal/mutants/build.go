package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	cmdline "github.com/joinery-go/joinery/cmd/internal/command"
)

// Builder makes the clean program and mutants of it. Everything it makes lies
// in its folder, which [Builder.Close] removes.
type Builder struct {
	root   string // of the checkout
	module string // its path
	pkg    string // the main package to build, as "./cmd/tool"
	dir    string // absolute
	clean  string // path of the clean program
}

// Open finds the checkout of module at or above dir and builds the clean
// program of pkg.
func Open(ctx context.Context, dir, module, pkg string) (b *Builder, err error) {
	root, err := Checkout(dir, module)
	if err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "mutants-*")
	if err != nil {
		return nil, fmt.Errorf("open builder: %w", err)
	}
	b = &Builder{root: root, module: module, pkg: pkg, dir: temp, clean: filepath.Join(temp, "clean")}
	if err := b.build(ctx, b.clean, ""); err != nil {
		return nil, closing(b, fmt.Errorf("build the clean program: %w", err))
	}
	return b, nil
}

// Close removes what the builder made.
func (b *Builder) Close() error {
	if err := os.RemoveAll(b.dir); err != nil {
		return fmt.Errorf("close builder: %w", err)
	}
	return nil
}

// closing closes the builder on the way out of a failure.
func closing(b *Builder, err error) error {
	if more := b.Close(); more != nil {
		return fmt.Errorf("%w; %w", err, more)
	}
	return err
}

// Clean is the path of the clean program.
func (b *Builder) Clean() string { return b.clean }

// File is the path of a file of the checkout, named relative to its root.
func (b *Builder) File(name string) string { return filepath.Join(b.root, filepath.FromSlash(name)) }

// Build applies a mutant and builds its program; the folder it lies in is the
// mutant's own. An [ErrBuild], [ErrPattern] or [ErrNoEffect] means that there is
// no mutant to find, which is a fault of the mutant and no kill.
func (b *Builder) Build(ctx context.Context, m Mutant) (program string, err error) {
	patched, err := m.Apply(b.root)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(b.dir, "mutant-*")
	if err != nil {
		return "", fmt.Errorf("build mutant %s: %w", m.Name, err)
	}
	overlay, err := b.overlay(dir, m.File, patched)
	if err != nil {
		return "", fmt.Errorf("build mutant %s: %w", m.Name, err)
	}
	program = filepath.Join(dir, "mutant")
	if err := b.build(ctx, program, overlay); err != nil {
		return "", fmt.Errorf("build mutant %s: %w", m.Name, err)
	}
	same, err := sameFile(program, b.clean)
	if err != nil {
		return "", fmt.Errorf("build mutant %s: %w", m.Name, err)
	}
	if same {
		return "", fmt.Errorf("build mutant %s: %w", m.Name, ErrNoEffect)
	}
	return program, nil
}

// overlay writes the patched file and the overlay that puts it in place of the
// clean one. Both paths in it are absolute, as the go command demands.
func (b *Builder) overlay(dir, file string, patched []byte) (string, error) {
	stand := filepath.Join(dir, "patched.go")
	if err := os.WriteFile(stand, patched, 0o600); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(b.root, filepath.FromSlash(file)): stand},
	})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, text, 0o600)
}

// linkFlags keep build ids and what debuggers want out of a program.
const linkFlags = "-ldflags=-buildid= -s -w"

// build compiles the package. Paths, version control, build ids and debuggers' tables
// stay out of the program, so that equal programs are equal files.
func (b *Builder) build(ctx context.Context, out, overlay string) error {
	args := []string{"build", "-trimpath", "-buildvcs=false", linkFlags, "-o", out}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := command(ctx, "go", append(args, b.pkg)...)
	cmd.Dir = b.root
	return built(ctx, cmd)
}

// built runs the go command, which builds something.
func built(ctx context.Context, cmd *exec.Cmd) error {
	text, err := cmd.CombinedOutput()
	if gone := cmdline.Interrupted(ctx, err); gone != nil || err == nil {
		return gone
	}
	return fmt.Errorf("%w: %w: %s", ErrBuild, err, bytes.TrimSpace(text))
}

// command is a program that an end of the context interrupts, as the user's
// interruption does who shares a terminal with it; it has a moment to clean up.
func command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			return cmd.Process.Kill() // where no process can be interrupted
		}
		return nil
	}
	cmd.WaitDelay = leavesWithin
	return cmd
}

// leavesWithin is how long an interrupted program may take before it is killed.
const leavesWithin = 2 * time.Second

func sameFile(a, b string) (bool, error) {
	x, err := os.ReadFile(a)
	if err != nil {
		return false, err
	}
	y, err := os.ReadFile(b)
	if err != nil {
		return false, err
	}
	return bytes.Equal(x, y), nil
}
