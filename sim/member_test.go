package sim

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

// roll is a world of nodes that write down their lives, on ledgers of their own,
// and what they hear; on an operation a node has its id persisted and sends it to
// all others.
type roll struct {
	*World
	log     []string
	ledgers []*ledger
}

func members(t *testing.T, o Options) *roll {
	t.Helper()
	r := &roll{}
	note := func(c *Context, format string, args ...any) {
		r.log = append(r.log, fmt.Sprintf("%v %v ", c.Now(), c.Self())+fmt.Sprintf(format, args...))
	}
	s := &script{
		start: func(c *Context) {
			note(c, "life %d holds %v", c.Incarnation(), r.ledgers[c.Self()].durable)
		},
		onInput: func(c *Context, id uint64) {
			c.Complete(1, id)
			for to := range NodeID(c.Nodes()) {
				if to != c.Self() {
					c.Send(to, 1, []byte{byte(id)})
				}
			}
		},
		receive: func(c *Context, from NodeID, msg []byte) { note(c, "heard %d from %v", msg[0], from) },
	}
	o.Nodes, o.Factory = 2, same(s)
	o.Device = func(NodeID) Device {
		r.ledgers = append(r.ledgers, &ledger{})
		return r.ledgers[len(r.ledgers)-1]
	}
	o.Trace.Records = 100
	r.World = world(t, o)
	return r
}

// at runs to a time in milliseconds and says what was written down since.
func (r *roll) at(t *testing.T, ms Time) []string {
	t.Helper()
	r.log = nil
	require.NoError(t, r.RunUntil(ms*Millisecond))
	return r.log
}

func TestAnAbsentNodeStartsWhenItJoins(t *testing.T) {
	r := members(t, Options{Absent: []NodeID{1}})
	require.NoError(t, r.Join(20*Millisecond, 1), "given before the run")
	require.NoError(t, r.Join(30*Millisecond, 1), "a member does not join")
	require.NoError(t, r.Inject(Millisecond, 0, 7))
	require.NoError(t, r.Inject(2*Millisecond, 1, 8))
	require.NoError(t, r.Inject(25*Millisecond, 0, 9))
	require.False(t, r.Member(1))
	require.Equal(t, []string{"0s n0 life 1 holds []"}, r.at(t, 10))
	require.False(t, r.Up(1))
	require.Equal(t, int64(1), r.Stats().Lost, "what is sent to it meanwhile")
	require.Equal(t, int64(1), r.InputsLost())
	require.NoError(t, r.Restart(1))
	require.NoError(t, r.Return(11*Millisecond, 1))
	require.NoError(t, r.Leave(11*Millisecond, 1))
	require.NoError(t, r.Heal(12*Millisecond))
	require.Empty(t, r.at(t, 19), "neither restart, return nor healing starts what never was")
	require.Equal(t, []string{"20ms n1 life 1 holds []", "26ms n1 heard 9 from n0"}, r.at(t, 40))
	require.True(t, r.Member(1))
	require.Equal(t, int64(9), r.Events(), "two starts, two inputs, what each made durable, a message, heal and join: what does nothing is not traced")
}

// TestAZombieHasItsOldDisk, and what was under way to it, but not its memory.
func TestAZombieHasItsOldDisk(t *testing.T) {
	r := members(t, Options{})
	require.NoError(t, r.Inject(Millisecond, 1, 3))
	require.NoError(t, r.Leave(10*Millisecond, 1))
	require.NoError(t, r.Leave(11*Millisecond, 1), "it has left")
	require.NoError(t, r.Heal(12*Millisecond))
	require.Equal(t, []string{"0s n0 life 1 holds []", "0s n1 life 1 holds []", "2ms n0 heard 3 from n1"}, r.at(t, 15))
	require.False(t, r.Up(1))
	require.False(t, r.Member(1))
	require.Equal(t, 1, r.ledgers[1].crashes)
	require.NoError(t, r.Restart(1))
	require.NoError(t, r.Inject(19500*Microsecond, 0, 4))
	require.NoError(t, r.Return(20*Millisecond, 1))
	require.NoError(t, r.Return(21*Millisecond, 1), "it is a member")
	require.Equal(t, []string{"20ms n1 life 2 holds [3]", "20.5ms n1 heard 4 from n0"}, r.at(t, 40))
}

// TestAnIDUsedAgainHasAnEmptyDisk.
func TestAnIDUsedAgainHasAnEmptyDisk(t *testing.T) {
	r := members(t, Options{})
	require.NoError(t, r.Inject(Millisecond, 1, 3))
	require.NoError(t, r.Leave(10*Millisecond, 1))
	require.NoError(t, r.Join(20*Millisecond, 1))
	r.at(t, 15)
	require.Equal(t, []uint64{3}, r.ledgers[1].durable, "the disk is there until it is used again")
	require.Equal(t, []string{"20ms n1 life 2 holds []"}, r.at(t, 40))
}

// TestAWipedDisk: of a process that runs, of one that is down, and of one that left.
func TestAWipedDisk(t *testing.T) {
	r := members(t, Options{})
	require.NoError(t, r.Inject(Millisecond, 1, 3))
	require.NoError(t, r.Wipe(10*Millisecond, 1))
	r.at(t, 9)
	require.Equal(t, []string{"10ms n1 life 2 holds []"}, r.at(t, 10))
	require.Equal(t, 1, r.ledgers[1].crashes)

	require.NoError(t, r.Inject(11*Millisecond, 1, 4))
	r.at(t, 20)
	require.Equal(t, []uint64{4}, r.ledgers[1].durable)
	require.NoError(t, r.Crash(1))
	require.NoError(t, r.Wipe(21*Millisecond, 1))
	require.Empty(t, r.at(t, 30), "what is down stays so")
	require.Empty(t, r.ledgers[1].durable)
	require.NoError(t, r.Restart(1))
	require.Equal(t, []string{"30ms n1 life 3 holds []"}, r.at(t, 40))

	require.NoError(t, r.Inject(41*Millisecond, 1, 5))
	require.NoError(t, r.Leave(50*Millisecond, 1))
	require.NoError(t, r.Wipe(51*Millisecond, 1))
	require.NoError(t, r.Return(60*Millisecond, 1))
	r.at(t, 55)
	require.False(t, r.Member(1))
	require.Equal(t, []string{"60ms n1 life 4 holds []"}, r.at(t, 70))
}

// TestLeavingEndsARestartThatIsQueued: the crash's own restart does not bring the
// node back, neither while it is absent nor after it has returned and left again.
func TestLeavingEndsARestartThatIsQueued(t *testing.T) {
	key := crashKey(rootCrash, 1, 1)
	tape := choice.NewReplay([]choice.Decision{{Site: "sim.crash", Key: key, Value: 1 + 2*crashOffsets}}) // down for 80 ms at least
	r := members(t, Options{Source: tape, Crash: CrashOptions{Level: Low}})
	require.NoError(t, r.Leave(70*Millisecond, 1))
	r.at(t, 69)
	require.False(t, r.Up(1))
	require.True(t, r.Member(1), "it is only down")
	require.Empty(t, r.at(t, 400))
	_, err := r.RunUntilQuiet(Second)
	require.NoError(t, err, "nothing is pending")
	require.Equal(t, 1, r.ledgers[1].crashes)
	require.NoError(t, r.Return(Second, 1))
	require.Equal(t, []string{"1s n1 life 3 holds []"}, r.at(t, 1100))
}

// TestAbsentNodesDoNotCountAsDown: a bound on how many are down at once is about
// members, whatever became of the others.
func TestAbsentNodesDoNotCountAsDown(t *testing.T) {
	always := sourceFunc(func(p choice.Point) uint64 { return p.N - 1 })
	for _, gone := range []func(r *roll) error{
		func(r *roll) error { return nil },
		func(r *roll) error { return r.Leave(10*Millisecond, 0) },
		func(r *roll) error { return r.Leave(80*Millisecond, 0) }, // crashed by then
		func(r *roll) error {
			return firstError(r.Leave(10*Millisecond, 0), r.Return(20*Millisecond, 0), r.Leave(25*Millisecond, 0))
		},
		func(r *roll) error { return firstError(r.Leave(10*Millisecond, 0), r.Join(20*Millisecond, 0)) },
		func(r *roll) error {
			return firstError(r.Wipe(10*Millisecond, 0), r.Leave(20*Millisecond, 0), r.Wipe(21*Millisecond, 0))
		},
	} {
		r := members(t, Options{Source: always, Crash: CrashOptions{Level: Low, MaxDown: 1}})
		require.NoError(t, gone(r))
		most := 0
		for at := Time(1); at < 3000; at++ {
			r.at(t, at)
			down := 0
			for n := range NodeID(2) {
				if r.Member(n) && !r.Up(n) {
					down++
				}
			}
			require.Equal(t, down, r.down)
			most = max(most, down)
		}
		require.Equal(t, 1, most)
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestAPlanOfMembersKeepsAWorldBusy until the last of it has come.
func TestAPlanOfMembersKeepsAWorldBusy(t *testing.T) {
	r := members(t, Options{})
	require.NoError(t, r.Leave(10*Millisecond, 1))
	require.NoError(t, r.Return(5*Second, 1))
	since, err := r.RunUntilQuiet(10 * Second)
	require.NoError(t, err)
	require.Equal(t, 5*Second, since)
	require.True(t, r.Up(1))
	require.Zero(t, r.inflight)
}

// TestMembershipHasLineage: without one order the others are what they were, in
// the same place, under the same keys.
func TestMembershipHasLineage(t *testing.T) {
	run := func(early bool) (lines []string, hash uint64) {
		r := members(t, Options{})
		if early {
			require.NoError(t, r.Leave(5*Millisecond, 0))
			require.NoError(t, r.Return(6*Millisecond, 0))
		}
		require.NoError(t, r.Leave(10*Millisecond, 1))
		require.NoError(t, r.Join(20*Millisecond, 1))
		require.NoError(t, r.Wipe(30*Millisecond, 1))
		require.NoError(t, r.RunUntil(Second))
		records, _ := r.Records()
		for _, rec := range records {
			if rec.At >= 10*Millisecond {
				lines = append(lines, fmt.Sprintf("%v %v %v [%016x]", rec.At, rec.Node, rec.Kind, rec.Key))
			}
		}
		return lines, r.Hash()
	}
	with, hash := run(true)
	again, sameHash := run(true)
	require.Equal(t, hash, sameHash)
	require.Equal(t, with, again)
	without, otherHash := run(false)
	require.Equal(t, with, without)
	require.NotEqual(t, hash, otherHash)
	var kinds []string
	for _, l := range with {
		var at, node, kind string
		_, err := fmt.Sscan(l, &at, &node, &kind)
		require.NoError(t, err)
		kinds = append(kinds, kind)
	}
	require.Equal(t, []string{"leave", "crash", "join", "note", "start", "wipe", "crash", "note", "start"}, kinds)
}

// TestADiskThatALeaverKeepsIsChosenUnderItsLineage: what the crash of leaving, or of
// wiping, asks is replayable.
func TestADiskThatALeaverKeepsIsChosenUnderItsLineage(t *testing.T) {
	key := branch(branch(memberKey(EventLeave, 1, 10*Millisecond), branchStop), branchRestore)
	r := members(t, Options{ProcessFaults: ProcessFaultOptions{Restore: Low}, Source: choice.NewReplay([]choice.Decision{{Site: "sim.restore", Key: key, Value: 3}})})
	for i := range uint64(4) {
		require.NoError(t, r.Inject(Millisecond, 1, i))
	}
	require.NoError(t, r.Leave(10*Millisecond, 1))
	require.NoError(t, r.Return(20*Millisecond, 1))
	r.at(t, 15)
	require.Equal(t, []string{"20ms n1 life 2 holds [0 1]"}, r.at(t, 30))
}

// bareDevice cannot be emptied.
type bareDevice struct{}

func (bareDevice) Complete(uint64)     {}
func (bareDevice) Crash(*CrashContext) {}

func TestMembershipIsChecked(t *testing.T) {
	r := members(t, Options{})
	for _, order := range []func(Time, NodeID) error{r.Join, r.Leave, r.Return, r.Wipe} {
		require.ErrorIs(t, order(1, 2), ErrNode)
		require.ErrorIs(t, order(1, -1), ErrNode)
		require.ErrorIs(t, order(-1, 0), ErrPast)
		require.ErrorIs(t, order(Forever+1, 0), ErrBound)
	}
	require.False(t, r.Member(2))
	require.ErrorContains(t, r.Wipe(1, 9), "wipe: node 9 of 2")
	require.NoError(t, r.Wipe(1, 0))
	require.NoError(t, r.Wipe(1, 0))
	require.ErrorIs(t, r.RunUntil(2), ErrKeyTwice)
	require.ErrorIs(t, r.Leave(3, 0), ErrKeyTwice, "the world has stopped")

	for name, orders := range map[string]func(w *World) error{
		"wipe": func(w *World) error { return w.Wipe(1, 0) },
		"join": func(w *World) error { return firstError(w.Leave(1, 0), w.Join(2, 0)) },
	} {
		w := world(t, Options{Nodes: 1, Factory: same(&script{}), Device: func(NodeID) Device { return bareDevice{} }})
		require.NoError(t, orders(w))
		require.ErrorIs(t, w.RunUntil(Second), ErrWipe, name)
		w = world(t, Options{Nodes: 1, Factory: same(&script{})})
		require.NoError(t, orders(w))
		require.NoError(t, w.RunUntil(Second), "without a device there is nothing to empty")
		require.True(t, w.Up(0))
	}
}

func TestTheDiagramShowsWhoIsAMember(t *testing.T) {
	r := members(t, Options{Absent: []NodeID{1}})
	require.NoError(t, r.Join(20*Millisecond, 1))
	require.NoError(t, r.Leave(30*Millisecond, 1))
	require.NoError(t, r.Return(40*Millisecond, 1))
	require.NoError(t, r.RunUntil(Second))
	var b bytes.Buffer
	require.NoError(t, r.WriteDiagram(&b, DiagramOptions{}))
	require.Equal(t, `          time  n0      n1
            0s  ◯       ┊          start, life 1
          20ms  │       ●          join
          20ms  │       ◯          start, life 1
          30ms  │       ●          leave
          30ms  │       ╳          crash
          40ms  │       ●          return
          40ms  │       ◯          start, life 2
`, b.String())
}
