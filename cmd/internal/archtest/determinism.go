package archtest

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Determinism reports what would make two runs of one seed differ: clocks,
// goroutines, global randomness, the environment, sockets, choosing selects, and
// map ranges whose order may reach a result. Each diagnostic's Category is its
// [Rule].
//
// A map range passes if its loop provably does the same in every order (see
// maporder.go), or if "//joinery:anyorder why" stands on its line or the line
// above.
var Determinism = &analysis.Analyzer{
	Name: "determinism",
	Doc:  "report what makes two runs of one seed differ",
	Run:  runDeterminism,
}

// forbidden lists functions by package path, and for methods by "path.Type".
// A name "*" forbids all that is exported there.
var forbidden = map[string]struct {
	rule  Rule
	names string
}{
	"time": {Clock, "Now Since Until Sleep After AfterFunc Tick NewTimer NewTicker"},
	"context": {
		Clock, "WithTimeout WithTimeoutCause WithDeadline WithDeadlineCause",
	},
	"sync.WaitGroup":                       {Goroutine, "Go"},
	"golang.org/x/sync/errgroup.Group":     {Goroutine, "Go TryGo"},
	"golang.org/x/sync/singleflight.Group": {Goroutine, "DoChan"},
	"crypto/rand":                          {Random, "*"},
	"hash/maphash":                         {Random, "MakeSeed"},
	"os":                                   {Environment, "Getenv LookupEnv Environ ExpandEnv Hostname Getpid Getppid"},
	"runtime":                              {Environment, "NumCPU GOMAXPROCS NumGoroutine ReadMemStats"},
	"net":                                  {Socket, "*"},
	"net/http":                             {Socket, "*"},
	"os/exec":                              {Socket, "*"},
	"os/signal":                            {Socket, "*"},
	"reflect.Value":                        {MapOrder, "MapRange"},
	"sync.Map":                             {MapOrder, "Range"},
}

// seeded are the functions of math/rand and math/rand/v2 that draw from a source
// the caller gives; every other top-level function draws from the global one.
const seeded = " New NewSource NewZipf NewPCG NewChaCha8 "

func runDeterminism(pass *analysis.Pass) (any, error) {
	for _, file := range pass.Files {
		if strings.HasSuffix(pass.Fset.Position(file.FileStart).Filename, "_test.go") {
			continue
		}
		notes, err := annotationsOf(pass, file)
		if err != nil {
			return nil, err
		}
		c := &walker{pass: pass, notes: notes}
		c.visit(file)
		notes.reportUnused(pass)
	}
	return nil, nil
}

// walker visits one file.
type walker struct {
	pass  *analysis.Pass
	notes *annotations
	stack []ast.Node // from the file to the node being visited
}

func (c *walker) visit(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			c.stack = c.stack[:len(c.stack)-1]
			return true
		}
		c.stack = append(c.stack, n)
		switch n := n.(type) {
		case *ast.GoStmt:
			c.report(n, Goroutine, "go statement: the scheduler would choose an order")
		case *ast.SelectStmt:
			c.selectStmt(n)
		case *ast.RangeStmt:
			c.rangeStmt(n)
		case *ast.CallExpr:
			c.mapIterator(n)
		case *ast.Ident:
			c.use(n)
		}
		return true
	})
}

func (c *walker) report(n ast.Node, rule Rule, message string) {
	c.pass.Report(analysis.Diagnostic{Pos: n.Pos(), End: n.End(), Category: string(rule), Message: message})
}

// selectStmt reports a select that chooses between two or more communications;
// a default beside a single one is a poll, which chooses nothing.
func (c *walker) selectStmt(n *ast.SelectStmt) {
	comms := 0
	for _, s := range n.Body.List {
		if clause, ok := s.(*ast.CommClause); ok && clause.Comm != nil {
			comms++
		}
	}
	if comms > 1 {
		c.report(n, Select, "select with several cases: the runtime would choose one at random")
	}
}

// use reports any mention of a forbidden function, called or handed on.
func (c *walker) use(id *ast.Ident) {
	obj := c.pass.TypesInfo.Uses[id]
	if obj == nil || obj.Pkg() == nil {
		return
	}
	place, method := placeOf(obj)
	if (place == "math/rand" || place == "math/rand/v2") && !method {
		if _, isFunc := obj.(*types.Func); isFunc && !strings.Contains(seeded, " "+obj.Name()+" ") {
			c.report(id, Random, place+"."+obj.Name()+" draws from the global source")
		}
		return
	}
	ban, ok := forbidden[place]
	if !ok || (ban.names != "*" && !strings.Contains(" "+ban.names+" ", " "+obj.Name()+" ")) {
		return
	}
	if ban.rule == MapOrder && (c.notes.covers(c.pass, id) || c.collectsSorted()) {
		return
	}
	if _, isFunc := obj.(*types.Func); isFunc || ban.names == "*" {
		c.report(id, ban.rule, place+"."+obj.Name()+" is not a function of the seed")
	}
}

// placeOf names the package of a top-level object, or the type of a method.
func placeOf(obj types.Object) (place string, method bool) {
	fn, ok := obj.(*types.Func)
	if !ok {
		return obj.Pkg().Path(), false
	}
	recv := fn.Signature().Recv()
	if recv == nil {
		return obj.Pkg().Path(), false
	}
	t := types.Unalias(recv.Type())
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	if named, ok := t.(*types.Named); ok {
		return obj.Pkg().Path() + "." + named.Obj().Name(), true
	}
	return obj.Pkg().Path() + ".", true
}
