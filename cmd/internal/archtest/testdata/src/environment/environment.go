package environment

import (
	"os"
	"runtime"
)

func mutants() {
	_ = os.Getenv("X")        // want `os.Getenv`
	_, _ = os.LookupEnv("X")  // want `os.LookupEnv`
	_ = os.Environ()          // want `os.Environ`
	_, _ = os.Hostname()      // want `os.Hostname`
	_ = runtime.NumCPU()      // want `runtime.NumCPU`
	_ = runtime.GOMAXPROCS(0) // want `runtime.GOMAXPROCS`
}

func fine(name string) ([]byte, error) { return os.ReadFile(name) }
