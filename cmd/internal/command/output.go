package command

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/term"

	"github.com/joinery-go/joinery/cmd/internal/layout"
)

// screen is what standard output and standard error share where both are one
// terminal: a live line on it must be gone before anything else is written.
type screen struct {
	mu     sync.Mutex
	live   io.Writer // on which something live stands; nil if nothing does
	widths []int     // of its rows; none of a single line
}

// EraseLine is the control sequence that takes a live line back, the only one that the
// programs write but for a live screen.
const EraseLine = "\r\x1b[K"

// clear takes back what is live. The caller holds mu.
func (s *screen) clear() {
	if s.live != nil {
		erase := EraseLine
		if len(s.widths) > 0 {
			columns, _ := sizeOf(s.live)
			erase = s.up(columns) + eraseBelow
		}
		io.WriteString(s.live, erase) // it is a terminal's; what follows tells whether that is gone
		s.live, s.widths = nil, s.widths[:0]
	}
}

// output is standard output or standard error. It keeps the first error that
// writing met and refuses to write from then on, so that a command need not look
// at each of its lines: where the command ends, [Program.Run] does.
type output struct {
	*screen
	w      io.Writer
	failed func(err error) // told of the first error
	err    error
}

// Write is safe for concurrent use.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	o.clear()
	n, err := o.w.Write(b)
	if err != nil {
		o.err = err
		o.failed(err)
	}
	return n, err
}

// show replaces the live line.
func (o *output) show(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clear()
	if o.err != nil {
		return
	}
	o.live = o.w
	io.WriteString(o.w, cut(line, o.columns())) // as in clear
}

// hide takes the live line back.
func (o *output) hide() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clear()
}

// first is the first error that writing met, if one did.
func (o *output) first() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// columns is how wide a live line may be: one less than the terminal, whose
// cursor would else go to the next line and not come back.
func (o *output) columns() int {
	wide, _ := o.size()
	return wide - 1
}

// cut is the beginning of a line that fits into so many columns.
func cut(line string, columns int) string {
	for i := range line {
		if layout.Columns(line[:i]) == columns {
			return line[:i]
		}
	}
	return line
}

// ClosedPipe reports whether an output was closed by who read it, as head does
// once it has enough. That is no failure of anybody.
func ClosedPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }

// Terminal reports whether w is a terminal.
func Terminal(w io.Writer) bool {
	_, ok := TerminalFile(w)
	return ok
}

// TerminalFile is the terminal that w writes to, if it does.
func TerminalFile(w io.Writer) (*os.File, bool) {
	if o, ok := w.(*output); ok {
		w = o.w
	}
	f, ok := w.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}
