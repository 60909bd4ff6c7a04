package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
)

// Bounds of the work.
const (
	maxKeys    = 100_000_000
	maxUpdates = 1_000_000_000
	maxValue   = 1 << 20
)

// workFlags adds the flags that say how much is done.
func workFlags(cmd *cobra.Command, w *measure.Work, keys, updates int) {
	f := cmd.Flags()
	command.NumberFlag(f, &w.Keys, "keys", keys, 1, maxKeys, "how many keys there are, of 16 bytes")
	if updates > 0 {
		command.NumberFlag(f, &w.Updates, "updates", updates, 1, maxUpdates, "how many operations of each kind")
	}
	command.NumberFlag(f, &w.ValueBytes, "value-bytes", 100, 1, maxValue, "the length of values")
	command.SeedFlag(f, &w.Seed, "what keys and values are drawn from")
	f.StringVar(&w.Dir, "dir", "", "`DIRECTORY` for temporary files, on the disk to be measured (default: the system's)")
}

// checkDir refuses a directory for temporary files that is none.
func checkDir(cmd *cobra.Command, w measure.Work) error {
	if w.Dir == "" {
		return nil
	}
	if info, err := os.Stat(w.Dir); err != nil || !info.IsDir() {
		return command.Usagef("%s--dir %s: not a directory", command.Prefix(cmd), command.ShellWord(w.Dir))
	}
	return nil
}

// list is the value of a flag that takes some of known words.
type list struct {
	p     *[]string
	known []string
}

func (l list) Type() string { return "NAME,…" }

func (l list) String() string {
	if l.p == nil {
		return ""
	}
	return strings.Join(*l.p, ",")
}

// Set takes words with commas between them, each once.
func (l list) Set(text string) error {
	var words []string
	for w := range strings.SplitSeq(text, ",") {
		w = strings.TrimSpace(w)
		if !slices.Contains(l.known, w) {
			return fmt.Errorf("%q is not one of %s%s", w, strings.Join(l.known, ", "), command.DidYouMean(w, l.known))
		}
		if slices.Contains(words, w) {
			return fmt.Errorf("%q stands twice", w)
		}
		words = append(words, w)
	}
	*l.p = words
	return nil
}

// listFlag adds a flag for some of known words, all of them by default.
func listFlag(cmd *cobra.Command, p *[]string, name string, known []string, usage string) {
	*p = slices.Clone(known)
	f := cmd.Flags().VarPF(list{p, known}, name, "", usage+" (default: all of "+strings.Join(known, ", ")+")")
	f.DefValue = ""
	command.CompleteFlag(cmd, name, known)
}

// commandLine is a command that makes the same again: flags that always are in it, and all others
// that are given and differ from their defaults.
func commandLine(cmd *cobra.Command, always ...string) string {
	args := []string{cmd.Name()}
	add := func(f *pflag.Flag) {
		if f.Value.Type() == "bool" && f.Value.String() == "true" {
			args = append(args, "--"+f.Name)
			return
		}
		args = append(args, "--"+f.Name, f.Value.String())
	}
	for _, name := range always {
		add(cmd.Flags().Lookup(name))
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if slices.Contains(always, f.Name) || !f.Changed || f.Value.String() == f.DefValue {
			return
		}
		if l, is := f.Value.(list); is && slices.Equal(*l.p, l.known) {
			return
		}
		add(f)
	})
	return command.Line(cmd.Root().Name(), args...)
}

// numbers is the value of a flag that takes numbers of a range, ascending.
type numbers[T int | float64] struct {
	p        *[]T
	min, max T
	what     string
}

func (n numbers[T]) Type() string { return "N,…" }

func (n numbers[T]) String() string {
	if n.p == nil {
		return ""
	}
	var words []string
	for _, v := range *n.p {
		words = append(words, fmt.Sprint(v))
	}
	return strings.Join(words, ",")
}

func (n numbers[T]) Set(text string) error {
	var all []T
	for w := range strings.SplitSeq(text, ",") {
		var v T
		var err error
		switch p := any(&v).(type) {
		case *int:
			*p, err = strconv.Atoi(strings.TrimSpace(w))
		case *float64:
			*p, err = strconv.ParseFloat(strings.TrimSpace(w), 64)
		}
		if err != nil || !(v >= n.min && v <= n.max) || len(all) > 0 && v <= all[len(all)-1] {
			return errors.New("want " + n.what)
		}
		all = append(all, v)
	}
	*n.p = all
	return nil
}

// numbersFlag adds a flag for ascending numbers from least to most.
func numbersFlag[T int | float64](cmd *cobra.Command, p *[]T, name string, value []T, least, most T, usage string) {
	*p = value
	cmd.Flags().Var(numbers[T]{p, least, most, fmt.Sprintf("ascending numbers with commas between them, %v to %v", least, most)}, name, usage)
}

// jsonFlag adds the flag of an output for scripts.
func jsonFlag(cmd *cobra.Command, p *bool) {
	cmd.Flags().BoolVar(p, "json", false, "print one object a line, as it comes")
}
