package scenario

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCorpus replays what once broke, before anything else is tested: each folder
// of testdata with a broke.txt, which says what. Each must hold, by the very trace
// that it took when it was kept; "simfuzz mutants --corpus" keeps, and makes sure
// that the mutant of that name still fails on it.
func TestCorpus(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join("testdata", "*", "broke.txt"))
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	for _, broke := range folders {
		dir := filepath.Dir(broke)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			why, err := os.ReadFile(broke)
			require.NoError(t, err)
			require.Greater(t, len(bytes.TrimSpace(why)), 20, "%s says what it once broke", broke)
			path := filepath.Join(dir, "tape.json")
			f, err := os.Open(path)
			require.NoError(t, err)
			defer f.Close()
			tape, err := LoadTape(f)
			require.NoError(t, err)
			res, err := Replay(t.Context(), tape)
			require.NoError(t, err)
			for _, v := range res.Violations {
				t.Errorf("broken again: %s\n%v", why, v)
			}
			assert.Equal(t, FormatHash(tape.TraceHash), FormatHash(res.TraceHash),
				"another trace: keep the tape anew with simfuzz mutants --corpus, and raise the version of tapes")
		})
	}
	t.Logf("%d tapes of what once broke", len(folders))
}
