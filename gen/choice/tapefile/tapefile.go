// Package tapefile is what the files of tapes have in common, whatever is recorded in them: one
// JSON object of bounded size without unknown fields, decisions of a line each, and the hash of
// a trace.
//
// It knows nothing of versions, and of what else a tape holds.
package tapefile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
)

// Bounds of a tape.
const (
	MaxBytes = 64 << 20
	maxSite  = 128 // bytes
)

// Read reads a file. What is empty or has more than [MaxBytes] is an error that wraps damaged,
// so that it can be told from a file that cannot be read.
func Read(r io.Reader, damaged error) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read tape: %w", err)
	case len(b) > MaxBytes:
		return nil, fmt.Errorf("%w: larger than %d bytes", damaged, MaxBytes)
	case len(bytes.TrimSpace(b)) == 0:
		return nil, fmt.Errorf("%w: empty", damaged)
	}
	return b, nil
}

// Decode fills into from an object that has no other fields, and behind which there is
// nothing. An error wraps damaged.
func Decode(b []byte, into any, damaged error) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", damaged, err)
	}
	if rest := bytes.TrimSpace(b[dec.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("%w: %.40q stands behind it", damaged, rest)
	}
	return nil
}

// Encode writes a tape as JSON, a line each of what it lists.
func Encode(w io.Writer, tape any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(tape); err != nil {
		return fmt.Errorf("write tape: %w", err)
	}
	return nil
}

// FormatHash writes the hash of a trace: 16 digits, hexadecimal.
func FormatHash(h uint64) string { return fmt.Sprintf("%016x", h) }

// ParseHash is the inverse of [FormatHash].
func ParseHash(text string) (uint64, error) {
	h, err := strconv.ParseUint(text, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("the trace hash %q is not a hexadecimal number", text)
	}
	return h, nil
}

// FormatDecision writes a decision: SITE KEY VALUE, the key in hexadecimal.
func FormatDecision(d choice.Decision) string {
	return fmt.Sprintf("%s %016x %d", d.Site, d.Key, d.Value)
}

// ParseDecision is the inverse of [FormatDecision].
func ParseDecision(line string) (choice.Decision, error) {
	parts := strings.Split(line, " ")
	if len(parts) == 3 && len(parts[0]) <= maxSite {
		key, err1 := strconv.ParseUint(parts[1], 16, 64)
		value, err2 := strconv.ParseUint(parts[2], 10, 64)
		if err1 == nil && err2 == nil {
			return choice.Decision{Site: parts[0], Key: key, Value: value}, nil
		}
	}
	return choice.Decision{}, fmt.Errorf("decision %q, want SITE KEY VALUE", line)
}

// FormatDecisions writes decisions in their order; none is an empty list.
func FormatDecisions(ds []choice.Decision) []string {
	lines := make([]string, 0, len(ds))
	for _, d := range ds {
		lines = append(lines, FormatDecision(d))
	}
	return lines
}

// ParseDecisions is the inverse of [FormatDecisions].
func ParseDecisions(lines []string) (ds []choice.Decision, err error) {
	for _, line := range lines {
		d, err := ParseDecision(line)
		if err != nil {
			return nil, err
		}
		ds = append(ds, d)
	}
	return ds, nil
}
