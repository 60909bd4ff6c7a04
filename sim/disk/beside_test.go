package disk

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// tree answers each question in turn with what a path says, which it goes through all of.
type tree struct {
	path, sizes []uint64
	at          int
	started     int // events in which a crash was asked for
}

func (s *tree) ask(n uint64) uint64 {
	if s.at == len(s.path) {
		s.path, s.sizes = append(s.path, 0), append(s.sizes, n)
	}
	s.at++
	return s.path[s.at-1]
}

func (s *tree) Choose(p choice.Point) uint64 { return s.ask(p.N) }

// next goes on to the next path, and reports whether there is one.
func (s *tree) next() bool {
	s.path, s.sizes = s.path[:s.at], s.sizes[:s.at] // what a shorter run has not asked
	s.at, s.started = 0, 0
	for n := len(s.path) - 1; n >= 0; n-- {
		if s.path[n]++; s.path[n] < s.sizes[n] {
			s.path, s.sizes = s.path[:n+1], s.sizes[:n+1]
			return true
		}
	}
	return false
}

// act replaces a file, or removes it where text is "".
type act struct{ name, text string }

// trial is what may go wrong: a crash while acts are under way, or else one after all is
// over; and steps that fail.
type trial struct{ crashes, errors bool }

// outcomes are what a reader may find after a crash, each with how many acts had been told
// to be over when it came, and, where it came last, what was seen before it.
type outcomes map[string]bool

func (o outcomes) add(told int, seen, found map[string]string) {
	o[fmt.Sprintf("%d told, seen %s, then %s", told, inOrder(seen), inOrder(found))] = true
}

func inOrder(files map[string]string) string {
	var held []string
	for name, text := range files { //joinery:anyorder sorted below
		held = append(held, name+"="+text)
	}
	slices.Sort(held)
	return strings.Join(held, " ")
}

// before are the files that are there, durable, when the acts begin.
var before = []act{{"a", "old"}, {"c", "old"}}

// byHand does acts in a file system, a process of which takes every step and stops at the
// first that fails, with a power cut after each number of operations and every answer to
// every question: what may come of four steps is counted out, not argued.
func byHand(t *testing.T, acts []act, try trial) outcomes {
	all := make(outcomes)
	for cut, more := int64(1), true; more; cut++ {
		more = false
		for s := new(tree); ; {
			f := newFS(t, FSOptions{})
			for _, a := range before {
				put(t, f, "d/"+a.name, a.text, true, true)
			}
			f.opts.Source, f.opts.Crash = s, sim.Low
			if try.errors {
				f.opts.Errors = sim.Low
			}
			began := f.Ops()
			if try.crashes {
				f.CrashAt(began + cut)
			}
			told := 0
			for _, a := range acts {
				if !a.byHand(f, s, try) {
					break
				}
				told++
			}
			more = more || try.crashes && f.Ops() >= began+cut
			f.opts.Errors = sim.Off // what is read below is read on another day
			var seen map[string]string
			if !try.crashes {
				seen = inFolder(t, f)
			}
			f.PowerCut()
			all.add(told, seen, inFolder(t, f))
			if !s.next() {
				break
			}
		}
	}
	return all
}

// inFolder are the files there, but for those on their way.
func inFolder(t *testing.T, f *FS) map[string]string {
	names, err := f.List("d")
	require.NoError(t, err)
	files := map[string]string{}
	for _, name := range names {
		if !strings.HasSuffix(name, ".new") && name != "e" {
			files[name] = content(t, f, "d/"+name)
		}
	}
	return files
}

func (a act) byHand(f *FS, s *tree, try trial) bool {
	if a.text == "" {
		err := f.Remove("d/" + a.name)
		// As Log.Remove, it does not say whether it could; and the process may end before it
		// hears of it.
		return !errors.Is(err, ErrCrashed) && (!try.crashes || s.ask(2) == 0)
	}
	h, err := f.Create("d/"+a.name+".new", category)
	if err == nil {
		_, err = h.Write([]byte(a.text))
	}
	if err == nil {
		err = h.Sync()
	}
	if err == nil {
		err = f.Rename("d/"+a.name+".new", "d/"+a.name)
	}
	if err != nil || try.errors && s.ask(2) == 1 { // the sync of a directory does not fail there
		return false
	}
	d, err := f.OpenDir("d")
	return err == nil && d.Sync() == nil
}

// actor does acts one after the other, and says what it finds once it starts again.
type actor struct {
	acts  []act
	told  *int
	found *map[string]string
	t     *testing.T
}

func (a actor) Start(c *sim.Context) {
	if c.Incarnation() == 2 {
		*a.found = contents(a.t, Of(c))
	}
}
func (a actor) Receive(*sim.Context, sim.NodeID, []byte) {}
func (a actor) Timer(*sim.Context, sim.TimerID)          {}
func (a actor) Input(c *sim.Context, _ uint64)           { a.next(c) }
func (a actor) next(c *sim.Context) {
	for *a.told < len(a.acts) && !c.Dead() {
		do := a.acts[*a.told]
		if do.text != "" {
			_ = Of(c).Replace(c, uint64(*a.told), do.name, []byte(do.text)) // what fails is not persisted
			return
		}
		if Of(c).Remove(c, do.name); !c.Dead() {
			*a.told++
		}
	}
}
func (a actor) Persisted(c *sim.Context, token uint64) {
	if Of(c).Synced(token) == nil {
		*a.told++
		a.next(c)
	} // else it waits for the crash
}

// simulated does acts beside a log, with a crash at every time and every answer.
func simulated(t *testing.T, acts []act, try trial) outcomes {
	all := make(outcomes)
	end := sim.Time(1 + replaceRequests*len(acts))
	at := sim.Time(1)
	if !try.crashes {
		at = end
	}
	for ; at <= end; at++ {
		for s := new(tree); ; {
			told, found, later := 0, map[string]string(nil), false
			log := NewLog(Options{Latency: 1})
			log.beside = new(beside)
			for _, a := range before {
				frame := appendFrame(nil, 0, []byte(a.text))
				log.beside.make(&replace{file: whole{a.name, [2][]byte{frame, frame}}})
			}
			w, err := sim.New(sim.Options{
				Nodes: 1, Source: onlyFiles{s, try, &later}, DiskFaults: sim.Low, ProcessFaults: sim.ProcessFaultOptions{DiskError: sim.Low, MidCrash: sim.Low},
				Device:  func(sim.NodeID) sim.Device { return log },
				Factory: func(sim.NodeID) sim.Actor { return actor{acts, &told, &found, t} },
			})
			require.NoError(t, err)
			require.NoError(t, w.Inject(1, 0, 0))
			require.NoError(t, w.RunUntil(at))
			later = true
			var seen map[string]string
			if !try.crashes {
				seen = contents(t, log)
			}
			require.NoError(t, w.Crash(0)) // unless it has
			require.NoError(t, w.Restart(0))
			require.NoError(t, w.RunUntil(w.Now()+1))
			require.NotNil(t, found, "%v at %d", s.path, at)
			all.add(told, seen, found)
			if !s.next() {
				break
			}
		}
	}
	return all
}

// onlyFiles leaves out what is not asked of files or within an event, and how slow they are.
type onlyFiles struct {
	*tree
	try   trial
	later *bool // it is after the crash
}

func (s onlyFiles) Choose(p choice.Point) uint64 {
	switch p.Site {
	case "disk.renamed", "disk.unlinked":
		return s.ask(p.N)
	case "disk.replace", "disk.unlink":
		if s.try.errors {
			return s.ask(p.N)
		}
	case "sim.midcrash":
		// When the node starts, which is asked first, nothing is done yet.
		if s.started++; s.try.crashes && s.started > 1 && !*s.later {
			return [...]uint64{0, 2, 3}[s.ask(3)] // no crash, or one after an effect, or two
		}
	}
	return 0
}

func contents(t *testing.T, l *Log) map[string]string {
	files := map[string]string{}
	for _, name := range l.Files() {
		b, err := l.File(name)
		require.NoError(t, err)
		files[name] = string(b)
	}
	return files
}

// TestReplaceIsFourSteps: what a crash at any time leaves of replacements and removals is
// what is left of the steps of a process in a file system, no more and no less.
func TestReplaceIsFourSteps(t *testing.T) {
	for _, acts := range [][]act{
		{{"a", "new"}},
		{{"b", "new"}},
		{{"a", ""}},
		{{"a", "new"}, {"a", "newer"}},
		{{"a", "new"}, {"b", "new"}},
		{{"a", ""}, {"b", "new"}},
		{{"a", ""}, {"a", "new"}},
		{{"a", "new"}, {"c", ""}},
		{{"a", ""}, {"c", ""}, {"b", "new"}},
		{{"b", "new"}, {"a", ""}, {"c", "new"}},
	} {
		for _, try := range []trial{{crashes: true}, {errors: true}, {true, true}} {
			want := byHand(t, acts, try)
			require.Greater(t, len(want), 1)
			assert.Equal(t, want, simulated(t, acts, try), "%v, %+v", acts, try)
		}
	}
}

// keeper replaces the file f with the text that an input stands for, or does what a number
// beyond says.
type keeper struct{ said *[]string }

const (
	keeperRemoves = 100 + iota
	keeperAppends
)

func (k keeper) Start(*sim.Context)                       {}
func (k keeper) Receive(*sim.Context, sim.NodeID, []byte) {}
func (k keeper) Timer(*sim.Context, sim.TimerID)          {}
func (k keeper) Input(c *sim.Context, id uint64) {
	var err error
	switch id {
	case keeperRemoves:
		Of(c).Remove(c, "f")
	case keeperAppends:
		err = Of(c).Append(c, id, []byte("record"))
	default:
		text := fmt.Appendf(nil, "text %d", id)
		err = Of(c).Replace(c, id, "f", text)
		text[0] = 'X' // the disk has its own copy
	}
	if err != nil {
		*k.said = append(*k.said, err.Error())
	}
}
func (k keeper) Persisted(c *sim.Context, token uint64) {
	say := fmt.Sprint(token, " at ", c.Now())
	if err := Of(c).Synced(token); err != nil {
		say = err.Error()
	}
	*k.said = append(*k.said, say)
}

func keep(t *testing.T, o Options, src choice.Source) (*Log, *sim.World, *[]string) {
	log, said := NewLog(o), new([]string)
	w, err := sim.New(sim.Options{
		Nodes: 1, Source: src, DiskFaults: sim.Low, ProcessFaults: sim.ProcessFaultOptions{DiskError: sim.Low, Rot: sim.Low},
		Device:  func(sim.NodeID) sim.Device { return log },
		Factory: func(sim.NodeID) sim.Actor { return keeper{said} },
	})
	require.NoError(t, err)
	return log, w, said
}

func give(t *testing.T, w *sim.World, inputs ...uint64) {
	for _, id := range inputs {
		require.NoError(t, w.Inject(w.Now()+1, 0, id))
		require.NoError(t, w.RunUntil(w.Now()+sim.Second))
	}
}

// TestReplaceFails: what fails at once is told at once, what fails later by Synced, and
// readers see the old file, but for the last step.
func TestReplaceFails(t *testing.T) {
	for answer, want := range map[uint64]struct{ say, file string }{
		0:            {"2 at", "text 2"},
		writeEIO:     {"write failed", "text 1"},
		writeENOSPC:  {"no space left", "text 1"},
		writeShort:   {"write failed", "text 1"},
		syncFails:    {"sync failed", "text 1"},
		renameFails:  {"sync failed", "text 1"},
		dirSyncFails: {"sync failed", "text 2"},
	} {
		n := uint64(0)
		log, w, said := keep(t, Options{}, answers(func(p choice.Point) uint64 {
			if p.Site == "disk.replace" {
				n++
				return answer * (n - 1) // the first goes well
			}
			return 0
		}))
		give(t, w, 1, 2)
		require.Len(t, *said, 2)
		require.Contains(t, (*said)[0], "1 at 800.001µs", "four requests")
		require.Contains(t, (*said)[1], want.say, answer)
		require.Equal(t, want.file, contents(t, log)["f"], answer)
	}
}

// TestReplaceAfterRemove: of a removal asked for while a replacement is under way only that
// is left that the file is there again.
func TestReplaceAfterRemove(t *testing.T) {
	log, w, _ := keep(t, Options{}, bySite{"disk.unlinked": 1})
	give(t, w, 1)
	require.NoError(t, w.Inject(w.Now()+1, 0, 2))
	require.NoError(t, w.Inject(w.Now()+2, 0, keeperRemoves))
	require.NoError(t, w.RunUntil(w.Now()+3))
	require.Empty(t, log.Files())
	require.NoError(t, w.RunUntil(w.Now()+sim.Second))
	require.Equal(t, map[string]string{"f": "text 2"}, contents(t, log))
	require.NoError(t, w.Crash(0))
	require.Equal(t, map[string]string{"f": "text 2"}, contents(t, log))
}

// TestReplaceAgain: a failure ends with the crash that it leads to.
func TestReplaceAgain(t *testing.T) {
	n := 0
	log, w, said := keep(t, Options{}, answers(func(p choice.Point) uint64 {
		if p.Site != "disk.replace" || n > 0 {
			return 0
		}
		n++
		return syncFails
	}))
	give(t, w, 1)
	require.NoError(t, w.Crash(0))
	require.NoError(t, w.Restart(0))
	give(t, w, 1)
	require.Len(t, *said, 2)
	require.Contains(t, (*said)[0], "sync failed")
	require.Contains(t, (*said)[1], "1 at")
	require.Equal(t, map[string]string{"f": "text 1"}, contents(t, log))
}

// TestReplaceAndAppend: neither waits for the other.
func TestReplaceAndAppend(t *testing.T) {
	_, w, said := keep(t, Options{}, choice.Benign)
	require.NoError(t, w.Inject(1, 0, 1))
	require.NoError(t, w.Inject(2, 0, keeperAppends))
	require.NoError(t, w.RunUntil(sim.Second))
	require.Len(t, *said, 2)
	require.Contains(t, (*said)[0], fmt.Sprint(keeperAppends, " at"))
}

// TestFileRots: a spoiled copy is made good from the other, and where both are the file is
// told to be unreadable.
func TestFileRots(t *testing.T) {
	for answer := range uint64(4) {
		log, w, _ := keep(t, Options{}, bySite{"disk.fileRot": answer})
		give(t, w, 1)
		require.NoError(t, w.Crash(0))
		b, err := log.File("f")
		if answer == bothCopies {
			require.ErrorIs(t, err, ErrUnreadable)
			require.Equal(t, []string{"f"}, log.Files())
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "text 1", string(b))
		require.Equal(t, int64(min(answer, 1)), log.Repaired())
		if answer > 0 {
			_, err = log.File("f")
			require.NoError(t, err)
			require.Equal(t, int64(1), log.Repaired(), "it has been made good")
		}
	}
}

// TestOneCopyIsLeft: two crashes without a reading between them spoil one copy each time, and
// never the last.
func TestOneCopyIsLeft(t *testing.T) {
	n := uint64(0)
	log, w, _ := keep(t, Options{}, answers(func(p choice.Point) uint64 {
		if p.Site == "disk.fileRot" {
			n++
			return n
		}
		return 0
	}))
	give(t, w, 1)
	for range 2 {
		require.NoError(t, w.Crash(0))
		require.NoError(t, w.Restart(0))
		require.NoError(t, w.RunUntil(w.Now()+1))
	}
	_, err := log.File("f")
	require.NoError(t, err)
}

// TestFilesGoBackWithTheLog: a disk taken back in its history has the files that it had
// then.
func TestFilesGoBackWithTheLog(t *testing.T) {
	for keeps, want := range []map[string]string{{}, {"f": "text 1"}, {"f": "text 2"}, {}} {
		log, w, _ := keep(t, Options{}, bySite{"disk.unlinked": 1})
		give(t, w, keeperAppends, 1, keeperAppends, 2, keeperAppends, keeperRemoves)
		require.NoError(t, w.Crash(0))
		require.Empty(t, log.Files())
		log.Rewind(keeps, 3)
		require.Equal(t, want, contents(t, log), keeps)
	}
}

// TestNoFile: there are none before one is made, nor after the log is made anew, and too
// large a one is a bound of the simulation.
func TestNoFile(t *testing.T) {
	const whole = frameHeader + len("text 1") // and of a record
	log, w, _ := keep(t, Options{MaxBytes: 2 * whole}, choice.Benign)
	_, err := log.File("f")
	require.ErrorIs(t, err, ErrNoFile)
	require.Empty(t, log.Files())
	give(t, w, keeperRemoves, 1)
	_, err = log.File("g")
	require.ErrorIs(t, err, ErrNoFile)
	give(t, w, 2, keeperAppends) // the new file and the old one lie there at once
	require.NoError(t, w.Inject(w.Now()+1, 0, keeperAppends))
	require.ErrorIs(t, w.RunUntil(w.Now()+sim.Second), ErrFull)
	log.Reset(Options{})
	require.Empty(t, log.Files())

	_, w, _ = keep(t, Options{MaxBytes: 2*whole - 1}, choice.Benign)
	give(t, w, 1)
	require.NoError(t, w.Inject(w.Now()+1, 0, 2))
	require.ErrorIs(t, w.RunUntil(w.Now()+sim.Second), ErrFull)
}
