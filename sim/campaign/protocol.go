package campaign

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"

	"github.com/joinery-go/joinery/sim"
)

// Protocol is a protocol to be fuzzed, and all that a campaign needs to know of it.
// Its functions are called on several goroutines, for one run each, and must share
// nothing between runs.
type Protocol struct {
	// Name names it in tapes and folders: words of lower-case letters and digits, joined
	// by hyphens.
	Name string
	// Version is of what tapes mean: whoever changes the protocol so that old tapes would
	// lead elsewhere, and does not want them any more, raises it.
	Version int
	// Setup is what decides a run beside its operations and choices, with Drawn where
	// each seed is to have a level of its own.
	Setup Setup
	// Vary adds what else is to differ from seed to seed; nil adds nothing.
	Vary func(s *Setup, d *Draw)
	// Plan draws the operations of a seed. nil has none.
	Plan func(p *Plan)
	// New begins a run: it makes what the run's actors share.
	New func(r *Run) Instance
	// Kinds names the kinds of messages by number; "" is a kind that there is not, and of
	// which none may be sent; without any names, any kind may. Faults of the class filter
	// lose all messages of one of them.
	Kinds []string
	// Points names the situations that a campaign must come to, of those that actors
	// mark by [sim.Context.Mark], or checks by [Run.Mark].
	Points []string
	// Import is where Go code finds this value, as "example.com/module/lease.Protocol"
	// or "example.com/module/lease.New()": run folders then have a test of their own. ""
	// gives them none.
	Import string
	// Watch gives up runs that do not end; nil is one with the usual patience. Program is
	// the package path of what runs it, for tapes. simtool.Main sets both.
	Watch   *Watch
	Program string
}

// Instance is a protocol in one run.
type Instance struct {
	// Actor makes the actor of a node, at its first start and at each restart.
	Actor func(n sim.NodeID) sim.Actor
	// Programs are further versions of the servers' program, see [sim.Options.Programs].
	Programs []func(n sim.NodeID) sim.Actor
	// Device makes the storage of a node; nil gives no node any.
	Device func(n sim.NodeID) sim.Device
	// Check judges a run that has ended, be it that Done never came about; nil judges
	// nothing. An error is a violation, named by what stands before its first colon, where
	// no number should be that differs from run to run, or by being a [Violation].
	Check func(r *Run) error
	// Always is asked after each event, and once in the end; nil asks nothing. With
	// Setup.Rest it is not asked between the end of faults and rest.
	Always func(r *Run) error
	// Done says that what had to come about after the faults has; the run ends there. It
	// is asked once all operations were injected and no [Client] has one under way. nil has
	// the run go on to its end. A run that never gets there is in violation.
	Done func(r *Run) bool
}

// EnumKinds adds the names of an enumeration as protobuf generates them to the kinds of a
// protocol, [Protocol.Kinds], such that number n is kind first+n. Kinds from first on that
// are there already are written over; what would not be a kind is left out.
func EnumKinds(kinds []string, first sim.MsgKind, names map[int32]string) []string {
	for _, n := range slices.Sorted(maps.Keys(names)) {
		k := int64(first) + int64(n)
		if n < 0 || k > math.MaxUint16 {
			continue
		}
		kinds = append(kinds, make([]string, max(0, k+1-int64(len(kinds))))...)
		kinds[k] = names[n]
	}
	return kinds
}

var (
	protocolName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	importPath   = regexp.MustCompile(`^([A-Za-z0-9_.~/-]+/)?[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*(\(\))?$`)
)

// maxName bounds the names of protocols, and of kinds of messages.
const maxName = 64

// Validate refuses a protocol that cannot be run.
func (p *Protocol) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %q: %s", ErrProtocol, p.Name, fmt.Sprintf(format, args...))
	}
	switch {
	case len(p.Name) > maxName || !protocolName.MatchString(p.Name):
		return bad("Name must be words of lower-case letters and digits, joined by hyphens, %d bytes at most", maxName)
	case p.Version < 0:
		return bad("Version is %d, want 0 or more", p.Version)
	case p.New == nil:
		return bad("New is nil, want a function that begins a run")
	case len(p.Kinds) > 1<<16:
		return bad("%d kinds of messages, want at most %d", len(p.Kinds), 1<<16)
	case p.Import != "" && !importPath.MatchString(p.Import):
		return bad("Import is %q, want a package path, a dot, and a name, as in example.com/lease.Protocol", p.Import)
	}
	for i, point := range p.Points {
		switch {
		case point == "":
			return bad("point %d has no name", i)
		case slices.Index(p.Points, point) < i:
			return bad("Points names %q twice", point)
		}
	}
	for i, kind := range p.Kinds {
		if first := slices.Index(p.Kinds, kind); kind != "" && first < i {
			return bad("Kinds names %d and %d alike, %q", first, i, kind)
		}
	}
	s, err := p.template()
	if err != nil {
		return err
	}
	if s.Faults[sim.Filter] != sim.Off && len(s.links(p.Kinds).Kinds) == 0 {
		return bad("it is to bear filters, which single out a kind of message, and Kinds names none")
	}
	return nil
}

func (p *Protocol) watch() *Watch {
	if p.Watch == nil {
		return new(Watch)
	}
	return p.Watch
}

// template is the setup with its defaults, and all that is drawn at its highest.
func (p *Protocol) template() (Setup, error) {
	s := p.Setup.clone()
	s.defaults()
	for c, l := range s.Faults {
		if l > Drawn {
			return s, fmt.Errorf("%w: %q: fault %v at level %d, want off, low, extreme or drawn", ErrSetup, p.Name, sim.Class(c), l)
		}
	}
	s.Faults = s.Faults.draw(0, true)
	return s, s.validate()
}

// draw is the setup of a seed.
func (p *Protocol) draw(seed uint64, strategy string, faults *Levels) (Setup, error) {
	s := p.Setup.clone()
	if faults != nil {
		s.Faults = *faults
	}
	s.Seed = seed
	s.defaults()
	s.Faults = s.Faults.draw(seed, strategy == "uniform")
	if strategy == "pct" && p.Setup.Faults[sim.Delay] != sim.Off {
		s.Faults[sim.Delay] = sim.Low // what it decides are delays
	}
	if p.Vary != nil {
		p.Vary(&s, newDraw(seed, "vary"))
		s.Seed = seed
	}
	if s.Queue == 0 && s.Faults[sim.Queue] < sim.NumLevels {
		s.Queue = queueBounds[s.Faults[sim.Queue]]
	}
	if err := s.validate(); err != nil {
		return s, fmt.Errorf("%w: %q: seed %d: %w", ErrProtocol, p.Name, seed, err)
	}
	return s, nil
}

// kindName names kinds of messages in traces.
func (p *Protocol) kindName(k sim.MsgKind) string {
	if int(k) < len(p.Kinds) {
		return p.Kinds[k]
	}
	return ""
}
