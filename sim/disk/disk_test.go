package disk

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// writer appends what it is told and logs completions.
type writer struct {
	found *[]string
	log   *[]string
}

func (w writer) Start(c *sim.Context) {
	*w.found = nil
	for _, r := range Of(c).Records() {
		*w.found = append(*w.found, string(r))
	}
}
func (w writer) Receive(*sim.Context, sim.NodeID, []byte) {}
func (w writer) Timer(*sim.Context, sim.TimerID)          {}
func (w writer) Input(c *sim.Context, id uint64) {
	record := []byte(fmt.Sprintf("record %d", id))
	Of(c).Append(c, id, record)
	record[0] = 'X' // the log has its own copy
}
func (w writer) Persisted(c *sim.Context, token uint64) {
	*w.log = append(*w.log, fmt.Sprintf("%v %d", c.Now(), token))
}

type bench struct {
	*sim.World
	disk  *Log
	found []string // records at the latest start
	log   []string
}

func build(t testing.TB, o Options, level sim.Level, src choice.Source) *bench {
	t.Helper()
	b := &bench{disk: NewLog(o)}
	var err error
	b.World, err = sim.New(sim.Options{
		Nodes: 1, Source: src, DiskFaults: level, AssertKeys: true,
		Device:  func(sim.NodeID) sim.Device { return b.disk },
		Factory: func(sim.NodeID) sim.Actor { return writer{&b.found, &b.log} },
	})
	require.NoError(t, err)
	return b
}

func (b *bench) appendAt(t testing.TB, at sim.Time, id uint64) {
	t.Helper()
	require.NoError(t, b.Inject(at, 0, id))
}

func (b *bench) crashAndRestart(t testing.TB, at sim.Time) {
	t.Helper()
	require.NoError(t, b.RunUntil(at))
	require.NoError(t, b.Crash(0))
	require.NoError(t, b.Restart(0))
	require.NoError(t, b.RunUntil(at))
}

func TestDurableSurvivesPendingDoesNot(t *testing.T) {
	b := build(t, Options{}, sim.Off, nil)
	b.appendAt(t, sim.Millisecond, 1)
	b.appendAt(t, sim.Millisecond, 2)
	b.appendAt(t, 2*sim.Millisecond, 3)
	b.crashAndRestart(t, 2*sim.Millisecond+100*sim.Microsecond)
	require.Equal(t, []string{"1.2ms 1", "1.2ms 2"}, b.log)
	require.Equal(t, []string{"record 1", "record 2"}, b.found)
	require.NoError(t, b.RunUntil(sim.Second))
	require.Len(t, b.log, 2, "the completion died with the node")
	require.Zero(t, b.Stats().Effective[sim.Disk])
}

func TestPendingRecordsCanBeReadBack(t *testing.T) {
	b := build(t, Options{}, sim.Off, nil)
	b.appendAt(t, sim.Millisecond, 1)
	b.appendAt(t, sim.Second, 2)
	require.NoError(t, b.RunUntil(sim.Second))
	require.Equal(t, [][]byte{[]byte("record 1"), []byte("record 2")}, b.disk.Records())
	require.Equal(t, frameHeader+len("record 1"), b.disk.Size())
}

// TestCrashKeepsWhatItIsTold goes through every answer to disk.crash.
func TestCrashKeepsWhatItIsTold(t *testing.T) {
	for v := range uint64(7) {
		src := bySite{"disk.crash": v}
		b := build(t, Options{}, sim.Low, src)
		b.appendAt(t, sim.Millisecond, 1)
		for id := range uint64(3) {
			b.appendAt(t, 2*sim.Millisecond, 2+id)
		}
		b.crashAndRestart(t, 2*sim.Millisecond+100*sim.Microsecond)
		want := []string{"record 1", "record 2", "record 3", "record 4"}[:1+v/2]
		require.Equal(t, want, b.found, "answer %d", v)
		require.Equal(t, int64(v%2), b.disk.Torn(), "answer %d", v)
		effective := int64(0)
		if v > 0 {
			effective = 1
		}
		require.Equal(t, effective, b.Stats().Effective[sim.Disk])
		require.Equal(t, effective, b.Stats().Decided[sim.Disk])

		b.appendAt(t, sim.Second, 9)
		b.crashAndRestart(t, 2*sim.Second)
		require.Equal(t, append(want, "record 9"), b.found, "the log goes on behind the cut")
	}
}

// bySite answers by site.
type bySite map[string]uint64

func (s bySite) Choose(p choice.Point) uint64 { return min(s[p.Site], p.N-1) }

// TestAppendBehindATornRecord has an actor that does not look at its log before
// it appends.
func TestAppendBehindATornRecord(t *testing.T) {
	log := NewLog(Options{})
	log.durable = append(appendFrame(nil, 0, []byte("whole")), appendFrame(nil, 13, []byte("torn"))[:6]...)
	log.dirty = true
	w, err := sim.New(sim.Options{Nodes: 1, Device: func(sim.NodeID) sim.Device { return log },
		Factory: func(sim.NodeID) sim.Actor { return blind{} }})
	require.NoError(t, err)
	require.NoError(t, w.RunUntil(sim.Second))
	require.Equal(t, [][]byte{[]byte("whole"), []byte("blind")}, log.Records())
	require.Equal(t, int64(1), log.Torn())
}

type blind struct{}

func (blind) Start(c *sim.Context) {
	if err := Of(c).Append(c, 0, []byte("blind")); err != nil {
		c.Abort()
	}
}
func (blind) Receive(*sim.Context, sim.NodeID, []byte) {}
func (blind) Timer(*sim.Context, sim.TimerID)          {}

func TestSlowAppendHoldsUpTheNext(t *testing.T) {
	first := true
	b := build(t, Options{}, sim.Low, answers(func(p choice.Point) uint64 {
		if p.Site == "disk.slow" && first {
			first = false
			return 3
		}
		return 0
	}))
	b.appendAt(t, sim.Millisecond, 1)
	b.appendAt(t, sim.Millisecond+1, 2)
	require.NoError(t, b.RunUntil(sim.Second))
	require.Equal(t, []string{"2.8ms 1", "2.8ms 2"}, b.log, "200 µs and 200 µs·2^3")
	require.Equal(t, int64(1), b.Stats().Effective[sim.Disk])
}

type answers func(choice.Point) uint64

func (f answers) Choose(p choice.Point) uint64 { return f(p) }

func TestFullLogStopsTheWorld(t *testing.T) {
	b := build(t, Options{MaxBytes: 40}, sim.Off, nil)
	for id := range uint64(3) {
		b.appendAt(t, sim.Millisecond, id)
	}
	err := b.RunUntil(sim.Second)
	require.ErrorIs(t, err, ErrFull)
	require.ErrorContains(t, err, "40")
}

func TestHealedWorldKeepsNothingByChoice(t *testing.T) {
	b := build(t, Options{}, sim.Extreme, bySite{"disk.crash": 6, "disk.slow": 8})
	require.NoError(t, b.Heal(0))
	b.appendAt(t, sim.Millisecond, 1)
	b.crashAndRestart(t, sim.Millisecond+100*sim.Microsecond)
	require.Empty(t, b.found)
}

func TestOfIsNilWithoutALog(t *testing.T) {
	checked := false
	w, err := sim.New(sim.Options{Nodes: 1, Factory: func(sim.NodeID) sim.Actor {
		return noDisk(func(c *sim.Context) { checked = Of(c) == nil })
	}})
	require.NoError(t, err)
	require.NoError(t, w.RunUntil(1))
	require.True(t, checked)
}

type noDisk func(*sim.Context)

func (f noDisk) Start(c *sim.Context)                   { f(c) }
func (noDisk) Receive(*sim.Context, sim.NodeID, []byte) {}
func (noDisk) Timer(*sim.Context, sim.TimerID)          {}

// TestEveryTearIsFound is the property that a log cut anywhere yields a prefix of its
// records, and one with a bit flipped all but the record that the bit is in.
func TestEveryTearIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 20), 1, 6).Draw(t, "records")
		var image []byte
		for _, r := range records {
			image = appendFrame(image, len(image), r)
		}
		got, whole := parse(image)
		require.Equal(t, len(image), whole)
		requirePrefix(t, records, got, len(records))

		cut := rapid.IntRange(0, len(image)-1).Draw(t, "cut")
		got, whole = parse(image[:cut])
		require.LessOrEqual(t, whole, cut)
		requirePrefix(t, records, got, len(got))

		bit := rapid.IntRange(0, 8*len(image)-1).Draw(t, "bit")
		image[bit/8] ^= 1 << (bit % 8)
		var rest [][]byte
		at, last := 0, false
		for i, r := range records {
			if n := frameHeader + len(r); bit/8 < at || bit/8 >= at+n {
				rest = append(rest, r)
			} else {
				last = i == len(records)-1
			}
			at += frameHeader + len(r)
		}
		got, _ = parse(image)
		requirePrefix(t, rest, got, len(rest))
		_, gaps := frames(0, image)
		require.Equal(t, !last, gaps == 1, "the last cannot be told from a torn end")
	})
}

// parse returns the records of an image and where the last of them ends.
func parse(image []byte) (records [][]byte, whole int) {
	found, _ := frames(0, image)
	for _, f := range found {
		records, whole = append(records, image[f.from+frameHeader:f.to]), f.to
	}
	return records, whole
}

func requirePrefix(t *rapid.T, records, got [][]byte, n int) {
	require.Len(t, got, n)
	for i, r := range got {
		require.Equal(t, string(records[i]), string(r))
	}
}

func TestRewindKeepsTheOldestRecords(t *testing.T) {
	for keep, want := range [][]string{nil, {"record 0", "record 1"}, {"record 0", "record 1", "record 2", "record 3"}} {
		b := build(t, Options{}, sim.Off, nil)
		for id := range uint64(8) {
			b.appendAt(t, sim.Time(id)*sim.Millisecond, id)
		}
		require.NoError(t, b.RunUntil(50*sim.Millisecond))
		require.NoError(t, b.Crash(0))
		b.disk.Rewind(keep, 4)
		require.NoError(t, b.Restart(0))
		require.NoError(t, b.RunUntil(60*sim.Millisecond))
		require.Equal(t, want, b.found)
		b.appendAt(t, 61*sim.Millisecond, 9)
		require.NoError(t, b.RunUntil(70*sim.Millisecond))
		require.Len(t, b.disk.Records(), len(want)+1, "it goes on from there")
	}
}
