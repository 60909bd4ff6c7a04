package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// number is the value of a flag that takes whole numbers of a range. Where zero
// is not "", 0 is allowed too and means that.
type number[T int | uint64] struct {
	p        *T
	min, max T
	zero     string
}

func (n number[T]) Type() string { return "N" }

func (n number[T]) String() string {
	if n.p == nil {
		return ""
	}
	return fmt.Sprint(*n.p)
}

// Set refuses what is no number, or none of the range, and says which one is.
func (n number[T]) Set(text string) error {
	var v T
	var err error
	switch p := any(&v).(type) {
	case *int:
		*p, err = strconv.Atoi(text)
	case *uint64:
		*p, err = strconv.ParseUint(text, 10, 64)
	}
	if err != nil || (v < n.min || v > n.max) && (v != 0 || n.zero == "") {
		return errors.New("want " + n.allowed())
	}
	*n.p = v
	return nil
}

func (n number[T]) allowed() string {
	text := fmt.Sprintf("a whole number, %d to %d", n.min, n.max)
	if n.zero != "" {
		text += ", or 0: " + n.zero
	}
	return text
}

// numberFlag adds a flag for a number from least to most.
func numberFlag[T int | uint64](f *pflag.FlagSet, p *T, name string, value, least, most T, usage string) {
	*p = value
	f.Var(number[T]{p, least, most, ""}, name, usage)
}

// numberOrZeroFlag adds a flag for a number from least to most, or 0, its default,
// which means what zero says.
func numberOrZeroFlag[T int | uint64](f *pflag.FlagSet, p *T, name string, least, most T, zero, usage string) {
	*p = 0
	f.Var(number[T]{p, least, most, zero}, name, usage+" (default: "+zero+")")
}

// maxWorkers is how many workers can be asked for: more than any machine has use of.
const maxWorkers = 1024

// workersFlag adds the flag of how much is done at once.
func workersFlag(f *pflag.FlagSet, p *int, usage string) {
	numberOrZeroFlag(f, p, "workers", 1, maxWorkers, "the number of processors", usage)
}

// seedFlag adds the flag of a first seed.
func seedFlag(f *pflag.FlagSet, p *uint64, usage string) {
	numberFlag(f, p, "seed", 1, 0, math.MaxUint64, usage)
}

// span is the value of a flag that takes a duration above nothing.
type span struct{ p *time.Duration }

func (s span) Type() string { return "DURATION" }

func (s span) String() string {
	if s.p == nil || *s.p == 0 {
		return ""
	}
	return s.p.String()
}

func (s span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errors.New("want a duration above 0, such as 30s or 5m")
	}
	*s.p = d
	return nil
}

// word is the value of a flag that takes one of some words.
type word struct {
	p       *string
	allowed []string
}

func (w word) Type() string { return "NAME" }

func (w word) String() string {
	if w.p == nil {
		return ""
	}
	return *w.p
}

func (w word) Set(text string) error {
	for _, a := range w.allowed {
		if a == text {
			*w.p = text
			return nil
		}
	}
	return fmt.Errorf("want one of %s%s", strings.Join(w.allowed, ", "), didYouMean(text, w.allowed))
}

// wordFlag adds a flag for one of some words, which a shell can complete.
func wordFlag(cmd *cobra.Command, p *string, name, value string, allowed []string, usage string) {
	*p = value
	cmd.Flags().Var(word{p, allowed}, name, usage)
	completeFlag(cmd, name, allowed)
}

// completeFlag has a shell complete the values of a flag.
func completeFlag(cmd *cobra.Command, name string, values []string) {
	if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(fmt.Sprintf("simfuzz: broken invariant: flag --%s is completed twice, or does not exist: %v", name, err))
	}
}

// flagError says in the words of this program what is wrong with a flag: which
// one, which value, and what is allowed.
func flagError(cmd *cobra.Command, err error) error {
	at := prefix(cmd)
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		return usagef("%sunknown flag --%s%s", at, unknown.GetSpecifiedName(), didYouMean("--"+unknown.GetSpecifiedName(), names))
	case errors.As(err, &invalid):
		return usagef("%s--%s %s: %s", at, invalid.GetFlag().Name, shellWord(invalid.GetValue()), wanted(invalid.GetFlag().Value, invalid.Unwrap()))
	case errors.As(err, &missing) && missing.GetFlag() != nil:
		return usagef("%s--%s: want a value: %s", at, missing.GetFlag().Name, meaning(missing.GetFlag()))
	}
	return usagef("%s%v", at, err)
}

// meaning is what the help says of a flag.
func meaning(f *pflag.Flag) string {
	_, usage := pflag.UnquoteUsage(f)
	return usage
}

// prefix is how errors of a command begin: with its name, if it is not the root.
func prefix(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return ""
	}
	return cmd.Name() + ": "
}

// wanted says what a value must be, also of flags of the flag library's own types,
// whose errors are those of package strconv.
func wanted(v pflag.Value, cause error) string {
	switch v.Type() {
	case "int", "int64":
		return "want a whole number"
	case "uint", "uint64":
		return "want a whole number, 0 or more"
	case "duration":
		return "want a duration, such as 30s or 5m"
	case "bool":
		return "want true or false"
	}
	return cause.Error()
}

// refuseEmpty refuses flags that are given with nothing in them, as by a variable
// of a script that is not set.
func refuseEmpty(cmd *cobra.Command, _ []string) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && f.Value.Type() == "string" && strings.TrimSpace(f.Value.String()) == "" {
			err = usagef("%s--%s %s: want a value: %s", prefix(cmd), f.Name, shellWord(f.Value.String()), meaning(f))
		}
	})
	return err
}
