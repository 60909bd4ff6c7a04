package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/faultlist"
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/runquery"
)

// grepOptions are the flags of simfuzz grep.
type grepOptions struct {
	precededBy, notPrecededBy string
	followedBy, notFollowedBy string
	sameNode                  bool
	within                    time.Duration
	most                      int
	json                      bool
}

func (c *cli) grepCommand() *cobra.Command {
	var o grepOptions
	cmd := &cobra.Command{
		Use:   "grep PATTERN [FOLDER…]",
		Short: "Find what happened in kept runs, and what came before or after",
		Long: "grep goes through the diagrams of the run folders below the folders given, or below runs, and prints the rows that a " +
			"pattern matches: a Go regular expression, against the node, an arrow to the node at which a message arrives, and what stands beside it in " +
			"diagram.txt. Of several conditions all must hold.\n\n" +
			"The exit code is 0 if a row is found, 2 if none is.",
		Example: "  simfuzz grep 'crash$' --not-followed-by 'start, life' --same-node\n" +
			"  simfuzz grep 'read \"r3\"' --preceded-by partition --within 50ms runs",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return command.Usagef("grep: want a pattern")
			}
			return c.grep(cmd, o, args[0], args[1:])
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.precededBy, "preceded-by", "", "only rows before which a row comes that matches `PATTERN`")
	f.StringVar(&o.notPrecededBy, "not-preceded-by", "", "only rows before which none does that matches `PATTERN`")
	f.StringVar(&o.followedBy, "followed-by", "", "only rows after which a row comes that matches `PATTERN`")
	f.StringVar(&o.notFollowedBy, "not-followed-by", "", "only rows after which none does that matches `PATTERN`")
	f.BoolVar(&o.sameNode, "same-node", false, "what comes before or after must be at the same node")
	f.Var(command.Span{P: &o.within}, "within", "what comes before or after must be so near in virtual time")
	command.NumberFlag(f, &o.most, "most", 20, 1, 1_000_000, "rows to print of a run")
	f.BoolVar(&o.json, "json", false, "print one JSON object a line, the last one the summary")
	return cmd
}

// query is what the flags ask for.
func (o grepOptions) query(cmd *cobra.Command, pattern string) (*runquery.Query, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, command.Usagef("grep: %q is no regular expression: %v", pattern, err)
	}
	q := &runquery.Query{Want: re, SameLane: o.sameNode, Within: o.within}
	for _, x := range []struct {
		flag, pattern string
		before, never bool
	}{
		{"preceded-by", o.precededBy, true, false}, {"not-preceded-by", o.notPrecededBy, true, true},
		{"followed-by", o.followedBy, false, false}, {"not-followed-by", o.notFollowedBy, false, true},
	} {
		if !cmd.Flags().Changed(x.flag) {
			continue
		}
		c, err := runquery.NewCondition(x.pattern, x.before, x.never)
		if err != nil {
			return nil, command.Usagef("grep: --%s: %v", x.flag, err)
		}
		q.Conditions = append(q.Conditions, c)
	}
	if len(q.Conditions) == 0 && (o.sameNode || o.within > 0) {
		return nil, command.Usagef("grep: --same-node and --within are of what comes before or after: want --preceded-by or the like too")
	}
	return q, nil
}

type grepMatchJSON struct {
	Kind  string `json:"kind"`
	Run   string `json:"run"`
	AtNS  int64  `json:"at_ns"`
	Where string `json:"where"`
	To    string `json:"to"`
	Text  string `json:"text"`
}

type grepSummaryJSON struct {
	Kind    string `json:"kind"`
	Runs    int    `json:"runs"`
	Matched int    `json:"runs_matched"`
	Rows    int    `json:"rows"`
	Failed  int    `json:"unreadable"`
}

// defaultRuns is where runs are kept unless a user says otherwise.
const defaultRuns = "runs"

func (c *cli) grep(cmd *cobra.Command, o grepOptions, pattern string, folders []string) error {
	q, err := o.query(cmd, pattern)
	if err != nil {
		return err
	}
	if len(folders) == 0 {
		folders = []string{defaultRuns}
	}
	sum := grepSummaryJSON{Kind: "summary"}
	for _, folder := range folders {
		paths, err := diagrams(folder)
		if err != nil {
			return fmt.Errorf("grep: %w", err)
		}
		for _, path := range paths {
			if c.ctx.Err() != nil {
				c.worsen(exitInterrupted)
				return nil
			}
			if err := c.grepRun(o, q, path, &sum); err != nil {
				return err
			}
		}
	}
	switch {
	case sum.Failed > 0:
		c.worsen(exitFailed)
	case sum.Runs == 0:
		return fmt.Errorf("grep: no run folder below %v: want folders that hold diagram.txt, as simfuzz run leaves them", folders)
	case sum.Rows == 0:
		c.worsen(exitUndecided)
	}
	if o.json {
		return c.printJSON(sum)
	}
	c.printf("%d rows in %d of %d runs\n", sum.Rows, sum.Matched, sum.Runs)
	return nil
}

// grepRun looks at one run. One that cannot be read is told, and does not hold up the
// others; only what stops the output is an error.
func (c *cli) grepRun(o grepOptions, q *runquery.Query, path string, sum *grepSummaryJSON) error {
	sum.Runs++
	run := filepath.Dir(path)
	rows, err := readDiagram(path)
	if err != nil {
		sum.Failed++
		c.note("simfuzz: grep: %v", err)
		return nil
	}
	found := q.Find(rows)
	sum.Rows += len(found)
	if len(found) > 0 {
		sum.Matched++
	}
	for n, i := range found {
		r := rows[i]
		switch {
		case n >= o.most && !o.json:
			c.printf("%s: and %d more\n", run, len(found)-n)
			return nil
		case n >= o.most:
			return nil
		case !o.json:
			c.printf("%s: %v %s\n", run, r.At, runquery.Line(r))
			continue
		}
		if err := c.printJSON(grepMatchJSON{"match", run, int64(r.At), r.Where, r.To, r.Text}); err != nil {
			return err
		}
	}
	return nil
}

// maxDiagram bounds the diagrams that are read. The largest that is written has 10,000
// rows.
const maxDiagram = 64 << 20

func readDiagram(path string) (rows []faultlist.Row, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := io.ReadAll(io.LimitReader(f, maxDiagram+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxDiagram:
		return nil, fmt.Errorf("%s: larger than %d bytes, which no diagram is", path, maxDiagram)
	}
	if rows, err = faultlist.Read(string(text)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rows, nil
}

// diagrams are the diagrams below a folder, in lexical order.
func diagrams(folder string) (paths []string, err error) {
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == "diagram.txt" {
			paths = append(paths, path)
		}
		return err
	})
	return paths, err
}
