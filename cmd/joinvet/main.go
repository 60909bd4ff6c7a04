// Joinvet reports what the compiler cannot see of code that merges: merges that no law
// checks, functions whose class nobody checked, values that are read before they are
// complete and used as if they were, deltas that a merge keeps or changes. It is a tool
// for go vet:
//
//	go build -o joinvet github.com/joinery-go/joinery/cmd/joinvet
//	go vet -vettool=$PWD/joinvet ./...
//
// What each rule reports, and what it cannot see, is said by "joinvet help". A line with
// the comment "//joinery:vetted why", or the line below one, is not reported.
package main

import (
	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/joinery-go/joinery/cmd/joinvet/internal/rules"
)

func main() { unitchecker.Main(rules.All()...) }
