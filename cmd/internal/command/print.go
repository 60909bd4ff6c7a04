package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/joinery-go/joinery/cmd/internal/layout"
)

// FieldColumns is where the text of a summary's lines begins.
const FieldColumns = 13

// PrintField prints a line of a summary, its name in front, in as many lines as it takes.
func PrintField(w io.Writer, name, text string) {
	fmt.Fprintf(w, "%s\n", layout.Hang(layout.Pad(name, FieldColumns), text))
}

// PrintText prints text whose line breaks and indents count, each line behind indent and
// the rest of one that is too wide further in.
func PrintText(w io.Writer, indent, text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		inner := indent + line[:len(line)-len(strings.TrimLeft(line, " "))]
		fmt.Fprintf(w, "%s\n", layout.Wrap(inner, inner+"  ", line))
	}
}

// Line is a command line of a program that can be pasted; the program is as a shell has it.
func Line(program string, args ...string) string {
	for _, a := range args {
		program += " " + ShellWord(a)
	}
	return program
}
