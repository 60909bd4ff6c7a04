package linearizability

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// The recorders in other languages, run where their interpreters are: what they record of
// a register in memory is read, holds, and would not if a read returned another value.
func TestRecordersInOtherLanguages(t *testing.T) {
	for interpreter, script := range map[string]string{"python3": "record.py", "node": "record.js"} {
		t.Run(script, func(t *testing.T) {
			program, err := exec.LookPath(interpreter)
			if err != nil {
				t.Skipf("no %s here: %v", interpreter, err)
			}
			path := filepath.Join(t.TempDir(), "history.jsonl")
			out, err := exec.Command(program, filepath.Join("history", "recorders", script), path).CombinedOutput()
			require.NoError(t, err, "%s", out)
			h, err := decodeFile(t, "jsonl", path)
			require.NoError(t, err)
			require.Len(t, h.Ops, 301)
			require.Equal(t, history.Unknown, h.Ops[300].Outcome)
			require.Equal(t, history.Pending, h.Ops[300].Return)
			require.Equal(t, "d", h.Ops[300].Client)
			require.Equal(t, OK, mustCheck(t, h, "linearizable-register").Status)
			for i := len(h.Ops) - 1; ; i-- {
				if o := &h.Ops[i]; o.Func == history.Read {
					o.Out = h.Ops[0].Arg
					break
				}
			}
			require.Equal(t, Violation, mustCheck(t, h, "linearizable-register").Status)
		})
	}
}
