package command

import (
	"path/filepath"
	"regexp"
)

// goRunPath matches where the go command puts the programs that "go run" runs: in a work
// folder the first time, in its cache later (Go 1.24 and on).
var goRunPath = regexp.MustCompile(`/go-build[0-9]*/b[0-9]+/exe/[^/]+$|/[0-9a-f]{2}/[0-9a-f]{64}-d/[^/]+$`)

// RunByGo reports whether a program of that path is one that "go run" runs.
func RunByGo(executable string) bool { return goRunPath.MatchString(filepath.ToSlash(executable)) }
