package laws

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// variety is what a source was seen to vary: a fault that shows where one field ties and
// another differs is not found by states that never look like that.
type variety struct {
	pairs    int
	distinct bool // two states of some pair differed
	parts    []part
	at       map[string]int // into parts
}

type part struct {
	path           string
	tied, differed int
}

// ofForm reports that a part is no value of its own: how many elements there are, and, as
// long as it does not differ, of which type a value is, and whether a pointer is nil.
func (p part) ofForm() bool {
	return p.path == "" || strings.HasPrefix(p.path, "len(") ||
		p.differed == 0 && (strings.HasPrefix(p.path, "the type ") || strings.HasSuffix(p.path, " is there"))
}

// surveyed is how many pairs of states are looked at before the laws are judged.
const surveyed = 200

// survey draws pairs of states and compares their parts. It ends early where stop says
// so, or where states cannot be drawn: the laws will say why. That it does not end within
// patience is a failure, since it merges and compares as the laws do.
func survey(s *subject, source gen.Source[any], seed uint64, stop func() bool, patience time.Duration) (*variety, *Failure) {
	v := &variety{at: make(map[string]int)}
	p := newProbe(s)
	run := &seededRun{source: source, probe: p, x: make([]any, 2), watchdog: new(watchdog)}
	ended := run.watch(patience, func() {
		for i := range uint64(surveyed) {
			if stop() {
				break
			}
			run.draw.Reset(choice.Seeded(choice.Mix(choice.MixString(seed, "survey"), i)))
			run.joining.Store(nil)
			run.draw.OnJoin(func(a, b any) { run.joining.Store(&[2]any{a, b}) })
			run.step()
			if run.fill() != nil || run.draw.Err() != nil {
				break
			}
			run.step()
			v.add(p, run.x)
		}
	})
	if ended {
		return v, nil
	}
	// What has not ended may still write into what it uses: here are others.
	var f *Failure
	if p = newProbe(s); run.steps.Load()%2 == 0 {
		f = p.stuck(run.x)
		f.Panic = stuckText("comparison of states")
	} else {
		f = p.stuckDrawing(run.joining.Load())
	}
	f.Limit = limitText(patience)
	return nil, f
}

// unsteadiness says which states of a few a generator does not draw again from the choices
// that made them: what it draws depends on a clock, on chance, or on the order of a map.
// Then parts of states cannot tie, and a case that fails cannot be drawn again.
type unsteadiness struct {
	of, differ int
	channels   int    // how many differ in channels alone, which were made anew
	path       string // of one of those
}

// unsteady draws a few states twice each.
func (s *subject) unsteady(g gen.Gen[any]) (u unsteadiness) {
	const drawn, seed = 16, 1
	defer func() { _ = recover() }() // an Equal or a generator that panics does so under a law
	p := newProbe(s)
	for u.of < drawn {
		var d gen.Draw
		var two [2]any
		for i := range two {
			d.Reset(choice.Seeded(choice.Mix(choice.MixString(seed, "steady"), uint64(u.of))))
			two[i] = g(&d)
		}
		if d.Err() != nil {
			break
		}
		u.of++
		if p.Equal(two[0], p.Copy(two[0])) && !p.Equal(two[0], two[1]) {
			u.differ++
			u.noteChannels(s, two)
		}
	}
	return u
}

// noteChannels notes whether two states that are to be one differ in channels alone.
func (u *unsteadiness) noteChannels(s *subject, two [2]any) {
	if s.ownEqual || s.equal != nil || s.state != nil {
		return // the user's word is taken
	}
	d := deep.DifferencesOfBoxes(two[0], two[1], deep.DifferenceOptions{})
	if len(d.Places) > 0 && d.Channels == len(d.Places)+d.More {
		u.channels++
		u.path = strings.TrimLeft(d.Places[0].Path, "(*)")
	}
}

// sayUnsteady logs that a generator does not draw a state again. States that differ in
// channels alone which it makes anew are refused: no two of them are equal, and so no
// merge of them is right.
func (s *subject) sayUnsteady(t rapid.TB, g gen.Gen[any], opts []Option) {
	t.Helper()
	if s == nil || s.err != nil {
		return
	}
	var u unsteadiness
	switch ended := new(watchdog).watch(settingsOf(opts).waits(s), func() { u = s.unsteady(g) }); {
	case !ended || u.differ == 0:
	case u.channels == u.differ:
		t.Fatalf("%v: states cannot be compared: a%s is a chan that is made anew for each state, and channels are equal only where they are the same; "+
			"give laws.Equal, or the type an Equal method, or say by laws.State what of a value is state", ErrSetup, u.path)
	default:
		t.Logf("the generator makes another state of the same choices, %d times of %d: does it read a clock, chance or the order of a map? "+
			"What depends on them does not tie, and a fault that shows in a tie of it is not found", u.differ, u.of)
	}
}

// add compares a pair. What panics here, an Equal of the user's, will panic again under
// a law.
func (v *variety) add(p *probe, x []any) {
	defer func() { _ = recover() }()
	v.pairs++
	v.distinct = v.distinct || !p.Equal(x[0], x[1])
	a, b := x[0], x[1]
	if p.s.state != nil { // the rest of a value is of no matter
		of, other := p.s.state(a), p.s.state(b)
		a, b = &of, &other
	}
	deep.Parts(a, b, v.note)
}

// note counts a pair of parts.
func (v *variety) note(path string, equal bool) {
	i, ok := v.at[path]
	if !ok {
		i = len(v.parts)
		v.at[path] = i
		v.parts = append(v.parts, part{path: path})
	}
	if equal {
		v.parts[i].tied++
	} else {
		v.parts[i].differed++
	}
}

// split is the parts that always tied, and those that did not; of collections the elements.
func (v *variety) split() (always, other []string) {
	for _, p := range v.parts {
		switch {
		case p.ofForm():
		case p.differed == 0:
			always = append(always, p.path)
		default:
			other = append(other, p.path)
		}
	}
	return always, other
}

// mostTies is how many parts are named of each kind.
const mostTies = 8

// ties says, pair by pair, in which parts states agree that differ in others.
func (p *probe) ties(x []any) (text string) {
	defer func() {
		if recover() != nil {
			text = "" // an Equal of the user's: it panics under a law
		}
	}()
	for j := range x {
		for i := range j {
			v := variety{at: make(map[string]int)}
			deep.Parts(p.Copy(x[i]), p.Copy(x[j]), v.note)
			same, other := v.split()
			if len(same) > 0 && len(other) > 0 {
				text += fmt.Sprintf("%s and %s agree in %s and differ in %s\n", variables[i], variables[j], few(same), few(other))
			}
		}
	}
	return text
}

// few is the first of a list of parts, and how many more there are.
func few(paths []string) string {
	more := len(paths) - mostTies
	if more <= 0 {
		return strings.Join(paths, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(paths[:mostTies], ", "), more)
}

// remarks says which parts never tied, and which never differed, a line each.
func (v *variety) remarks() []string {
	if v.pairs < surveyed || !v.distinct {
		return nil // too little was seen, or a law will say it
	}
	var never, always []string
	for _, p := range v.parts {
		switch {
		case p.ofForm():
		case p.tied == 0:
			never = append(never, p.path)
		case p.differed == 0:
			always = append(always, p.path)
		}
	}
	var lines []string
	if len(never) > 0 {
		lines = append(lines, fmt.Sprintf("never equal in %d pairs of states: %s; a fault that shows in a tie of it is not found", v.pairs, strings.Join(never, ", ")))
	}
	if len(always) > 0 {
		lines = append(lines, fmt.Sprintf("never different in %d pairs of states: %s; a fault that shows in it is not found", v.pairs, strings.Join(always, ", ")))
	}
	return lines
}
