package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/layout"
)

// exhibit is one published merge defect of the gallery, beside its correct twin.
type exhibit struct {
	id     string // its number in the gallery's table: L1, H7
	where  string
	defect string
	law    string // that must kill it
	run    func(seed uint64, cases int) (exhibited, error)
}

// exhibited is what came of running one exhibit.
type exhibited struct {
	killed         bool   // by the law expected
	law            string // the law that killed it, or that should have
	cases          int    // drawn until it was killed, or in all
	counterexample string
	twinClean      bool   // the correct twin broke no law
	twinFailure    string // what it broke
}

// zooOptions are the flags of "simfuzz zoo".
type zooOptions struct {
	seed    uint64
	cases   int
	workers int
	json    bool
}

func (c *cli) zooCommand() *cobra.Command {
	var o zooOptions
	cmd := &cobra.Command{
		Use:   "zoo [ENTRY…]",
		Short: "Show which law kills which published merge defect",
		Long: "zoo runs the laws against merges that have the defects of published ones, and against their correct twins, and says " +
			"in how many cases each was killed. A defect that survives, or a twin that is accused, is exit code 1.",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return exhibitNames(gallery()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return c.zoo(o, gallery(), args) },
	}
	f := cmd.Flags()
	command.SeedFlag(f, &o.seed, "seed of the generators")
	command.NumberFlag(f, &o.cases, "cases", 1000, 1, maxCases, "cases a law may take at most")
	command.WorkersFlag(f, &o.workers, "exhibits run at once")
	f.BoolVar(&o.json, "json", false, "print one JSON object a line, the last one the summary")
	return cmd
}

// zooJSON is one exhibit as scripts read it.
type zooJSON struct {
	Kind           string  `json:"kind"`
	Entry          string  `json:"entry"`
	Law            string  `json:"law"`
	Killed         bool    `json:"killed"`
	Cases          int     `json:"cases"`
	TwinClean      bool    `json:"twin_clean"`
	Where          string  `json:"where"`
	Defect         string  `json:"defect"`
	Counterexample string  `json:"counterexample"`
	Seconds        float64 `json:"seconds"`
	Error          string  `json:"error,omitempty"`
}

// zooSummary counts what came of all exhibits.
type zooSummary struct {
	Kind     string  `json:"kind"`
	Entries  int     `json:"entries"`
	Killed   int     `json:"killed"`
	Survived int     `json:"survived"`
	Accused  int     `json:"twins_accused"`
	Errors   int     `json:"errors"`
	Seconds  float64 `json:"seconds"`
}

// shown is one exhibit with its outcome.
type shown struct {
	exhibit
	exhibited
	err     error
	seconds float64
}

// zoo runs the chosen exhibits, several at once, and prints them in the order of
// the gallery.
func (c *cli) zoo(o zooOptions, all []exhibit, names []string) error {
	if len(all) == 0 {
		return errors.New("zoo: the gallery is empty")
	}
	chosen, err := chooseExhibits(all, names)
	if err != nil {
		return err
	}
	started := time.Now()
	sum := zooSummary{Kind: "summary"}
	var toGo atomic.Int64
	toGo.Store(int64(len(chosen)))
	if !o.json {
		c.printf("%-5s %-9s %-28s %6s  %s\n", "ENTRY", "STATE", "LAW", "CASES", "DEFECT")
	}
	p := command.StartProgress(c.err, func() string { return fmt.Sprintf("zoo: %s, %d entries to go", command.Since(started), toGo.Load()) })
	defer p.Finish()
	for s := range c.showAll(o, chosen) {
		toGo.Add(-1)
		sum.add(s)
		if err := c.printShown(o, s); err != nil {
			return err
		}
	}
	sum.Seconds = time.Since(started).Seconds()
	if sum.Errors > 0 {
		c.worsen(exitFailed)
	}
	if sum.Survived+sum.Accused > 0 {
		c.worsen(exitViolated)
	}
	if o.json {
		return c.printJSON(sum)
	}
	c.printf("%d entries: %d killed, %d survived, %d correct twins accused, %d in error, %.2f s\n",
		sum.Entries, sum.Killed, sum.Survived, sum.Accused, sum.Errors, sum.Seconds)
	return nil
}

func chooseExhibits(all []exhibit, names []string) ([]exhibit, error) {
	if len(names) == 0 {
		return all, nil
	}
	var chosen []exhibit
	for _, name := range names {
		i := slices.IndexFunc(all, func(e exhibit) bool { return strings.EqualFold(e.id, name) })
		if i < 0 {
			return nil, command.Usagef("zoo: no entry is numbered %q, want one of %s", name, strings.Join(exhibitNames(all), " "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func exhibitNames(all []exhibit) []string {
	var names []string
	for _, e := range all {
		names = append(names, e.id)
	}
	return names
}

// showAll yields the exhibits in order while several workers run them. An
// interruption ends it at once: what is running then, for up to a minute, is
// abandoned, and what was finished before it is still yielded.
func (c *cli) showAll(o zooOptions, list []exhibit) func(yield func(shown) bool) {
	return func(yield func(shown) bool) {
		results := make([]chan shown, len(list))
		todo := make(chan int, len(list))
		for i := range list {
			results[i] = make(chan shown, 1)
			todo <- i
		}
		close(todo)
		workers := o.workers
		if workers == 0 {
			workers = runtime.GOMAXPROCS(0)
		}
		for range min(workers, len(list)) {
			go func() {
				for i := range todo {
					if s, ok := command.Await(c.ctx, 0, func() shown { return show(o, list[i]) }); ok {
						results[i] <- s
					}
					if c.ctx.Err() != nil {
						return
					}
				}
			}()
		}
		for _, r := range results {
			select {
			case s := <-r:
				if !yield(s) {
					return
				}
				continue
			case <-c.ctx.Done():
			}
			select {
			case s := <-r:
				if !yield(s) {
					return
				}
			default:
			}
		}
	}
}

func show(o zooOptions, e exhibit) shown {
	started := time.Now()
	r, err := e.run(o.seed, o.cases)
	if err != nil {
		err = fmt.Errorf("zoo %s: %w", e.id, err)
	}
	return shown{exhibit: e, exhibited: r, err: err, seconds: time.Since(started).Seconds()}
}

func (s *zooSummary) add(r shown) {
	s.Entries++
	switch {
	case r.err != nil:
		s.Errors++
		return
	case r.killed:
		s.Killed++
	default:
		s.Survived++
	}
	if !r.twinClean {
		s.Accused++
	}
}

func (c *cli) printShown(o zooOptions, s shown) error {
	if s.err != nil {
		c.note("simfuzz: %v", s.err)
	}
	law := s.exhibited.law
	if law == "" {
		law = s.exhibit.law
	}
	if o.json {
		j := zooJSON{
			Kind: "zoo", Entry: s.id, Law: law, Killed: s.killed, Cases: s.cases, TwinClean: s.twinClean,
			Where: s.where, Defect: s.defect, Counterexample: s.counterexample, Seconds: s.seconds,
		}
		if s.err != nil {
			j.Error = s.err.Error()
		}
		return c.printJSON(j)
	}
	state := "SURVIVED"
	switch {
	case s.err != nil:
		state = "error"
	case s.killed:
		state = "killed"
	}
	c.printf("%s\n", layout.Hang(fmt.Sprintf("%-5s %-9s %-28s %6d  ", s.id, state, law, s.cases), s.defect))
	if s.err == nil && !s.twinClean {
		c.printText("      ", "its correct twin is accused: "+s.twinFailure)
	}
	return nil
}
