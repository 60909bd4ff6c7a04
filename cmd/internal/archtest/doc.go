// Package archtest holds the rules of the repository as code: who may import whom,
// what may stand at the top level, and what a package below the outer ring must
// not do because it would make two runs of one seed differ.
//
// The rules are tables ([Rooms], [TopLevel], [Exceptions]); the checks are plain
// functions and one go/analysis analyzer, so that each has its own tests with
// violations in them. The tests named TestArchitecture… run the checks on this very
// tree and fail with file:line messages.
//
// The package changes nothing and does not judge style: gofmt, vet and
// staticcheck do that.
package archtest

// Module is the path of the module whose rules these are.
const Module = "github.com/joinery-go/joinery"
