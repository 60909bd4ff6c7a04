package guides

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// longest is how many lines a guide has at most.
const longest = 200

// block is a fenced block of a guide.
type block struct {
	line           int
	language, file string
	text           string
}

var fence = regexp.MustCompile("^```(\\S+)(?: (\\S+))?$")

// blocks are those of a guide.
func blocks(t *testing.T, guide string) []block {
	t.Helper()
	var all []block
	open := false
	for i, line := range strings.Split(strings.TrimSuffix(guide, "\n"), "\n") {
		switch parts := fence.FindStringSubmatch(line); {
		case open && line == "```":
			open = false
		case open:
			all[len(all)-1].text += line + "\n"
		case parts != nil:
			open = true
			all = append(all, block{line: i + 1, language: parts[1], file: parts[2]})
		default:
			require.NotContains(t, line, "```", "line %d: a fence names its language", i+1)
			require.False(t, strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t"), "line %d: code stands in a fence", i+1)
		}
	}
	require.False(t, open, "the last block has no end")
	return all
}

// pattern is what the output of a command must be, as it is shown.
func pattern(shown string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`^`)
	for line := range strings.Lines(shown) {
		if strings.TrimSpace(line) == "…" {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(line, " \n")), "…", `.*`) + ` *\n`)
	}
	b.WriteString(`$`)
	return regexp.MustCompile(b.String())
}

// session are the commands of a block, and what is shown below each.
func session(text string) (commands, shown []string) {
	for line := range strings.Lines(text) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			commands, shown = append(commands, strings.TrimSpace(command)), append(shown, "")
			continue
		}
		shown[len(shown)-1] += line
	}
	return commands, shown
}

// setup is where the README begins to say how a module comes to require this one.
const setup = "\n### A module that requires this one\n"

// module makes a module by the commands of the README.
func module(t *testing.T, root, readme string) string {
	t.Helper()
	dir := t.TempDir()
	_, text, found := strings.Cut(readme, setup)
	require.True(t, found)
	ran := 0
	for line := range strings.Lines(text) {
		command, found := strings.CutPrefix(line, "    ")
		if !found {
			if ran > 0 {
				break
			}
			continue
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command, "=../joinery", "="+root, 1))
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", command, out)
		ran++
	}
	require.Equal(t, 4, ran)
	return dir
}

// guides are those of the module.
func guides(t *testing.T, root string) []string {
	t.Helper()
	var all []string
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if err == nil && d.Name() == "GUIDE.md" {
			all = append(all, path)
		}
		return err
	}))
	return all
}

// TestGuides goes through every guide.
func TestGuides(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs; skipped by -short")
	}
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	found := guides(t, root)
	require.Len(t, found, 5)
	for _, path := range found {
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		t.Run(filepath.ToSlash(filepath.Dir(name)), func(t *testing.T) {
			assert.Contains(t, string(readme), "("+filepath.ToSlash(name)+")", "the README names it")
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Less(t, strings.Count(string(text), "\n"), longest)
			follow(t, name, module(t, root, string(readme)), blocks(t, string(text)))
		})
	}
}

// progress is what a command says while it is at work, on a machine that is slow.
var progress = regexp.MustCompile(`(?m)^laws: the program was asked \d+ times\n`)

// follow writes the files and runs the commands of a guide, in their order.
func follow(t *testing.T, name, dir string, all []block) {
	ran := 0
	for _, b := range all {
		where := fmt.Sprintf("%s:%d", name, b.line)
		switch {
		case b.file != "":
			path := filepath.Join(dir, filepath.FromSlash(b.file))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
			require.NoError(t, os.WriteFile(path, []byte(b.text), 0o600))
		case b.language == "console":
			commands, shown := session(b.text)
			for i, command := range commands {
				cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
				cmd.Dir = dir
				out, err := cmd.CombinedOutput()
				require.NotNil(t, cmd.ProcessState, "%s: %s: %v", where, command, err)
				got := progress.ReplaceAllString(strings.ReplaceAll(string(out), dir, "."), "")
				require.Regexp(t, pattern(shown[i]), got, "%s: %s", where, command)
				ran++
			}
		default:
			require.Fail(t, "a block that nobody runs", "%s: %s: name a file, or the language console", where, b.language)
		}
	}
	require.Positive(t, ran, "it shows no command")
}

// TestPattern: what is shown is what comes out, but for what … stands for.
func TestPattern(t *testing.T) {
	shown := "ok in … s\n…\nthe end\n"
	for out, want := range map[string]bool{
		"ok in 3 s\nthe end\n": true, "ok in 3 s\na\nb\nthe end\n": true, "ok in 3 s\nthe end\nmore\n": false, "ok in 3\nthe end\n": false, "the end\n": false,
	} {
		assert.Equal(t, want, pattern(shown).MatchString(out), "%q", out)
	}
	commands, out := session("$ one\n$ two\nx\ny\n")
	assert.Equal(t, []string{"one", "two"}, commands)
	assert.Equal(t, []string{"", "x\ny\n"}, out)
}
