package edelweiss_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/programs"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
	"github.com/joinery-go/joinery/sim/edelweiss"
)

// TestTapes: a failing trial on an engine replays from its file alone, and a tape names
// an engine that there is.
func TestTapes(t *testing.T) {
	p, err := programs.Load("unicast")
	require.NoError(t, err)
	r, err := reclaim.Rewrite(p, reclaim.All)
	require.NoError(t, err)
	for i := range r.Program.Rules {
		if rule := &r.Program.Rules[i]; rule.Op == el.Delete {
			rule.Body = rule.Body[:1] // deletes what is not acknowledged
		}
	}
	tape, first, err := trial.Record("unicast", p, r.Program, trial.Workloads["unicast"], options(t, r, "lsm", 3))
	require.NoError(t, err)
	require.Error(t, first.Err)
	var b bytes.Buffer
	require.NoError(t, tape.Write(&b))
	text := b.String()

	bare, err := trial.LoadTape(strings.NewReader(text))
	require.NoError(t, err)
	require.ErrorIs(t, bare.Replay().Err, trial.ErrTape, "it has no disks")
	loaded, err := edelweiss.LoadTape(strings.NewReader(text))
	require.NoError(t, err)
	again := loaded.Replay()
	assert.Equal(t, first.Err.Error(), again.Err.Error())
	assert.Equal(t, tape.Hash, again.Report.Hash)
	_, err = edelweiss.LoadTape(strings.NewReader(strings.Replace(text, `"lsm"`, `"tape"`, 1)))
	require.ErrorIs(t, err, trial.ErrTape)
	require.ErrorIs(t, err, edelweiss.ErrEngine)

	path := filepath.Join(t.TempDir(), "tape.json")
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
	said := &quiet{}
	edelweiss.AssertHolds(said, path)
	assert.Contains(t, said.fatal, again.Err.Error())

	assert.Contains(t, edelweiss.Test(tape, "tape.json"), "\"github.com/joinery-go/joinery/sim/edelweiss\"\n")
	assert.Contains(t, edelweiss.Test(tape, "tape.json"), "edelweiss.AssertHolds(t, \"tape.json\")")
	tape.Options.Engine = ""
	assert.Equal(t, trial.Test("tape.json"), edelweiss.Test(tape, "tape.json"))
}

// quiet is a test that only notes what it is told.
type quiet struct{ fatal string }

func (q *quiet) Helper() {}
func (q *quiet) Fatal(args ...any) {
	for _, a := range args {
		q.fatal += a.(error).Error()
	}
}
