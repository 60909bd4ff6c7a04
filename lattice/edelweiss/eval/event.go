package eval

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// What can go wrong while a program runs, for errors.Is.
var (
	ErrEvent = errors.New("event")       // the host fed what the program does not take
	ErrKey   = errors.New("key")         // two tuples of a table share a key and differ
	ErrSeal  = errors.New("broken seal") // a tuple came after a seal said that none would
	ErrLimit = errors.New("limit")       // a timestep derives more than it may, perhaps without end
	ErrStop  = errors.New("stopped")     // [Options.Stop] ended the timestep
)

// Fact is a tuple of a collection.
type Fact struct {
	Collection string
	Tuple      el.Tuple
}

// Compare orders facts by collection and tuple.
func (f Fact) Compare(g Fact) int {
	if c := strings.Compare(f.Collection, g.Collection); c != 0 {
		return c
	}
	return f.Tuple.Compare(g.Tuple)
}

// String is the fact in the text form.
func (f Fact) String() string { return f.Collection + f.Tuple.String() }

// Message is a tuple of a channel and the node that sent it. Where it goes stands
// in the tuple's @-column.
type Message struct {
	From int64
	Fact
}

// Events are what one timestep takes.
type Events struct {
	Inputs   []Fact
	Messages []Message
}

// Options say which node runs and what it starts with.
type Options struct {
	Self   int64
	Sealed []Fact // content of sealed collections beyond the program's own facts
	Stored []Fact // tables and ranges as [Machine.Durable] gave them before a crash
	// WatchSeals makes Tick fail with ErrSeal when a tuple comes that a seal
	// excludes. It is for programs as written: a rewritten one may see a tuple
	// again that it had before.
	WatchSeals bool
	// MaxDerived bounds how often the rules may derive a tuple, or take one back, in a
	// timestep: arithmetic can go on without end. The default, for 0, is 4,194,304.
	MaxDerived int
	// Stop is asked again and again within a timestep; once it says yes the timestep
	// fails. A nil Stop never does.
	Stop func() bool
}

const (
	defaultDerived = 1 << 22
	stopEvery      = 1 << 12 // steps of a search between two questions to Stop
)

func (o Options) maxDerived() int {
	if o.MaxDerived > 0 {
		return o.MaxDerived
	}
	return defaultDerived
}

// tooMuch is the error of a timestep that goes past its bound, by a rule above all.
func tooMuch(limit int, r *el.Rule) error {
	return fmt.Errorf("%w: more than %d derivations in one timestep, most of them by the rule at %d:%d: %s: have what it derives depend on something finite, or raise MaxDerived",
		ErrLimit, limit, r.Pos.Line, r.Pos.Column, r)
}

// declared finds a collection by its name, nil if there is none.
type declared func(string) *el.Collection

// validate checks an event's tuple against a declaration of one of the kinds.
func (find declared) validate(f Fact, kinds ...el.Kind) (*el.Collection, error) {
	c := find(f.Collection)
	if c == nil || !slices.Contains(kinds, c.Kind) {
		return nil, fmt.Errorf("%w: %s is no %s of the program: feed what it declares", ErrEvent, f.Collection, kinds[0])
	}
	if len(f.Tuple) != len(c.Columns) {
		return nil, fmt.Errorf("%w: %s has %d columns: feed that many values", ErrEvent, f, len(c.Columns))
	}
	for i, v := range f.Tuple {
		if v.Type() != c.Columns[i].Type {
			return nil, fmt.Errorf("%w: %s: column %s is a %s, not a %s", ErrEvent, f, c.Columns[i].Name, c.Columns[i].Type, v.Type())
		}
	}
	return c, nil
}

func (o Options) validate(find declared) error {
	for _, f := range o.Sealed {
		if _, err := find.validate(f, el.Sealed); err != nil {
			return err
		}
	}
	for _, f := range o.Stored {
		if _, err := find.validate(f, el.Table, el.Range); err != nil {
			return err
		}
	}
	return nil
}

func (e Events) validate(find declared, self int64) error {
	for _, f := range e.Inputs {
		if _, err := find.validate(f, el.Input); err != nil {
			return err
		}
	}
	for _, m := range e.Messages {
		c, err := find.validate(m.Fact, el.Channel)
		if err != nil {
			return err
		}
		if to := m.Tuple[c.Location()].Int(); to != self {
			return fmt.Errorf("%w: message %s is for node %d, this is node %d: deliver it there", ErrEvent, m.Fact, to, self)
		}
	}
	return nil
}
