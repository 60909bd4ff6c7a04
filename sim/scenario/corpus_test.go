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
// of testdata with a broke.txt, which says what. Each must hold; "simfuzz mutants
// --corpus" keeps, and makes sure that the mutant of that name still fails on it. By what
// trace it holds does not matter: what a message looks like may change. TestExampleTape
// is the one that locks a trace.
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
			assert.Equal(t, int64(len(tape.Operations)), res.Operations, "every operation is issued")
		})
	}
	t.Logf("%d tapes of what once broke", len(folders))
}
