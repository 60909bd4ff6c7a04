package campaign

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/gen/choice/tapefile"
)

// TapeVersion is the version of the form of tapes, and of what this package makes of
// them: it rises whenever an old tape would replay to another trace.
const TapeVersion = 1

// Bounds of a tape.
const (
	MaxTapeBytes  = tapefile.MaxBytes
	maxDecisions  = 1 << 20
	maxSignatures = 64
)

// Tape is everything needed to run once more: the setup, the operations, and the
// decisions other than 0. Choices of the protocol's own are among these only where the
// setup says [Listed], or where they differ from what its seed would draw.
type Tape struct {
	Protocol   string
	Version    int // of the protocol
	Setup      Setup
	Operations []Op
	Decisions  []choice.Decision
	TraceHash  uint64   // of the run that was recorded
	Violations []string // their signatures
	Program    string   // that recorded it, as a Go package path; "" is unknown
}

// tapeFile is the JSON form: one line an operation, one a decision.
type tapeFile struct {
	Version    int      `json:"joinery_protocol_tape"`
	Protocol   string   `json:"protocol"`
	Of         int      `json:"protocol_version"`
	Program    string   `json:"program,omitempty"`
	Setup      Setup    `json:"setup"`
	TraceHash  string   `json:"trace_hash"`
	Violations []string `json:"violations"`
	Operations []string `json:"operations"`
	Decisions  []string `json:"decisions"`
}

// Write writes the tape as JSON.
func (t *Tape) Write(w io.Writer) error {
	f := tapeFile{
		Version: TapeVersion, Protocol: t.Protocol, Of: t.Version, Program: t.Program, Setup: t.Setup, TraceHash: FormatHash(t.TraceHash),
		Violations: append([]string{}, t.Violations...), Operations: []string{}, Decisions: tapefile.FormatDecisions(t.Decisions),
	}
	for _, o := range t.Operations {
		f.Operations = append(f.Operations, o.String())
	}
	if err := tapefile.Encode(w, f); err != nil {
		return fmt.Errorf("campaign: %w", err)
	}
	return nil
}

// Faults counts the decisions that are faults, and Choices those of the protocol's own.
func (t *Tape) Faults() int { return len(t.Decisions) - t.Choices() }

// Choices counts the decisions that are the protocol's own.
func (t *Tape) Choices() (n int) {
	for _, d := range t.Decisions {
		n += int(count(!IsFault(d.Site)))
	}
	return n
}

// tapeHead is what tells whose tape a file is.
type tapeHead struct {
	Version  *int   `json:"joinery_protocol_tape"`
	Store    *int   `json:"joinery_tape"`
	Protocol string `json:"protocol"`
	Of       int    `json:"protocol_version"`
	Program  string `json:"program"`
}

// maxProgram bounds the name of a program.
const maxProgram = 1024

// TapeOf says of which protocol a tape is, and what recorded it, for programs that have
// others; ok is false for what is no tape of a protocol, or is damaged.
func TapeOf(r io.Reader) (protocol, program string, ok bool) {
	_, head, err := readHead(r)
	return head.Protocol, head.Program, err == nil && len(head.Program) <= maxProgram
}

// readHead reads a file and whose tape it is.
func readHead(r io.Reader) (b []byte, head tapeHead, err error) {
	if b, err = tapefile.Read(r, ErrTape); err != nil {
		return nil, head, err
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, head, fmt.Errorf("%w: %w", ErrTape, err)
	}
	switch {
	case head.Version == nil && head.Store != nil:
		return nil, head, fmt.Errorf("%w: it is a tape of the store, which simfuzz replays", ErrVersion)
	case head.Version == nil:
		return nil, head, fmt.Errorf("%w: no joinery_protocol_tape version; is this a tape?", ErrTape)
	case *head.Version != TapeVersion:
		return nil, head, fmt.Errorf("%w: version %d of tapes, this program replays version %d; run its seed again to record it anew", ErrVersion, *head.Version, TapeVersion)
	}
	return b, head, nil
}

// LoadTape reads a tape of one of some protocols, and says which. A damaged one is an
// error that wraps [ErrTape], one of another protocol, or of another version of it or
// of tapes, one that wraps [ErrVersion].
func LoadTape(r io.Reader, of ...*Protocol) (*Tape, *Protocol, error) {
	b, head, err := readHead(r)
	if err != nil {
		return nil, nil, err
	}
	var p *Protocol
	var names []string
	for _, one := range of {
		names = append(names, strconv.Quote(one.Name))
		if one.Name == head.Protocol {
			p = one
		}
	}
	switch {
	case p == nil:
		by := ""
		if head.Program != "" && len(head.Program) <= maxProgram {
			by = fmt.Sprintf("; it was recorded by %q", head.Program)
		}
		return nil, nil, fmt.Errorf("%w: it is of protocol %q, this program replays %s%s", ErrVersion, head.Protocol, strings.Join(names, ", "), by)
	case p.Version != head.Of:
		return nil, nil, fmt.Errorf("%w: it is of version %d of %q, which is now %d; run its seed again to record it anew", ErrVersion, head.Of, p.Name, p.Version)
	}
	var f tapeFile
	if err := tapefile.Decode(b, &f, ErrTape); err != nil {
		return nil, nil, err
	}
	t, err := f.tape()
	return t, p, err
}

func (f *tapeFile) tape() (*Tape, error) {
	t := &Tape{Protocol: f.Protocol, Version: f.Of, Setup: f.Setup, Violations: f.Violations, Program: f.Program}
	if len(f.Program) > maxProgram {
		return nil, fmt.Errorf("%w: the name of its program has %d bytes, at most %d are read", ErrTape, len(f.Program), maxProgram)
	}
	if len(f.Operations) > maxOps || len(f.Decisions) > maxDecisions || len(f.Violations) > maxSignatures {
		return nil, fmt.Errorf("%w: more than %d operations, %d decisions or %d violations", ErrTape, maxOps, maxDecisions, maxSignatures)
	}
	if err := t.Setup.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTape, err)
	}
	var err error
	if t.TraceHash, err = tapefile.ParseHash(f.TraceHash); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTape, err)
	}
	for _, line := range f.Operations {
		o, err := ParseOp(line)
		if err != nil {
			return nil, err
		}
		t.Operations = append(t.Operations, o)
	}
	if err := checkOps(t.Operations, &t.Setup); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTape, err)
	}
	if t.Decisions, err = tapefile.ParseDecisions(f.Decisions); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTape, err)
	}
	return t, nil
}

// FormatDecision writes a decision as tapes hold it: SITE KEY VALUE, the key in
// hexadecimal.
func FormatDecision(d choice.Decision) string { return tapefile.FormatDecision(d) }

// ParseDecision is the inverse of [FormatDecision].
func ParseDecision(line string) (choice.Decision, error) { return tapefile.ParseDecision(line) }
