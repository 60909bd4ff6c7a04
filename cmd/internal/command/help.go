package command

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/layout"
)

// FitHelp has the help of a command and of those below it fit into the width.
func FitHelp(root *cobra.Command) {
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
		fmt.Fprintf(&b, "\n\"%s COMMAND --help\" says more of a \n", cmd.CommandPath())
	}
	return b.String()
}

// HelpCommand is help about a command; about one that does not exist it is an
// error.
func HelpCommand() *cobra.Command {
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
				return Usagef("help: no command %q%s", strings.Join(args, " "), DidYouMean(rest[0], CommandNames(about)))
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
	return CommandNames(cmd.Root()), cobra.ShellCompDirectiveNoFileComp
}

// CommandNames are the names of the commands below cmd.
func CommandNames(cmd *cobra.Command) []string {
	var names []string
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return names
}

// CompletionCommand prints what makes a shell complete the words of the program name.
// completed says which words of its own those are, beside commands, flags and their
// values: "" or ", and the names of …".
func CompletionCommand(name, completed string) *cobra.Command {
	scripts := map[string]func(root *cobra.Command) error{
		"bash":       func(root *cobra.Command) error { return root.GenBashCompletionV2(root.OutOrStdout(), true) },
		"zsh":        func(root *cobra.Command) error { return root.GenZshCompletion(root.OutOrStdout()) },
		"fish":       func(root *cobra.Command) error { return root.GenFishCompletion(root.OutOrStdout(), true) },
		"powershell": func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(root.OutOrStdout()) },
	}
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that has a shell complete " + name + "'s words",
		Long: "completion prints a script for " + strings.Join(shells, ", ") + ". With it the shell completes commands, flags" +
			cmp.Or(completed, " and their values") + ".",
		Example:   fmt.Sprintf("  source <(%[1]s completion bash)\n  %[1]s completion zsh > \"${fpath[1]}/_%[1]s\"\n  %[1]s completion fish | source", name),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return Usagef("completion: want one of %s, got %d arguments", strings.Join(shells, ", "), len(args))
			}
			script, ok := scripts[args[0]]
			if !ok {
				return Usagef("completion: unknown shell %q, want one of %s%s", args[0], strings.Join(shells, ", "), DidYouMean(args[0], shells))
			}
			return script(cmd.Root())
		},
	}
}
