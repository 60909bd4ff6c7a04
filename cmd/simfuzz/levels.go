package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability"
)

// levelsCommand lists the consistency levels.
func (c *cli) levelsCommand() *cobra.Command {
	var o levelsOptions
	cmd := &cobra.Command{
		Use:   "levels",
		Short: "List the consistency levels by name, and what each demands",
		Long: "levels lists the consistency levels: those at which sessions of the store run (simfuzz run --level), and those by which " +
			"recorded histories are judged (simfuzz check --model), which are more. The names are " + strings.Join(levelNames(), ", ") + ".\n\n" +
			"With --measure it fuzzes the store at each level instead, and says by which checkers how many histories were decided, which levels answer " +
			"while replicas are cut off from each other, beside what Bailis et al. (\"Highly Available Transactions\", VLDB 2014) say that can be, and which acknowledgements.",
		Example: "  simfuzz levels --measure --seeds 5000",
		Args:    command.NoArguments,
		RunE: func(*cobra.Command, []string) error {
			if o.measure {
				return c.measureLevels(o)
			}
			var rows [][]string
			for _, m := range linearizability.Models() {
				rows = append(rows, []string{m.Name, m.Doc})
			}
			c.field("run", "--level %s", strings.Join(session.Levels(), ", "))
			c.field("check", "--model with one of those below; \"simfuzz check --list NAME\" says what it costs and needs")
			c.printf("\n%s", layout.Table("", rows))
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.measure, "measure", false, "fuzz the store at each level, and print what was measured")
	command.NumberFlag(f, &o.seeds, "seeds", 500, 1, 1_000_000_000, "with --measure, seeds of each level")
	command.SeedFlag(f, &o.seed, "with --measure, the first seed")
	f.BoolVar(&o.json, "json", false, "with --measure, print one JSON object a line, the last one the summary")
	return cmd
}

// levelNames are the names of all levels, those of the store first.
func levelNames() []string {
	names := session.Levels()
	for _, m := range linearizability.Models() {
		if !slices.Contains(names, m.Name) {
			names = append(names, m.Name)
		}
	}
	return names
}
