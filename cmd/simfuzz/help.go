package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/layout"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability"
)

// fitHelp has the help of a command and of those below it fit into the width.
func fitHelp(root *cobra.Command) {
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprint(cmd.OutOrStdout(), usage(cmd))
		return err
	})
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n\n%s", layout.Prose(cmp.Or(cmd.Long, cmd.Short)), usage(cmd)) // its output keeps the error
	})
}

// usage is how a command is called, and what commands and flags it has.
func usage(cmd *cobra.Command) string {
	var b strings.Builder
	b.WriteString("Usage:\n  " + cmd.UseLine() + "\n")
	if cmd.HasAvailableSubCommands() {
		b.WriteString("  " + cmd.CommandPath() + " COMMAND [flags]\n")
	}
	if cmd.HasExample() {
		b.WriteString("\nExamples:\n" + cmd.Example + "\n")
	}
	if cmd.HasAvailableSubCommands() {
		var rows [][]string
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				rows = append(rows, []string{sub.Name(), sub.Short})
			}
		}
		b.WriteString("\nCommands:\n" + layout.Table("  ", rows))
	}
	if cmd.HasAvailableLocalFlags() {
		b.WriteString("\nFlags:\n" + strings.TrimRight(cmd.LocalFlags().FlagUsagesWrapped(layout.Width), "\n") + "\n")
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n\"%s COMMAND --help\" says more of a command.\n", cmd.CommandPath())
	}
	return b.String()
}

// helpCommand is help about a command; about one that does not exist it is an
// error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "help [COMMAND]",
		Short:             "Say more of a command, as COMMAND --help does",
		ValidArgsFunction: completeCommands,
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return usagef("help: no command %q%s", strings.Join(args, " "), didYouMean(rest[0], commandNames(about)))
			}
			about.InitDefaultHelpFlag()
			about.InitDefaultVersionFlag()
			return about.Help()
		},
	}
}

func completeCommands(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return commandNames(cmd.Root()), cobra.ShellCompDirectiveNoFileComp
}

// commandNames are the names of the commands below cmd.
func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return names
}

// levelsCommand lists the consistency levels.
func (c *cli) levelsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "levels",
		Short: "List the consistency levels by name, and what each demands",
		Long: "levels lists the consistency levels: those at which sessions of the store run (simfuzz run --level), and those by which " +
			"recorded histories are judged (simfuzz check --model), which are more. The names are " + strings.Join(levelNames(), ", ") + ".",
		Args: noArguments,
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

// completionCommand prints what makes a shell complete this program's words.
func (c *cli) completionCommand() *cobra.Command {
	scripts := map[string]func(root *cobra.Command) error{
		"bash":       func(root *cobra.Command) error { return root.GenBashCompletionV2(c.out, true) },
		"zsh":        func(root *cobra.Command) error { return root.GenZshCompletion(c.out) },
		"fish":       func(root *cobra.Command) error { return root.GenFishCompletion(c.out, true) },
		"powershell": func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(c.out) },
	}
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that has a shell complete simfuzz's words",
		Long: "completion prints a script for " + strings.Join(shells, ", ") + ". With it the shell completes commands, flags, their values, " +
			"and the names of merges, zoo entries and mutants.",
		Example:   "  source <(simfuzz completion bash)\n  simfuzz completion zsh > \"${fpath[1]}/_simfuzz\"\n  simfuzz completion fish | source",
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("completion: want one of %s, got %d arguments", strings.Join(shells, ", "), len(args))
			}
			script, ok := scripts[args[0]]
			if !ok {
				return usagef("completion: unknown shell %q, want one of %s%s", args[0], strings.Join(shells, ", "), didYouMean(args[0], shells))
			}
			return script(cmd.Root())
		},
	}
}
