package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/linearizability/history"
)

// listModels lists the models and what each demands, or, of those that are named,
// also what judging by them costs and what it needs.
func (c *cli) listModels(asJSON bool, names []string) error {
	chosen, err := chooseModels(names)
	if err != nil {
		return err
	}
	if asJSON {
		for _, m := range chosen {
			if err := c.printJSON(map[string]string{
				"kind": "model", "name": m.Name, "doc": m.Doc, "complexity": m.Complexity, "needs": m.Needs,
			}); err != nil {
				return err
			}
		}
		return nil
	}
	if len(names) > 0 {
		for i, m := range chosen {
			if i > 0 {
				c.printf("\n")
			}
			c.field("model", "%s", m.Name)
			c.field("demands", "%s", m.Doc)
			c.field("costs", "%s", m.Complexity)
			c.field("needs", "%s", m.Needs)
		}
		return nil
	}
	rows := [][]string{{"MODEL", "DEMANDS"}}
	for _, m := range chosen {
		rows = append(rows, []string{m.Name, m.Doc})
	}
	c.printf("%s\n", layout.Table("", rows))
	c.printf("%s\n", layout.Hang("formats: ", strings.Join(history.Formats(), ", ")))
	c.printf("what one costs and needs: simfuzz check --list MODEL\n")
	return nil
}

// chooseModels finds models by name; without names it takes all.
func chooseModels(names []string) ([]linearizability.ModelInfo, error) {
	all := listed()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []linearizability.ModelInfo
	for _, name := range names {
		i := slices.IndexFunc(all, func(m linearizability.ModelInfo) bool { return m.Name == name })
		if i < 0 {
			return nil, command.Usagef("check: --list: no model is named %q (--list lists them)%s", name, command.DidYouMean(name, modelNames()))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// completeCheck completes the names of models behind --list, and files else.
func completeCheck(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	if list, err := cmd.Flags().GetBool("list"); err == nil && list {
		return modelNames(), cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}
