package sim

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

// gossiper is a small chatty protocol for determinism tests.
func gossiper() Actor {
	s := &script{}
	heard := 0
	s.start = func(c *Context) { c.After(Time(1+c.Self())*Millisecond, 1) }
	s.timer = func(c *Context, _ TimerID) {
		to := NodeID((int(c.Self()) + 1 + c.Choose("peer", c.Nodes()-1)) % c.Nodes())
		c.Send(to, 1, []byte{byte(heard), byte(heard >> 8)})
		c.After(3*Millisecond, 1)
	}
	s.receive = func(c *Context, from NodeID, msg []byte) {
		heard += 1 + int(msg[0])&1
		c.Mark(fmt.Sprintf("heard %d", from))
		c.Note("heard %d", heard)
	}
	return s
}

func gossipWorld(t testing.TB, src choice.Source, trace TraceOptions) *World {
	return world(t, Options{Nodes: 4, Factory: func(NodeID) Actor { return gossiper() }, Source: src, Trace: trace,
		Crash: CrashOptions{Level: Extreme}, Decisions: true})
}

func TestSameChoicesSameTrace(t *testing.T) {
	run := func(src choice.Source, procs int) *World {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		w := gossipWorld(t, src, TraceOptions{Hashes: 1 << 20})
		require.NoError(t, w.RunUntil(2*Second))
		return w
	}
	first := run(choice.Seeded(1), 1)
	again := run(choice.Seeded(1), 2)
	require.Equal(t, first.Hash(), again.Hash())
	require.Equal(t, -1, FirstDivergence(first.Hashes(), again.Hashes()))
	require.Equal(t, first.Marks(), again.Marks())
	require.Positive(t, first.Stats().Effective[Crash])

	var tape []choice.Decision
	for _, d := range first.Decisions() {
		tape = append(tape, d.Decision)
	}
	replayed := run(choice.NewReplay(tape), 2)
	require.Equal(t, first.Hash(), replayed.Hash(), "the decisions other than 0 are the whole run")

	other := run(choice.Seeded(2), 1)
	require.NotEqual(t, first.Hash(), other.Hash())
	at := FirstDivergence(first.Hashes(), other.Hashes())
	require.GreaterOrEqual(t, at, 0)
	require.Equal(t, first.Hashes()[:at], other.Hashes()[:at])
	require.NotEqual(t, first.Hashes()[at], other.Hashes()[at])
}

func TestResetLeavesNothingBehind(t *testing.T) {
	w := gossipWorld(t, choice.Seeded(1), TraceOptions{})
	require.NoError(t, w.RunUntil(Second))
	hash := w.Hash()
	w = gossipWorld(t, choice.Seeded(2), TraceOptions{Records: 10})
	require.NoError(t, w.RunUntil(777*Millisecond))
	o := Options{Nodes: 4, Factory: func(NodeID) Actor { return gossiper() }, Source: choice.Seeded(1), Crash: CrashOptions{Level: Extreme}}
	require.NoError(t, w.Reset(o))
	require.NoError(t, w.RunUntil(Second))
	require.Equal(t, hash, w.Hash())
	recs, cut := w.Records()
	require.Empty(t, recs)
	require.Zero(t, cut)
	require.ErrorIs(t, w.Reset(Options{}), ErrOptions)
}

func TestHashSeesEveryField(t *testing.T) {
	base := event{at: 1, key: 2, aux: 3, node: 4, from: 5, kind: EventMessage, msg: 6, extra: 7}
	hash := func(ev event, payload string) uint64 {
		var s traceState
		s.deliver(&ev, []byte(payload))
		return s.hash
	}
	want := hash(base, "payload")
	seen := map[uint64]string{want: "base"}
	see := func(name string, h uint64) {
		require.NotContains(t, seen, h, name)
		seen[h] = name
	}
	for name, change := range map[string]func(*event){
		"at": func(e *event) { e.at++ }, "key": func(e *event) { e.key++ }, "aux": func(e *event) { e.aux++ },
		"node": func(e *event) { e.node++ }, "from": func(e *event) { e.from++ }, "kind": func(e *event) { e.kind++ },
		"msg": func(e *event) { e.msg++ }, "extra": func(e *event) { e.extra++ },
	} {
		ev := base
		change(&ev)
		see(name, hash(ev, "payload"))
	}
	for _, p := range []string{"", "payloae", "qayload", "payload\x00", "payloadpayload", "payloadpayloae", "0123456701234567"} {
		see(p, hash(base, p))
	}
}

func TestTraceText(t *testing.T) {
	names := func(k MsgKind) string { return map[MsgKind]string{1: "gossip"}[k] }
	w := world(t, Options{Nodes: 2, Factory: func(NodeID) Actor { return gossiper() }, Trace: TraceOptions{Records: 8}, KindName: names})
	require.NoError(t, w.RunUntil(10*Millisecond))
	var b, again bytes.Buffer
	require.NoError(t, w.WriteTrace(&b))
	require.NoError(t, w.WriteTrace(&again))
	require.Equal(t, b.String(), again.String())
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	require.Len(t, lines, 9)
	require.Regexp(t, `^ +0  n0   start 1  \[[0-9a-f]{16}\]  [0-9a-f]{16}$`, lines[0])
	require.Regexp(t, `^ +1000000  n0   timer 1  \[`, lines[2])
	require.Regexp(t, `^ +2000000  n1   msg from n0 gossip 2 bytes  \[`, lines[3])
	require.Regexp(t, `^ +2000000  n1   # heard 1$`, lines[4])
	require.Regexp(t, `^… and \d+ more records, beyond the bound of 8$`, lines[8])
	require.ErrorContains(t, w.WriteTrace(brokenWriter{}), "broken")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestRecordingChangesNothing(t *testing.T) {
	plain := gossipWorld(t, choice.Seeded(5), TraceOptions{})
	kept := gossipWorld(t, choice.Seeded(5), TraceOptions{Records: 50, Hashes: 10})
	require.NoError(t, plain.RunUntil(Second))
	require.NoError(t, kept.RunUntil(Second))
	require.Equal(t, plain.Hash(), kept.Hash())
	require.Equal(t, plain.Events(), kept.Events())
	require.Len(t, kept.Hashes(), 10)
}

func TestFirstDivergence(t *testing.T) {
	require.Equal(t, -1, FirstDivergence(nil, nil))
	require.Equal(t, -1, FirstDivergence([]uint64{1, 2}, []uint64{1, 2}))
	require.Equal(t, 2, FirstDivergence([]uint64{1, 2}, []uint64{1, 2, 3}))
	require.Equal(t, 1, FirstDivergence([]uint64{1, 2, 3}, []uint64{1, 4, 5}))
	require.Equal(t, 0, FirstDivergence([]uint64{9}, []uint64{1}))
}

func TestSwarmLevels(t *testing.T) {
	require.Equal(t, Off, SwarmLevel(choice.Benign, Drop))
	seen := map[Level]bool{}
	for seed := range uint64(40) {
		seen[SwarmLevel(choice.Seeded(seed), Crash)] = true
	}
	require.Equal(t, map[Level]bool{Off: true, Low: true, Extreme: true}, seen)
}

// TestDivergenceShowsTheNeighbourhood: two runs that part, one that is a prefix of
// the other, and two that are equal.
func TestDivergenceShowsTheNeighbourhood(t *testing.T) {
	run := func(late MsgKind, until Time) *World {
		s := &script{onInput: func(c *Context, id uint64) {
			kind := MsgKind(1)
			if id == 3 {
				kind = late
			}
			c.Send(1, kind, []byte{byte(id)})
		}}
		w := world(t, Options{Nodes: 2, Factory: same(s), Trace: TraceOptions{Records: 100}})
		for id := uint64(1); id <= 4; id++ {
			require.NoError(t, w.Inject(Time(id)*10*Millisecond, 0, id))
		}
		require.NoError(t, w.RunUntil(until))
		return w
	}
	var b bytes.Buffer
	parted, err := WriteDivergence(&b, run(1, Second), run(2, Second), 2)
	require.NoError(t, err)
	require.True(t, parted)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Len(t, lines, 7)
	require.Equal(t, "the traces part at line 8", lines[0], "two starts, two inputs, two messages and an input are alike")
	require.Contains(t, lines[2], "both")
	require.Contains(t, lines[2], "input 3")
	require.Contains(t, lines[3], "first ")
	require.Contains(t, lines[3], "kind 1")
	require.Contains(t, lines[5], "second")
	require.Contains(t, lines[5], "kind 2")

	b.Reset()
	parted, err = WriteDivergence(&b, run(1, Second), run(1, 30*Millisecond), 1)
	require.NoError(t, err)
	require.True(t, parted)
	require.Contains(t, b.String(), "second (ends)")
	parted, err = WriteDivergence(&b, run(1, Second), run(1, Second), 1)
	require.NoError(t, err)
	require.False(t, parted)
	_, err = WriteDivergence(brokenWriter{}, run(1, Second), run(2, Second), 2)
	require.Error(t, err)
}
