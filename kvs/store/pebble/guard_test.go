package pebble

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

// secondName has a power cut keep the second change of a name that was not synced, and no other.
type secondName struct{ asked int }

func (s *secondName) Choose(p choice.Point) uint64 {
	if p.Site != "fs.crash.name" {
		return 0
	}
	s.asked++
	if s.asked == 2 {
		return 1
	}
	return 0
}

// TestLastLogStays removes logs, before and after a newer one is made, and has the power cut
// keep a removal alone: there is a log at all times. (Pebble removes one on a goroutine, which
// may come before it made the next.)
func TestLastLogStays(t *testing.T) {
	fs, err := disk.NewFS(disk.FSOptions{Source: &secondName{}, Crash: sim.Extreme})
	require.NoError(t, err)
	require.NoError(t, fs.MkdirAll("db", 0o700))
	g := newGuard(fs, "db")
	create := func(name string) {
		f, err := g.Create(name, vfs.WriteCategoryUnspecified)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	create("db/000001.log")
	g.order()
	require.NoError(t, g.Remove("db/000001.log"))
	names, err := fs.List("db")
	require.NoError(t, err)
	require.Equal(t, []string{"000001.log"}, names, "it is the newest")

	create("db/000002.log")
	require.NoError(t, g.Remove("db/000001.log"))
	names, err = fs.List("db")
	require.NoError(t, err)
	require.Equal(t, []string{"000002.log"}, names)
	fs.PowerCut()
	names, err = fs.List("db")
	require.NoError(t, err)
	require.Contains(t, names, "000002.log", "the removal of the other waits for it")
	require.NoError(t, g.failed())
}
