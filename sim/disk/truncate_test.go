package disk

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// cutter appends a record for an input, or truncates before that of an earlier one.
type cutter struct {
	found *[]string
	done  map[uint64]bool // inputs whose records are durable
}

const truncating = 1 << 20 // added to the token

func (a cutter) Start(c *sim.Context) {
	*a.found = nil
	for _, r := range Of(c).Records() {
		*a.found = append(*a.found, string(r))
	}
}
func (a cutter) Receive(*sim.Context, sim.NodeID, []byte) {}
func (a cutter) Timer(*sim.Context, sim.TimerID)          {}
func (a cutter) Input(c *sim.Context, id uint64) {
	if id >= truncating {
		Of(c).Truncate(c, id-truncating)
	} else if err := Of(c).Append(c, id, fmt.Appendf(nil, "r%d", id)); err != nil {
		c.Abort()
	}
}
func (a cutter) Persisted(c *sim.Context, token uint64) {
	if Of(c).Synced(token) != nil {
		c.Abort()
		return
	}
	a.done[token] = true
}

// cutRig is a world of one cutter.
type cutRig struct {
	*sim.World
	disk  *Log
	found []string
	done  map[uint64]bool
}

func newCutRig(t tester, segment int, src choice.Source) *cutRig {
	b := &cutRig{disk: NewLog(Options{SegmentBytes: segment}), done: map[uint64]bool{}}
	var err error
	b.World, err = sim.New(sim.Options{
		Nodes: 1, Source: src, DiskFaults: sim.Low, ProcessFaults: sim.ProcessFaultOptions{DiskError: sim.Low},
		Device:  func(sim.NodeID) sim.Device { return b.disk },
		Factory: func(sim.NodeID) sim.Actor { return cutter{&b.found, b.done} },
	})
	require.NoError(t, err)
	return b
}

func (b *cutRig) give(t tester, id uint64, within sim.Time) {
	require.NoError(t, b.Inject(b.Now()+1, 0, id))
	require.NoError(t, b.RunUntil(b.Now()+within))
}

func (b *cutRig) crashAndRestart(t tester) {
	require.NoError(t, b.Crash(0))
	require.NoError(t, b.Restart(0))
	require.NoError(t, b.RunUntil(b.Now()+1))
}

func named(from, to int) (names []string) {
	for i := from; i < to; i++ {
		names = append(names, fmt.Sprintf("r%d", i))
	}
	return names
}

// TestTruncate: whole files are removed, and no more of them than hold nothing that is
// needed; what a crash brings back are the last of those, until the name of a file that
// was begun later is durable.
func TestTruncate(t *testing.T) {
	for back := range uint64(5) {
		b := newCutRig(t, 20, bySite{"disk.names": back}) // two records of ten bytes a file
		for id := range uint64(7) {
			b.give(t, id, sim.Millisecond)
		}
		b.give(t, truncating+5, sim.Millisecond)
		require.Equal(t, 30, b.disk.Size(), "r5 is in one file with r4")
		require.Equal(t, 70, b.disk.Written())
		b.crashAndRestart(t)
		require.Equal(t, named(4-2*int(min(back, 2)), 7), b.found)
		b.disk.Rewind(4, 7)
		require.Len(t, b.disk.Records(), 4, "as it was before anything was cut off")

		b = newCutRig(t, 20, bySite{"disk.names": back})
		for id := range uint64(7) {
			b.give(t, id, sim.Millisecond)
		}
		b.give(t, truncating+5, sim.Millisecond)
		b.give(t, 7, sim.Millisecond)
		b.give(t, 8, 10*sim.Microsecond)
		b.give(t, truncating+6, 10*sim.Microsecond) // the name of the file begun with r8 does not vouch for this
		require.NoError(t, b.RunUntil(b.Now()+sim.Millisecond))
		b.crashAndRestart(t)
		require.Equal(t, named(6-2*int(min(back, 1)), 9), b.found)
		b.disk.Rewind(9, 9)
		require.Len(t, b.disk.Records(), len(b.found))
	}
	b := newCutRig(t, 20, bySite{"disk.remove": 1})
	for id := range uint64(4) {
		b.give(t, id, sim.Millisecond)
	}
	b.give(t, truncating+3, sim.Millisecond)
	require.Equal(t, 40, b.disk.Size(), "the removal failed")
}

// TestTruncateKeepsWhatIsNeeded is that as a property: whatever is decided, what is
// durable and has not been named by a truncation is read again, in order.
func TestTruncateKeepsWhatIsNeeded(t *testing.T) {
	cut := 0
	rapid.Check(t, func(t *rapid.T) {
		b := newCutRig(t, rapid.IntRange(1, 40).Draw(t, "segment"), answers(func(p choice.Point) uint64 {
			switch p.Site {
			case "disk.crash", "disk.names":
				return rapid.Uint64Range(0, p.N-1).Draw(t, p.Site)
			case "disk.write", "disk.remove":
				if rapid.IntRange(0, 15).Draw(t, p.Site) == 15 {
					return 1
				}
			}
			return 0
		}))
		needed, next := uint64(0), uint64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.SampledFrom([]int{2, 2, 2, 2, 2, 2, 1, 1, 1, 0}).Draw(t, "step") {
			case 0:
				b.crashAndRestart(t)
			case 1:
				var durable []uint64
				for id := needed; id < next; id++ {
					if b.done[id] {
						durable = append(durable, id)
					}
				}
				if len(durable) > 0 {
					id := rapid.SampledFrom(durable).Draw(t, "before")
					first := slices.Clone(b.disk.Records()[0])
					b.give(t, truncating+id, 1)
					needed = id
					if !slices.Equal(first, b.disk.Records()[0]) {
						cut++
					}
				}
			default:
				b.give(t, next, sim.Time(rapid.IntRange(1, 400).Draw(t, "within"))*sim.Microsecond)
				next++
			}
			var now []string
			for _, r := range b.disk.Records() {
				now = append(now, string(r))
			}
			for id := needed; id < next; id++ {
				if b.done[id] {
					require.Contains(t, now, fmt.Sprintf("r%d", id))
				}
			}
			require.True(t, slices.IsSortedFunc(now, func(a, b string) int {
				var i, j int
				_, _ = fmt.Sscanf(a, "r%d", &i)
				_, _ = fmt.Sscanf(b, "r%d", &j)
				return i - j
			}))
		}
	})
	if !testing.Short() { // a fifth of the cases may do without
		require.Positive(t, cut, "records are removed")
	}
}
