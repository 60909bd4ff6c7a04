// Joinvet reports what the compiler cannot see of code that merges: merges that no law
// checks, functions whose class nobody checked, values that are read before they are
// complete and used as if they were, deltas that a merge keeps or changes. It is a tool
// for go vet:
//
//	go build -o joinvet github.com/joinery-go/joinery/cmd/joinvet
//	go vet -vettool=$PWD/joinvet ./...
//
// What each rule reports, and what it cannot see, is said by "joinvet help NAME". A line
// with the comment "//joinery:vetted why", or the line below one, is not reported.
//
// The go command remembers what a vet tool said of a package until something changes that
// the package is compiled from. Tests of an external package (p_test) are not among that,
// and it is in them that laws are checked, so the tool has nothing remembered: each time
// it is asked who it is, it is another one.
package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/joinery-go/joinery/cmd/joinvet/internal/rules"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "-V=full" {
		fmt.Printf("%s version devel buildID=joinvet/%x\n", os.Args[0], time.Now().UnixNano())
		return
	}
	unitchecker.Main(rules.All()...)
}
