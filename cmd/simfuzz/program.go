package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants"
)

// programName is how a user can call this program again from dir: by "go run" if
// that is how it runs, which its own path tells, else by the name it was called.
func programName(called, executable, dir string) string {
	if !command.RunByGo(executable) {
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
