package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
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
		Short: "Show which law kills which published merge defect, and in how many cases",
		Long: "zoo runs the laws against merges that have the defects of published ones, and against their correct twins.\n" +
			"A defect that survives, or a twin that is accused, is exit code 1.",
		RunE: func(_ *cobra.Command, args []string) error { return c.zoo(o, gallery(), args) },
	}
	f := cmd.Flags()
	f.Uint64Var(&o.seed, "seed", 1, "seed of the generators")
	f.IntVar(&o.cases, "cases", 1000, "cases a law may take at most")
	f.IntVar(&o.workers, "workers", 0, "exhibits run at once; 0 is one a core")
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
	if o.cases < 1 {
		return usagef("zoo: --cases %d: want at least 1", o.cases)
	}
	if o.workers < 0 {
		return usagef("zoo: --workers %d: want 0 or more", o.workers)
	}
	if len(all) == 0 {
		return errors.New("zoo: the gallery is empty")
	}
	chosen, err := chooseExhibits(all, names)
	if err != nil {
		return err
	}
	started := time.Now()
	sum := zooSummary{Kind: "summary"}
	if !o.json {
		c.printf("%-5s %-9s %-28s %6s  %s\n", "ENTRY", "STATE", "LAW", "CASES", "DEFECT")
	}
	for s := range c.showAll(o, chosen) {
		if s.err != nil && errors.Is(s.err, c.ctx.Err()) {
			c.worsen(exitInterrupted)
			break
		}
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
	_, err = fmt.Fprintf(c.out, "%d entries: %d killed, %d survived, %d correct twins accused, %d in error, %.2f s\n",
		sum.Entries, sum.Killed, sum.Survived, sum.Accused, sum.Errors, sum.Seconds)
	return err
}

func chooseExhibits(all []exhibit, names []string) ([]exhibit, error) {
	if len(names) == 0 {
		return all, nil
	}
	var chosen []exhibit
	for _, name := range names {
		i := slices.IndexFunc(all, func(e exhibit) bool { return strings.EqualFold(e.id, name) })
		if i < 0 {
			return nil, usagef("zoo: no entry is numbered %q", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// showAll yields the exhibits in order while several workers run them.
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
		var wg sync.WaitGroup
		defer wg.Wait()
		for range min(workers, len(list)) {
			wg.Go(func() {
				for i := range todo {
					results[i] <- c.show(o, list[i])
				}
			})
		}
		for _, r := range results {
			if !yield(<-r) {
				return
			}
		}
	}
}

func (c *cli) show(o zooOptions, e exhibit) shown {
	if err := c.ctx.Err(); err != nil {
		return shown{exhibit: e, err: err}
	}
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
		if _, err := fmt.Fprintf(c.err, "simfuzz: %v\n", s.err); err != nil {
			return err
		}
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
	line := fmt.Sprintf("%-5s %-9s %-28s %6d  %s", s.id, state, law, s.cases, s.defect)
	if s.err == nil && !s.twinClean {
		line += "\n      its correct twin is accused: " + s.twinFailure
	}
	_, err := fmt.Fprintln(c.out, line)
	return err
}
