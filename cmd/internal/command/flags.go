package command

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

// NumberFlag adds a flag for a number from least to most.
func NumberFlag[T int | uint64](f *pflag.FlagSet, p *T, name string, value, least, most T, usage string) {
	*p = value
	f.Var(number[T]{p, least, most, ""}, name, usage)
}

// NumberOrZeroFlag adds a flag for a number from least to most, or 0, its default,
// which means what zero says.
func NumberOrZeroFlag[T int | uint64](f *pflag.FlagSet, p *T, name string, least, most T, zero, usage string) {
	*p = 0
	f.Var(number[T]{p, least, most, zero}, name, usage+" (default: "+zero+")")
}

// MaxWorkers is how many workers can be asked for: more than any machine has use of.
const MaxWorkers = 1024

// WorkersFlag adds the flag of how much is done at once.
func WorkersFlag(f *pflag.FlagSet, p *int, usage string) {
	NumberOrZeroFlag(f, p, "workers", 1, MaxWorkers, "the number of processors", usage)
}

// SeedFlag adds the flag of a first seed.
func SeedFlag(f *pflag.FlagSet, p *uint64, usage string) {
	NumberFlag(f, p, "seed", 1, 0, math.MaxUint64, usage)
}

// Span is the value of a flag that takes a duration above nothing.
type Span struct{ P *time.Duration }

func (s Span) Type() string { return "DURATION" }

func (s Span) String() string {
	if s.P == nil || *s.P == 0 {
		return ""
	}
	return s.P.String()
}

func (s Span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errors.New("want a duration above 0, such as 30s or 5m")
	}
	*s.P = d
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
	return fmt.Errorf("want one of %s%s", strings.Join(w.allowed, ", "), DidYouMean(text, w.allowed))
}

// WordFlag adds a flag for one of some words, which a shell can complete.
func WordFlag(cmd *cobra.Command, p *string, name, value string, allowed []string, usage string) {
	*p = value
	cmd.Flags().Var(word{p, allowed}, name, usage)
	CompleteFlag(cmd, name, allowed)
}

// CompleteFlag has a shell complete the values of a flag.
func CompleteFlag(cmd *cobra.Command, name string, values []string) {
	if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(fmt.Sprintf("command: broken invariant: flag --%s is completed twice, or does not exist: %v", name, err))
	}
}

// FlagError says in the words of this program what is wrong with a flag: which
// one, which value, and what is allowed.
func FlagError(cmd *cobra.Command, err error) error {
	at := Prefix(cmd)
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		return Usagef("%sunknown flag --%s%s", at, unknown.GetSpecifiedName(), DidYouMean("--"+unknown.GetSpecifiedName(), names))
	case errors.As(err, &invalid):
		return Usagef("%s--%s %s: %s", at, invalid.GetFlag().Name, ShellWord(invalid.GetValue()), wanted(invalid.GetFlag().Value, invalid.Unwrap()))
	case errors.As(err, &missing) && missing.GetFlag() != nil:
		return Usagef("%s--%s: want a value: %s", at, missing.GetFlag().Name, meaning(missing.GetFlag()))
	}
	return Usagef("%s%v", at, err)
}

// meaning is what the help says of a flag.
func meaning(f *pflag.Flag) string {
	_, usage := pflag.UnquoteUsage(f)
	return usage
}

// Prefix is how errors of a command begin: with its name, if it is not the root.
func Prefix(cmd *cobra.Command) string {
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

// RefuseEmpty refuses flags that are given with nothing in them, as by a variable
// of a script that is not set.
func RefuseEmpty(cmd *cobra.Command, _ []string) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && f.Value.Type() == "string" && strings.TrimSpace(f.Value.String()) == "" {
			err = Usagef("%s--%s %s: want a value: %s", Prefix(cmd), f.Name, ShellWord(f.Value.String()), meaning(f))
		}
	})
	return err
}
