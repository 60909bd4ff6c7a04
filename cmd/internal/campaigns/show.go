package campaigns

import (
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
)

// summary is what has come of a campaign.
type summary struct {
	subject  *Subject
	g        *distributed.Gathered
	complete bool   // every seed that was wanted is finished or abandoned
	wanted   uint64 // seeds of one commit; 0 where nobody said
	mine     uint64 // finished by this worker
	seconds  float64
	buckets  []string
}

// FailureLine is a class of failures for scripts.
type FailureLine struct {
	Kind       string `json:"kind"` // "failure"
	Class      string `json:"class"`
	Seed       uint64 `json:"seed"`
	Commit     string `json:"commit"`
	Operations int    `json:"operations"`
	Exceptions int    `json:"exceptions"`
	Message    string `json:"message"`
	Tape       string `json:"tape"` // its SHA-256, "" if there is none
	File       string `json:"file,omitempty"`
}

// CommitLine is what was run of a commit.
type CommitLine struct {
	Finished  uint64      `json:"finished"`
	Abandoned [][2]uint64 `json:"abandoned"` // seeds, from and to
}

// SummaryLine is the last line for scripts.
type SummaryLine struct {
	Kind     string                `json:"kind"` // "summary"
	Of       string                `json:"of"`
	Complete bool                  `json:"complete"`
	Seeds    uint64                `json:"seeds"`
	Mine     uint64                `json:"seeds_of_this_worker"`
	Classes  int                   `json:"classes"`
	Workers  int                   `json:"workers"`
	Commits  map[string]CommitLine `json:"commits"`
	Counters map[string]uint64     `json:"counters"`
	Seconds  float64               `json:"seconds"`
}

// show tells what has come of a campaign, writes its tapes, and says how the program ends.
func (h *Host) show(s *showFlags, cmd string, came *summary) error {
	state := &came.g.State
	for _, err := range came.g.Amiss {
		h.note("%s: %v", cmd, err)
	}
	paths, err := h.writeTapes(s, came)
	if err != nil {
		return fmt.Errorf("%s: %w", cmd, err)
	}
	lost := false
	for _, commit := range state.Commits() {
		lost = lost || len(state.Lost(commit)) > 0
	}
	switch {
	case len(state.Failures) > 0:
		h.Worsen(command.ExitViolated)
	case h.Ctx.Err() != nil:
		h.Worsen(command.ExitInterrupted)
	case lost || !came.complete:
		h.Worsen(command.ExitUndecided)
	}
	if s.json {
		return h.showJSON(came, paths)
	}
	h.showText(cmd, came, paths)
	return nil
}

func (h *Host) showJSON(came *summary, paths map[string]string) error {
	state := &came.g.State
	for _, class := range state.Classes() {
		f := state.Failures[class]
		if err := command.PrintJSON(h.Out, FailureLine{"failure", class, f.Seed, f.Commit, f.Operations, f.Exceptions, f.Message, f.Tape, paths[class]}); err != nil {
			return err
		}
	}
	line := SummaryLine{
		Kind: "summary", Of: came.g.Of, Complete: came.complete, Seeds: state.Total(), Mine: came.mine, Classes: len(state.Failures), Workers: len(state.Counters),
		Commits: make(map[string]CommitLine), Counters: make(map[string]uint64), Seconds: came.seconds,
	}
	for _, commit := range state.Commits() {
		one := CommitLine{Finished: state.Finished(commit), Abandoned: [][2]uint64{}}
		for _, span := range state.Lost(commit) {
			one.Abandoned = append(one.Abandoned, [2]uint64{span.Lo, span.Hi})
		}
		line.Commits[commit] = one
	}
	for _, name := range state.Names() {
		line.Counters[name] = state.Count(name)
	}
	return command.PrintJSON(h.Out, line)
}

func (h *Host) showText(cmd string, came *summary, paths map[string]string) {
	state := &came.g.State
	field := func(name, format string, args ...any) { command.PrintField(h.Out, name, fmt.Sprintf(format, args...)) }
	field("campaign", "%s", came.g.Of)
	for _, commit := range state.Commits() {
		of := ""
		if commit != "" {
			of = " of commit " + commit
		}
		field("seeds", "%d finished%s%s", state.Finished(commit), of, abandoned(state.Lost(commit)))
	}
	if cmd == "campaign" {
		field("worker", "%d seeds in %.1f s", came.mine, came.seconds)
	}
	var counted []string
	for _, name := range state.Names() {
		counted = append(counted, fmt.Sprintf("%s %d", name, state.Count(name)))
	}
	if len(counted) > 0 {
		field("counted", "by %d workers: %s", len(state.Counters), strings.Join(counted, ", "))
	}
	field("failures", "%d classes", len(state.Failures))
	if !came.complete {
		field("incomplete", "%s", "seeds are left: the same command goes on with them")
	}
	again := ""
	for _, class := range state.Classes() {
		f := state.Failures[class]
		h.printf("\n%s\n", class)
		brief, _, _ := strings.Cut(f.Message, "\n")
		command.PrintText(h.Out, "  ", fmt.Sprintf("seed %d: %s", f.Seed, brief))
		switch {
		case f.Tape == "":
			h.printf("  no tape of it could be kept\n")
		default:
			h.printf("  %d operations and %d exceptions on the tape\n", f.Operations, f.Exceptions)
			again = "write the tapes with:\n" + h.Again(append(append([]string{"merge"}, came.buckets...), "--tapes", "failures")...)
		}
		if paths[class] != "" {
			again = "replay with:\n" + h.Again("replay", paths[class])
		}
	}
	if again != "" {
		h.printf("\n%s\n", again)
	}
}

// abandoned says which seeds no worker survived.
func abandoned(seeds causal.Spans) string {
	if len(seeds) == 0 {
		return ""
	}
	var all []string
	for _, s := range seeds {
		text := fmt.Sprint(s.Lo)
		if s.Hi > s.Lo {
			text += fmt.Sprintf(" to %d", s.Hi)
		}
		all = append(all, text)
	}
	return "; no worker survived " + strings.Join(all, ", ") + ": they were killed, as for want of memory"
}
