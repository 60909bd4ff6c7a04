package disk

import (
	"fmt"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// careful is an actor that stops when its disk fails it, as it must.
type careful struct {
	found *[]string
	errs  *[]error
}

func (a careful) Start(c *sim.Context) {
	*a.found = nil
	for _, r := range Of(c).Records() {
		*a.found = append(*a.found, string(r))
	}
}
func (a careful) Receive(*sim.Context, sim.NodeID, []byte) {}
func (a careful) Timer(*sim.Context, sim.TimerID)          {}
func (a careful) Input(c *sim.Context, id uint64) {
	if err := Of(c).Append(c, id, fmt.Appendf(nil, "r%d", id)); err != nil {
		*a.errs = append(*a.errs, err)
		c.Abort()
	}
}
func (a careful) Persisted(c *sim.Context, token uint64) {
	if err := Of(c).Synced(token); err != nil {
		*a.errs = append(*a.errs, err)
		c.Abort()
	}
}

// rig is a world of one careful actor.
type rig struct {
	*sim.World
	disk  *Log
	found []string
	errs  []error
}

func newRig(t tester, src choice.Source) *rig {
	b := &rig{disk: NewLog(Options{})}
	var err error
	b.World, err = sim.New(sim.Options{
		Nodes: 1, Source: src, DiskFaults: sim.Low, AssertKeys: true,
		ProcessFaults: sim.ProcessFaultOptions{DiskError: sim.Low, Rot: sim.Low},
		Device:        func(sim.NodeID) sim.Device { return b.disk },
		Factory:       func(sim.NodeID) sim.Actor { return careful{&b.found, &b.errs} },
	})
	require.NoError(t, err)
	return b
}

func (b *rig) crashAndRestart(t tester) {
	require.NoError(t, b.RunUntil(b.Now()+100*sim.Millisecond))
	require.NoError(t, b.Crash(0))
	require.NoError(t, b.Restart(0))
	require.NoError(t, b.RunUntil(b.Now()+sim.Millisecond))
}

// at answers v to the n-th question at a site.
func at(site string, n int, v uint64) choice.Source {
	return answers(func(p choice.Point) uint64 {
		if p.Site != site {
			return 0
		}
		if n--; n == 0 {
			return min(v, p.N-1)
		}
		return 0
	})
}

// TestWriteErrors goes through the answers to disk.write: the record is gone, or
// torn if that survives, and the process stops and starts again on the rest.
func TestWriteErrors(t *testing.T) {
	for v, want := range map[uint64]error{writeEIO: syscall.EIO, writeENOSPC: syscall.ENOSPC, writeShort: syscall.EIO} {
		b := newRig(t, at("disk.write", 2, v))
		for id := range uint64(3) {
			require.NoError(t, b.Inject(sim.Time(1+id)*50*sim.Millisecond, 0, id))
		}
		require.NoError(t, b.RunUntil(sim.Second))
		require.Len(t, b.errs, 1)
		require.ErrorIs(t, b.errs[0], ErrWrite)
		require.ErrorIs(t, b.errs[0], want)
		require.Equal(t, int64(1), b.Stats().Effective[sim.DiskError])
		require.Zero(t, b.Stats().Effective[sim.MidCrash], "it stopped by itself")
		require.Equal(t, [][]byte{[]byte("r0"), []byte("r2")}, b.disk.Records())
	}
	torn := newRig(t, answers(func(p choice.Point) uint64 {
		return map[string]uint64{"disk.write": writeShort, "disk.crash": 2}[p.Site]
	}))
	require.NoError(t, torn.Inject(sim.Millisecond, 0, 1))
	require.NoError(t, torn.RunUntil(sim.Second))
	require.Empty(t, torn.found)
	require.Equal(t, int64(1), torn.disk.Torn(), "half a record survived and was cut off")
}

// TestAFailedSyncIsNeverMadeGood: the record is not durable, and the process that
// heard so has lost it after its restart.
func TestAFailedSyncIsNeverMadeGood(t *testing.T) {
	b := newRig(t, at("disk.sync", 2, 1))
	for id := range uint64(3) {
		require.NoError(t, b.Inject(sim.Millisecond, 0, id)) // all pending at once
	}
	require.NoError(t, b.RunUntil(sim.Second))
	require.Len(t, b.errs, 1)
	require.ErrorIs(t, b.errs[0], ErrSync)
	require.Equal(t, []string{"r0"}, b.found, "what was synced before stays, what came behind is lost too")
	require.Equal(t, int64(1), b.Stats().Effective[sim.DiskError])
	require.NoError(t, b.Inject(2*sim.Second, 0, 7))
	require.NoError(t, b.RunUntil(3*sim.Second))
	require.Equal(t, [][]byte{[]byte("r0"), []byte("r7")}, b.disk.Records(), "the disk works again")
}

// TestRotIsRepairedFromTheOtherCopy flips a bit in each copy in turn.
func TestRotIsRepairedFromTheOtherCopy(t *testing.T) {
	for v := uint64(1); v <= 2; v++ {
		b := newRig(t, at("disk.rot", 1, v))
		for id := range uint64(3) {
			require.NoError(t, b.Inject(sim.Millisecond, 0, id))
		}
		b.crashAndRestart(t)
		require.Equal(t, []string{"r0", "r1", "r2"}, b.found)
		require.Equal(t, int64(1), b.disk.Repaired())
		require.Equal(t, int64(1), b.Stats().Effective[sim.Rot])
		b.crashAndRestart(t)
		require.Equal(t, int64(1), b.disk.Repaired(), "repaired for good")
	}
}

// TestAMisdirectedRecordIsFoundByItsPosition: it is whole where it landed, but
// does not belong there.
func TestAMisdirectedRecordIsFoundByItsPosition(t *testing.T) {
	b := newRig(t, at("disk.misdirect", 1, 1))
	for id := range uint64(3) {
		require.NoError(t, b.Inject(sim.Time(1+id)*sim.Millisecond, 0, id))
	}
	b.crashAndRestart(t)
	require.Equal(t, []string{"r0", "r1", "r2"}, b.found)
	require.Equal(t, int64(2), b.disk.Repaired(), "the record, and the one it landed on")
}

// TestRotInBothCopies: what is whole in neither is left out, told, and stays so; what
// lies around it is read, and the log goes on behind.
func TestRotInBothCopies(t *testing.T) {
	for _, site := range []string{"disk.rot", "disk.misdirect"} {
		lost := map[string]bool{}
		for nth := 1; nth <= 5; nth++ {
			b := newRig(t, at(site, nth, bothCopies))
			var want []string
			for id := range uint64(6) {
				require.NoError(t, b.Inject(b.Now()+1, 0, id))
				want = append(want, fmt.Sprintf("r%d", id))
				require.NoError(t, b.RunUntil(b.Now()+sim.Millisecond))
				if site == "disk.rot" {
					b.crashAndRestart(t)
				}
			}
			b.crashAndRestart(t)
			gone := b.disk.TakeLost()
			require.NotEmpty(t, gone)
			for _, r := range gone {
				want = slices.DeleteFunc(want, func(w string) bool { return w == string(r) })
				lost[string(r)] = true
			}
			require.Equal(t, want, b.found)
			require.Empty(t, b.disk.TakeLost(), "told once")
			holes := b.disk.Unreadable()
			require.LessOrEqual(t, holes, len(gone))
			if nth < 5 && site == "disk.rot" && string(gone[0]) != fmt.Sprintf("r%d", nth-1) {
				require.Equal(t, 1, holes, "there is a record behind it")
			}
			require.NoError(t, b.Inject(b.Now()+1, 0, 9))
			b.crashAndRestart(t)
			require.Equal(t, append(want, "r9"), b.found)
			require.LessOrEqual(t, holes, b.disk.Unreadable(), "what cannot be read stays where it is")
		}
		require.Greater(t, len(lost), 1)
	}
}

// TestRotNeverLosesARecord is the budget as a property: whatever is decided, what
// was durable is read again.
func TestRotNeverLosesARecord(t *testing.T) {
	repaired := int64(0)
	rapid.Check(t, func(t *rapid.T) {
		b := newRig(t, answers(func(p choice.Point) uint64 {
			if p.Site != "disk.rot" && p.Site != "disk.misdirect" {
				return 0
			}
			return rapid.Uint64Range(0, 2).Draw(t, p.Site)
		}))
		id := uint64(0)
		var want []string
		for range rapid.IntRange(1, 4).Draw(t, "lives") {
			for range rapid.IntRange(0, 4).Draw(t, "records") {
				require.NoError(t, b.Inject(b.Now()+1, 0, id))
				want = append(want, fmt.Sprintf("r%d", id))
				id++
				require.NoError(t, b.RunUntil(b.Now()+sim.Millisecond))
			}
			b.crashAndRestart(t)
			require.Equal(t, want, b.found)
		}
		repaired += b.disk.Repaired()
	})
	if !testing.Short() { // a fifth of the cases may do without
		require.Positive(t, repaired, "copies are repaired")
	}
}
