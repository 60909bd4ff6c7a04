package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// marker opens the comment that lets a map range stand.
const marker = "//joinery:anyorder"

// annotations are the anyorder comments of one file by line.
type annotations struct {
	lines map[int]*annotation
	order []*annotation // as they stand in the file
}

type annotation struct {
	pos    token.Pos
	reason string
	alone  bool // nothing but space stands before it on its line
	used   bool
}

func annotationsOf(pass *analysis.Pass, file *ast.File) (*annotations, error) {
	a := &annotations{lines: map[int]*annotation{}}
	source, err := pass.ReadFile(pass.Fset.Position(file.FileStart).Filename)
	if err != nil {
		return nil, fmt.Errorf("read annotations: %w", err)
	}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			rest, ok := strings.CutPrefix(comment.Text, marker)
			if !ok {
				continue
			}
			at := pass.Fset.PositionFor(comment.Pos(), false)
			before := source[at.Offset-(at.Column-1) : at.Offset]
			note := &annotation{
				pos: comment.Pos(), reason: strings.TrimSpace(rest), alone: len(bytes.TrimSpace(before)) == 0,
			}
			a.lines[at.Line] = note
			a.order = append(a.order, note)
			if note.reason == "" {
				pass.Report(analysis.Diagnostic{
					Pos: comment.Pos(), End: comment.End(), Category: string(Annotation),
					Message: marker + " gives no reason",
				})
			}
		}
	}
	return a, nil
}

// covers reports whether an annotation stands on the node's first line or alone
// on the line above, and notes that it was of use. One without a reason covers too: it
// has its own diagnostic.
func (a *annotations) covers(pass *analysis.Pass, n ast.Node) bool {
	line := pass.Fset.PositionFor(n.Pos(), false).Line
	for _, l := range []int{line, line - 1} {
		if note := a.lines[l]; note != nil && (l == line || note.alone) {
			note.used = true
			return true
		}
	}
	return false
}

// reportUnused reports annotations beside which no map is iterated over, so that
// they do not outlive their loops and excuse the next one.
func (a *annotations) reportUnused(pass *analysis.Pass) {
	for _, note := range a.order {
		if !note.used {
			pass.Report(analysis.Diagnostic{
				Pos: note.pos, Category: string(Annotation),
				Message: marker + " excuses nothing: no map is iterated over on this line or the next",
			})
		}
	}
}
