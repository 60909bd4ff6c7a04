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
	return &cobra.Command{
		Use:   "levels",
		Short: "List the consistency levels by name, and what each demands",
		Long: "levels lists the consistency levels: those at which sessions of the store run (simfuzz run --level), and those by which " +
			"recorded histories are judged (simfuzz check --model), which are more. The names are " + strings.Join(levelNames(), ", ") + ".",
		Args: command.NoArguments,
		RunE: func(*cobra.Command, []string) error {
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
