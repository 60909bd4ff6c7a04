package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants"
)

// goRunPath matches where the go command puts the programs that "go run" runs: in
// a work folder the first time, in its cache later (Go 1.24 and on).
var goRunPath = regexp.MustCompile(`/go-build[0-9]*/b[0-9]+/exe/[^/]+$|/[0-9a-f]{2}/[0-9a-f]{64}-d/[^/]+$`)

// programName is how a user can call this program again from dir: by "go run" if
// that is how it runs, which its own path tells, else by the name it was called.
func programName(called, executable, dir string) string {
	if !goRunPath.MatchString(filepath.ToSlash(executable)) {
		return command.ShellWord(called)
	}
	if root, err := mutants.Checkout(dir, modulePath); err == nil {
		if rel, err := filepath.Rel(dir, filepath.Join(root, filepath.FromSlash(programPath))); err == nil {
			rel = filepath.ToSlash(rel)
			if rel != "." && !strings.HasPrefix(rel, "../") {
				rel = "./" + rel
			}
			return "go run " + command.ShellWord(rel)
		}
	}
	return "go run " + modulePath + strings.TrimPrefix(programPath, ".")
}

// calledVariable is the environment variable by which a program that runs in place of
// this one learns how to call this one again.
const calledVariable = "SIMFUZZ_CALLED"

// thisProgram is [programName] of this process, or of the one that it stands for.
func thisProgram() string {
	if called := os.Getenv(calledVariable); called != "" {
		return called
	}
	executable, err := os.Executable()
	if err != nil {
		executable = os.Args[0]
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	return programName(os.Args[0], executable, dir)
}
