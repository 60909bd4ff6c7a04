package linearizability_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/linearizability/history"
)

// spy is a test that only notes how it ended.
type spy struct{ message string }

func (s *spy) Helper() {}

func (s *spy) Fatalf(format string, args ...any) { s.message = fmt.Sprintf(format, args...) }

func TestCheckRecorded(t *testing.T) {
	rec := history.NewRecorder("a store", nil)
	rec.Begin(0, history.Register, history.Write, "x", history.Int(1)).OK(history.Nil)
	linearizability.Check(&spy{}, rec, "cc")

	silent := &spy{}
	linearizability.Check(silent, rec, "linearizable-register")
	require.Contains(t, silent.message, "inconclusive", "no read is no pass")

	rec.Begin(1, history.Register, history.Read, "x", history.Nil).OK(history.Int(1))
	linearizability.Check(t, rec, "linearizable-register")
	linearizability.Check(t, rec, "mr+ryw")

	unknown := &spy{}
	linearizability.Check(unknown, rec, "ryw+ryw")
	require.Contains(t, unknown.message, "unknown model")

	rec.Begin(1, history.Register, history.Read, "x", history.Nil).OK(history.Nil)
	broken := &spy{}
	linearizability.Check(broken, rec, "linearizable-register")
	require.Contains(t, broken.message, "a store: linearizable-register: violation")
	require.Contains(t, broken.message, "x := 1")

	rec.Begin(2, history.Register, history.Read, "x", history.Nil)
	rec.Begin(2, history.Register, history.Read, "x", history.Nil)
	misused := &spy{}
	linearizability.Check(misused, rec, "cc")
	require.Contains(t, misused.message, "another open")
}

// A test records what clients of a register did, one of them without an answer,
// and asserts a level. Here the last read misses an acknowledged write.
func ExampleCheck() {
	rec := history.NewRecorder("a register", nil)
	rec.Begin(0, history.Register, history.Write, "x", history.Int(1)).OK(history.Nil)
	rec.Begin(1, history.Register, history.Write, "x", history.Int(2)).Unknown() // it timed out
	rec.Begin(0, history.Register, history.Read, "x", history.Nil).OK(history.Int(2))
	rec.Begin(2, history.Register, history.Read, "x", history.Nil).OK(history.Nil)

	t := &spy{} // in a test, its t
	linearizability.Check(t, rec, "linearizable-register")
	fmt.Println(t.message)
	// Output:
	// a register: linearizable-register: violation: register "x": #3 read nil, the initial value, after #0 had written 1, and nothing wrote nil
	//       s0      s2
	// #0    x := 1
	// #3            x = nil
}
