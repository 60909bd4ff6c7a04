package campaign

import (
	"bufio"
	"bytes"
	"fmt"
	"path"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
)

// frame is a call on a stack.
type frame struct {
	function string // with the path of its package
	file     string
	line     int
}

// stack is what of a stack is of use to whoever wrote a protocol: from the innermost call
// that is not the runtime's, out to the simulator, which is left out.
type stack []frame

const (
	own = "github.com/joinery-go/joinery/sim/campaign"

	maxFrames = 64 // that are looked at
	fewFrames = 8  // that are shown
)

// short is a function without the folders of its package: lease.(*holder).Timer.
func (f frame) short() string { return f.function[strings.LastIndexByte(f.function, '/')+1:] }

// pkg is the import path of the frame's package.
func (f frame) pkg() string {
	dir, base := path.Split(f.function)
	name, _, _ := strings.Cut(base, ".")
	return dir + name
}

// place is the file, under its package, and the line: example.com/lease/lease.go:107. It is
// the same on every machine.
func (f frame) place() string {
	return fmt.Sprintf("%s/%s:%d", f.pkg(), f.file[strings.LastIndexByte(f.file, '/')+1:], f.line)
}

// standard reports whether a frame is of the standard library, which lies where the file of
// the runtime does; where paths were trimmed, it is told by a package path without a dot.
func (f frame) standard(root string) bool {
	if root != "" {
		return strings.HasPrefix(f.file, root)
	}
	first, _, _ := strings.Cut(f.pkg(), "/")
	return first != "main" && !strings.Contains(first, ".")
}

// user is the innermost frame of the protocol: neither of the standard library, nor of a
// logger, nor of the simulator.
func (s stack) user() (frame, bool) {
	root := standardRoot()
	i := slices.IndexFunc(s, func(f frame) bool { return !f.standard(root) && !logs(f.function) && !ours(f.pkg()) })
	if i < 0 {
		return frame{}, false
	}
	return s[i], true
}

// standardRoot is the folder of the standard library's source, "" where paths are trimmed.
func standardRoot() string {
	var pc [1]uintptr
	f, _ := runtime.CallersFrames(pc[:runtime.Callers(0, pc[:])]).Next()
	return strings.TrimSuffix(f.File, "runtime/extern.go")
}

// ours reports whether a package is the simulator, or what runs it.
func ours(pkg string) bool {
	const sim = "github.com/joinery-go/joinery/sim"
	return slices.Contains([]string{sim, sim + "/net", sim + "/disk", sim + "/campaign"}, pkg)
}

// String is the stack, a line a call, beneath a line that it continues; "" if it is empty.
func (s stack) String() string {
	var b strings.Builder
	for _, f := range s[:min(len(s), fewFrames)] {
		fmt.Fprintf(&b, "\n  %s at %s", f.short(), f.place())
	}
	if more := len(s) - fewFrames; more > 0 {
		fmt.Fprintf(&b, "\n  and %d calls further out", more)
	}
	return b.String()
}

// where says in which line of the protocol it is, and how it got there; "" if that is not
// known.
func (s stack) where() string {
	text := s.String()
	if f, ok := s.user(); ok {
		text = fmt.Sprintf(", in %s at %s%s", f.short(), f.place(), text)
	}
	return text
}

// trimmed leaves out the runtime inside, and what is outside of the protocol.
func trimmed(frames []frame) stack {
	first := slices.IndexFunc(frames, func(f frame) bool { return !strings.HasPrefix(f.function, "runtime.") })
	if first < 0 {
		return nil
	}
	frames = frames[first:]
	last := len(frames)
	for i, f := range frames {
		if strings.HasPrefix(f.function, own+".guarded") || strings.HasPrefix(f.function, own+".(*Protocol).") || strings.HasPrefix(f.function, own+".(*memory).") {
			last = i
			break
		}
	}
	for last > 0 && ours(frames[last-1].pkg()) { // the world that called the protocol
		last--
	}
	return frames[:last]
}

// panicStack is the stack of a panic that the caller's deferred function recovers from.
func panicStack() stack {
	pc := make([]uintptr, maxFrames)
	calls := runtime.CallersFrames(pc[:runtime.Callers(1, pc)])
	var frames []frame
	for panicked := false; ; {
		f, more := calls.Next()
		if panicked {
			frames = append(frames, frame{f.Function, f.File, f.Line})
		}
		panicked = panicked || f.Function == "runtime.gopanic"
		if !more {
			return trimmed(frames)
		}
	}
}

// goroutineLabel is the label under which goroutines of runs have names.
const goroutineLabel = "joinery-run"

const maxDump = 16 << 20 // bytes of the stacks of all goroutines

// stackOf is the stack of a goroutine by its name, or nothing where it is gone.
func stackOf(name string) stack {
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil || b.Len() > maxDump {
		return nil
	}
	return trimmed(framesOf(b.Bytes(), name))
}

// framesOf reads the frames of a goroutine out of a profile of all of them, as text: an
// entry has its labels on a line, and then a line a call, of a program counter, the function
// and an offset, and the file and line.
func framesOf(profile []byte, name string) (frames []frame) {
	at := bytes.Index(profile, fmt.Appendf(nil, "%q:%q", goroutineLabel, name))
	if at < 0 {
		return nil
	}
	lines := bufio.NewScanner(bytes.NewReader(profile[at:]))
	lines.Buffer(nil, 1<<20)
	lines.Scan() // its labels
	for lines.Scan() && len(frames) < maxFrames {
		parts := strings.FieldsFunc(lines.Text(), func(r rune) bool { return r == '\t' })
		if len(parts) < 4 || parts[0] != "#" {
			break
		}
		function, where := parts[2], parts[3]
		plus, colon := strings.LastIndexByte(function, '+'), strings.LastIndexByte(where, ':')
		if plus < 0 || colon < 0 {
			break
		}
		n, err := strconv.Atoi(where[colon+1:])
		if err != nil {
			break
		}
		frames = append(frames, frame{function[:plus], where[:colon], n})
	}
	return frames
}
