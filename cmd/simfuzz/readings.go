package main

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/linearizability/history"
)

// readings are the flags of "simfuzz check" that say how to read what a format or
// the literature leaves open.
type readings struct {
	initial, failedCAS, nils, pairs, ownReads, unmatched string
	reading                                              history.Options
	own                                                  linearizability.OwnReads
}

// reading is one value of a flag; the first of a list is the default.
type reading[T any] struct {
	name  string
	means T
}

var (
	failedCASWords = []reading[history.FailedCAS]{
		{"", history.FailedCASByFormat}, {"mismatch", history.FailedCASMismatch}, {"absent", history.FailedCASAbsent},
	}
	nilWords   = []reading[history.NilReads]{{"empty", history.NilIsEmpty}, {"unknown", history.NilIsUnknown}}
	pairsWords = []reading[history.Pairs]{
		{"auto", history.PairsByUse}, {"keys", history.PairsAreKeyed}, {"values", history.PairsAreValues},
	}
	unmatchedWords = []reading[history.Unmatched]{{"refuse", history.UnmatchedRefuse}, {"skip", history.UnmatchedSkip}, {"begin", history.UnmatchedBegin}}
	ownReadsWords  = []reading[linearizability.OwnReads]{
		{"always", linearizability.OwnReadsAlways}, {"until-read", linearizability.OwnReadsUntilRead},
	}
)

// lookUp finds what the value of a flag means.
func lookUp[T any](flag, value string, words []reading[T], into *T) error {
	var names []string
	for _, w := range words {
		if w.name == value {
			*into = w.means
			return nil
		}
		if w.name != "" {
			names = append(names, w.name)
		}
	}
	return command.Usagef("check: --%s %q: unknown, want one of %s", flag, value, strings.Join(names, ", "))
}

func (r *readings) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.initial, "initial", "", "what registers hold before their first write, as JSON, or else as the string it is (default: nothing, that is nil; a jsonl header may say otherwise, and 0 in plume is nothing)")
	f.StringArrayVar(&r.reading.Ignore, "ignore", nil, "function whose operations are left out, and counted in a note; may be given more than once")
	f.StringVar(&r.failedCAS, "failed-cas", "", "what a failed cas says: mismatch (the old value was not there) or absent (nothing, it did not happen) (default: absent for jepsen, else mismatch)")
	f.StringVar(&r.nils, "nil", "empty", "what a read that returned nil says: empty (there was no value) or unknown (nothing, as Knossos has it: the read is left out)")
	f.StringVar(&r.pairs, "pairs", "auto", "what [a b] is as a value in jepsen: keys (key and value, of independent keys), values (one value), or auto (keys if reads begin with pairs, values if none does)")
	f.StringVar(&r.ownReads, "own-reads", "always", "how long a transaction reads its own last write of a register: always (Biswas and Enea, AWDIT, Elle), or until-read (until it has read it once, as Plume classes it)")
	f.StringVar(&r.unmatched, "unmatched", "refuse", "what to do with a completion of a single operation whose invocation is not in the file: refuse, skip, or begin (it began when its process had ended what it did before)")
	f.BoolVar(&r.reading.Strict, "strict", false, "refuse jsonl records with fields that are not known, instead of noting them")
}

// settle turns words into options.
func (r *readings) settle() error {
	if r.initial != "" {
		if json.Unmarshal([]byte(r.initial), &r.reading.Initial) != nil {
			r.reading.Initial = history.Str(r.initial)
		}
	}
	for _, err := range []error{
		lookUp("failed-cas", r.failedCAS, failedCASWords, &r.reading.FailedCAS),
		lookUp("nil", r.nils, nilWords, &r.reading.NilReads),
		lookUp("pairs", r.pairs, pairsWords, &r.reading.Pairs),
		lookUp("unmatched", r.unmatched, unmatchedWords, &r.reading.Unmatched),
		lookUp("own-reads", r.ownReads, ownReadsWords, &r.own),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}
