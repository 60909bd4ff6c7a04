package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability"
)

// printChecked prints one result; what is wrong with an input also goes to
// standard error, in one line.
func (c *cli) printChecked(o checkOptions, r checked) error {
	for _, n := range r.notes {
		if _, err := fmt.Fprintf(c.err, "simfuzz: check %s: note: %s\n", r.name, n); err != nil {
			return err
		}
	}
	switch {
	case r.stopped:
		return nil
	case r.skipped != "":
		_, err := fmt.Fprintf(c.err, "simfuzz: check %s: skipped, %s\n", r.name, r.skipped)
		return err
	case r.err != nil:
		if _, err := fmt.Fprintf(c.err, "simfuzz: check: %v\n", r.err); err != nil {
			return err
		}
		if o.json {
			return c.printJSON(map[string]string{"kind": "error", "file": r.name, "error": r.err.Error()})
		}
		return nil
	case o.json:
		return c.printVerdictJSON(r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-12s  %s", r.verdict.Status, r.name)
	if r.report != nil {
		r.tellLevels(&b, o.explain)
	} else {
		r.tell(&b, r.verdict, o.explain)
	}
	_, err := fmt.Fprintln(c.out, b.String())
	return err
}

// tell adds to the first line of a verdict its reason, and below it the witness
// and, with explain, its picture and how it was reached.
func (r checked) tell(b *strings.Builder, v linearizability.Verdict, explain bool) {
	if v.Reason != "" {
		fmt.Fprintf(b, ": %s", v.Reason)
	}
	for _, op := range v.Witness {
		in := ""
		if r.files != nil {
			in = r.files[op.Index] + " "
		}
		fmt.Fprintf(b, "\n    %sline %d: %s", in, r.lines[op.Index], op)
	}
	if v.Hint != "" {
		fmt.Fprintf(b, "\n    %s", v.Hint)
	}
	if !explain {
		return
	}
	if d := v.Diagram(); d != "" {
		fmt.Fprintf(b, "\n\n    %s\n", strings.ReplaceAll(strings.TrimRight(d, "\n"), "\n", "\n    "))
	}
	fmt.Fprintf(b, "\n    decided by %s; %d steps, %.3f s", v.Method, v.Steps, r.seconds)
}

// tellLevels lists the levels, and why those broken are.
func (r checked) tellLevels(b *strings.Builder, explain bool) {
	for _, list := range []struct {
		what   string
		levels []string
	}{{"holds", r.report.Holds}, {"broken", r.report.Broken}, {"open", r.report.Open}} {
		if len(list.levels) > 0 {
			fmt.Fprintf(b, "\n    %-6s  %s", list.what, strings.Join(list.levels, ", "))
		}
	}
	for _, v := range r.report.Verdicts {
		switch {
		case slices.Contains(r.report.Broken, v.Model):
			fmt.Fprintf(b, "\n\n    %s: %s\n    %s", v.Model, v.Reason,
				strings.ReplaceAll(strings.TrimRight(v.Diagram(), "\n"), "\n", "\n    "))
			if v.Hint != "" {
				fmt.Fprintf(b, "\n    %s", v.Hint)
			}
		case explain && v.Status != linearizability.OK && v.Status != linearizability.Violation:
			fmt.Fprintf(b, "\n\n    %s: %s: %s", v.Model, v.Status, v.Reason)
		}
	}
	if explain {
		b.WriteString("\n")
		for _, v := range r.report.Verdicts {
			fmt.Fprintf(b, "\n    %-22s %-12s by %s; %d steps", v.Model, v.Status, v.Method, v.Steps)
		}
	}
}

// verdictJSON is one verdict as scripts read it.
type verdictJSON struct {
	Kind    string   `json:"kind"`
	File    string   `json:"file"`
	Model   string   `json:"model"`
	Verdict string   `json:"verdict"`
	Reason  string   `json:"reason"`
	Witness []string `json:"witness"` // operations, one a string
	Lines   []int32  `json:"lines"`   // where in the file they are
	Hint    string   `json:"hint"`    // what another reading of the input would change
	Notes   []string `json:"notes"`   // what was passed over or assumed in reading it
	Method  string   `json:"method"`
	Steps   int64    `json:"steps"`
	Seconds float64  `json:"seconds"`
}

// levelsJSON sums up the verdicts before it, one a level.
type levelsJSON struct {
	Kind    string   `json:"kind"`
	File    string   `json:"file"`
	Holds   []string `json:"holds"`
	Broken  []string `json:"broken"`
	Open    []string `json:"open"`
	Seconds float64  `json:"seconds"`
}

func (c *cli) printVerdictJSON(r checked) error {
	if r.report == nil {
		return c.printJSON(r.json(r.verdict))
	}
	for _, v := range r.report.Verdicts {
		if err := c.printJSON(r.json(v)); err != nil {
			return err
		}
	}
	list := func(levels []string) []string { return append([]string{}, levels...) } // [], not null
	return c.printJSON(levelsJSON{
		Kind: levelsModel, File: r.name, Holds: list(r.report.Holds), Broken: list(r.report.Broken), Open: list(r.report.Open), Seconds: r.seconds,
	})
}

func (r checked) json(v linearizability.Verdict) verdictJSON {
	line := verdictJSON{
		Kind: "verdict", File: r.name, Model: v.Model, Verdict: string(v.Status), Reason: v.Reason,
		Witness: []string{}, Lines: []int32{}, Notes: []string{}, Hint: v.Hint, Method: v.Method, Steps: v.Steps, Seconds: r.seconds,
	}
	for _, op := range v.Witness {
		line.Witness, line.Lines = append(line.Witness, op.String()), append(line.Lines, r.lines[op.Index])
	}
	for _, n := range r.notes {
		line.Notes = append(line.Notes, n.String())
	}
	return line
}

// inTime is an input that is read only as long as the context lasts.
type inTime struct {
	ctx context.Context
	in  io.Reader
}

func (r inTime) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.in.Read(b)
}
