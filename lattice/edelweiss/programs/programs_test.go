package programs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/programs"
)

// TestProgramsPrintAsWritten also holds their layout: a blank line only above a
// comment, or between declarations, seals and rules.
func TestProgramsPrintAsWritten(t *testing.T) {
	require.Len(t, programs.Names(), 11)
	for _, name := range programs.Names() {
		p, err := programs.Load(name)
		require.NoError(t, err)
		source, err := programs.Source(name)
		require.NoError(t, err)
		print := edelweiss.Print(p)
		assert.Equal(t, strings.ReplaceAll(source, "\n\n", "\n"), strings.ReplaceAll(print, "\n\n", "\n"), name)
		require.NotEmpty(t, p.Collections[0].Doc, name)
		assert.Contains(t, strings.Join(p.Collections[0].Doc, "\n"), "Must reclaim: ", name)
	}
	_, err := programs.Load("none")
	assert.ErrorContains(t, err, `no program "none": choose one of atomic_registers, broadcast_epoch`)
}
