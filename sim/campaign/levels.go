package campaign

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// Drawn, as a level in the setup of a protocol, has the level drawn for each seed:
// off, low or extreme. No run has it, nor a tape.
const Drawn = sim.NumLevels

// Levels is a level for each fault class. In JSON it is an object from the names of
// classes to the names of levels; a class left out is off.
type Levels [sim.AllClasses]sim.Level

// Bears has the levels of the given classes drawn for each seed, and all others off:
// the faults that a protocol claims to bear. It panics where a class does not exist.
func Bears(classes ...sim.Class) (l Levels) { return l.With(Drawn, classes...) }

// With is l with the given classes at another level.
func (l Levels) With(level sim.Level, classes ...sim.Class) Levels {
	for _, c := range classes {
		l[c] = level
	}
	return l
}

// Classes are the classes that are not off.
func (l Levels) Classes() []sim.Class {
	var on []sim.Class
	for c := range sim.AllClasses {
		if l[c] != sim.Off {
			on = append(on, c)
		}
	}
	return on
}

// draw replaces Drawn by levels drawn from the seed. Each of the common classes is off,
// low or extreme in a third of the seeds, each of the further ones is off in four of
// five, so that a seed has few of them and its operations still get somewhere.
// Uniform has all that would be drawn low.
func (l Levels) draw(seed uint64, uniform bool) Levels {
	src := choice.Seeded(choice.MixString(seed, "levels"))
	for c := range sim.AllClasses {
		switch {
		case l[c] != Drawn:
		case uniform:
			l[c] = sim.Low
		case c < sim.NumClasses:
			l[c] = sim.SwarmLevel(src, c)
		default:
			l[c] = furtherLevels[src.Choose(choice.Point{Site: "further", Key: uint64(c), N: uint64(len(furtherLevels))})]
		}
	}
	return l
}

var furtherLevels = [10]sim.Level{8: sim.Low, 9: sim.Extreme}

// drawn reports whether a level is still to be drawn, or is none.
func (l Levels) drawn() bool {
	return slices.ContainsFunc(l[:], func(l sim.Level) bool { return l >= sim.NumLevels })
}

// MarshalJSON writes the classes that are not off.
func (l Levels) MarshalJSON() ([]byte, error) {
	m := make(map[string]string)
	for c, level := range l {
		if level != sim.Off {
			m[sim.Class(c).String()] = level.String()
		}
	}
	return json.Marshal(m)
}

// UnmarshalJSON refuses classes and levels that it does not know.
func (l *Levels) UnmarshalJSON(b []byte) error {
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*l = Levels{}
	for _, class := range slices.Sorted(maps.Keys(m)) {
		c := slices.Index(FaultClasses(), class)
		level := slices.Index(LevelNames(), m[class])
		if c < 0 || level < 0 {
			return fmt.Errorf("%w: fault %q at level %q, want one of %v at one of %v", ErrSetup, class, m[class], FaultClasses(), LevelNames())
		}
		l[c] = sim.Level(level)
	}
	return nil
}

// String lists the classes that are not off with their levels: "drop=low crash=extreme".
func (l Levels) String() string {
	var all []string
	for _, c := range l.Classes() {
		level := "drawn"
		if l[c] != Drawn {
			level = l[c].String()
		}
		all = append(all, c.String()+"="+level)
	}
	return strings.Join(all, " ")
}

// FaultClasses names the fault classes in the order of [Levels].
func FaultClasses() []string {
	names := make([]string, sim.AllClasses)
	for c := range sim.AllClasses {
		names[c] = c.String()
	}
	return names
}

// LevelNames names the levels of faults, mildest first.
func LevelNames() []string {
	names := make([]string, sim.NumLevels)
	for l := range sim.NumLevels {
		names[l] = l.String()
	}
	return names
}

// LevelWords are the ways to set the level of all classes that a protocol bears: as it
// says, or one level for all.
func LevelWords() []string { return append([]string{"drawn"}, LevelNames()...) }

// ParseLevels reads how hard faults strike a protocol that bears some classes: one of
// [LevelWords], and behind it, after commas, single classes at a level of their own,
// borne or not:
//
//	drawn,corrupt=off     off,crash=extreme,disk=low     clock=drawn
//
// Without the first part all other classes are off.
func ParseLevels(text string, bears Levels) (l Levels, err error) {
	for i, part := range strings.Split(text, ",") {
		class, word, named := strings.Cut(part, "=")
		if !named {
			word = part
		}
		level := slices.Index(LevelNames(), word)
		if word == "drawn" {
			level = int(Drawn)
		}
		c := slices.Index(FaultClasses(), class)
		switch {
		case level < 0 || named && c < 0 || !named && i > 0:
			return l, fmt.Errorf("%w: faults %q: %q is not one of %v, nor CLASS=LEVEL with one of the classes %v", ErrSetup, text, part, LevelWords(), FaultClasses())
		case named:
			l[c] = sim.Level(level)
		case word == "drawn":
			l = bears
		default:
			l = l.With(sim.Level(level), bears.Classes()...)
		}
	}
	return l, nil
}
