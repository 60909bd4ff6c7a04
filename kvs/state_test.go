package kvs_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestCloneIsTheSameAndApart steps a clone beside its original through a whole
// run: both must do the same, and the one that was not stepped must not change.
func TestCloneIsTheSameAndApart(t *testing.T) {
	snapshots := uint64(0)
	for seed := range uint64(20) {
		c := newCluster(t, 3, 2, 3, seed)
		c.lossy = true
		for i := range uint64(6) {
			c.ask(int(i%3), put(1, i+1, "counter", "c", kind.Amount(int64(i))))
			c.ask(int(i+1)%3, put(2, i+1, "set", "s", []byte{byte(i)}))
			c.ask(int(i+2)%3, wire.Request{Client: 3, Req: i + 1, Kind: "set", Key: "s", Level: session.Causal, Wait: 3})
			if seed%2 == 1 && i == 3 {
				c.batch = 40
				c.lose(int(seed)%3, 0) // and is brought up by snapshots
			}
			for range 25 {
				if len(c.bag) == 0 {
					break
				}
				f := c.bag[0]
				if f.node >= 0 {
					twin(t, c.replicas[f.node], f.ev)
				}
				c.step()
			}
		}
		for _, r := range c.replicas {
			snapshots += r.Stats().Snapshots
		}
	}
	assert.Positive(t, snapshots)
}

func twin(t *testing.T, r *kvs.Replica, ev kvs.Event) {
	before := r.AppendState(nil)
	one, two := r.Clone(), r.Clone()
	require.Equal(t, before, one.AppendState(nil), "a clone is in the same state")
	a := effects(one.Step(ev))
	assert.Equal(t, a, effects(two.Step(ev)), "and does the same")
	assert.Equal(t, one.AppendState(nil), two.AppendState(nil))
	assert.Equal(t, before, r.AppendState(nil), "and leaves the original alone")
}

func effects(es []kvs.Effect) []kvs.Effect {
	out := slices.Clone(es)
	for i := range out {
		out[i].Msg = bytes.Clone(out[i].Msg)
	}
	return out
}

// TestCloneKeepsWhatIsUnderWay: what a replica hears after it was cloned does not get into
// a write that was under way at that time, which the clone has as well.
func TestCloneKeepsWhatIsUnderWay(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	k, _ := kind.Default().Find("set")
	hear := func(r *kvs.Replica, seq uint64, element string) {
		delta, err := k.Mutate(kind.Update{Arg: []byte(element)}, k.New())
		require.NoError(t, err)
		items := []wire.Item{{Entries: []gossip.Entry{{Dot: causal.Dot{Origin: 77, Seq: seq}, Clock: 5, Key: "s", Kind: "set", Delta: delta.Append(nil)}}}}
		r.Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: 5, Msg: wire.AppendGossip(nil, 1, 77, items)})
	}
	r := c.replicas[0]
	hear(r, 1, "a")
	r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: 6, Token: 1})
	hear(r, 2, "b")
	clone := r.Clone()
	r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: 6, Token: 2})
	hear(r, 3, "c") // in the memory of the one before
	clone.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: 6, Token: 2})
	got, ok := kind.Get[kind.GrowSet](clone.Look("s", "set"))
	require.True(t, ok)
	assert.Equal(t, kind.GrowSet{"a", "b"}, got)
}

// TestIdleTicksAreOneState: a replica at rest is in the same state tick after
// tick, which is what keeps exploring finite.
func TestIdleTicksAreOneState(t *testing.T) {
	c := newCluster(t, 3, 1, 3, 1)
	c.ask(0, put(1, 1, "set", "k", []byte("x")))
	c.settle()
	for range 40 { // let digests and pauses between offers run out
		c.step()
	}
	r := c.replicas[0]
	for range 40 {
		r.Step(kvs.Event{Kind: kvs.EventTick, NowMS: 1})
	}
	before := r.AppendState(nil)
	for range 5 {
		r.Step(kvs.Event{Kind: kvs.EventTick, NowMS: 1})
		assert.Equal(t, before, r.AppendState(nil))
	}
}

// TestSilentPeerIsOfferedLessAndLess: the ticks between offers double up to a bound.
func TestSilentPeerIsOfferedLessAndLess(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	require.Equal(t, wire.StatusOK, c.direct(0, put(1, 1, "set", "k", []byte("x"))).Status)
	var at []int
	states := map[string]bool{}
	for tick := range 70 {
		for _, e := range c.replicas[0].Step(kvs.Event{Kind: kvs.EventTick, NowMS: c.now}) {
			if e.Kind == kvs.EffectSend {
				at = append(at, tick)
			}
		}
		state, more := bytes.CutPrefix(c.replicas[0].AppendState([]byte("state: ")), []byte("state: "))
		require.True(t, more && len(state) > 0)
		states[string(state)] = true
	}
	assert.Equal(t, []int{0, 1, 3, 7, 15, 31, 47, 63}, at)
	assert.Equal(t, 1+2+4+16, len(states), "how long it is until the next, and what follows then")
}

// TestPiecesAreState: a replica that has some pieces of a snapshot is in another state
// than one that has none, or others.
func TestPiecesAreState(t *testing.T) {
	c := filled(t, 2, 2, 40)
	c.lose(0, 0)
	pieces := pieces(t, c.replicas[0], c.replicas[1], c.ring.PartitionOf("s0"), c.now)
	require.Greater(t, len(pieces), 2)
	states := map[string]bool{}
	for _, some := range [][][]byte{nil, pieces[:1], pieces[1:2], pieces[:2]} {
		r := c.replicas[0].Clone()
		for _, msg := range some {
			r.Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: c.now, Msg: msg})
		}
		states[string(r.AppendState(nil))] = true
	}
	assert.Len(t, states, 4)
}

// TestCloneGoesOnAlike: a clone that is given what the replica is given does the same, with
// the bounds on sessions and logs in reach.
func TestCloneGoesOnAlike(t *testing.T) {
	for at := range 60 {
		c := newCluster(t, 3, 2, 3, uint64(at))
		c.cfg = func(cfg *kvs.Config) {
			cfg.MaxSessions, cfg.MaxLog, cfg.BatchBytes, cfg.CheckpointBytes = 2, 6, 200, 900
		}
		c.lose(0, 0)
		r := c.replicas[0]
		var twin *kvs.Replica
		for i := range uint64(120) {
			if int(i) == at {
				twin = r.Clone()
			}
			clients := 2 + uint64(at%4) // more than are remembered, or not
			q := put(1+i%clients, 1+i/clients, []string{"set", "counter"}[i/clients%2], fmt.Sprintf("k%d", i/clients%6), kind.Amount(int64(1+i)))
			q.Stamp, q.Again = 1, i%7 == 3
			event := kvs.Event{Kind: kvs.EventRequest, NowMS: 1000 + i, Msg: q.Encode()}
			if i%9 == 8 {
				event = kvs.Event{Kind: kvs.EventTick, NowMS: 1000 + i}
			}
			events := []kvs.Event{event}
			for len(events) > 0 {
				out := effects(r.Step(events[0]))
				if twin != nil {
					require.Equal(t, out, effects(twin.Step(events[0])))
					state := string(r.AppendState([]byte("state: ")))
					require.True(t, strings.HasPrefix(state, "state: "))
					require.Equal(t, state, string(twin.AppendState([]byte("state: "))))
					require.Equal(t, r.Stats(), twin.Stats())
				}
				events = events[1:]
				for _, e := range out {
					if e.Kind == kvs.EffectPersist {
						events = append(events, kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000 + i, Token: e.Token})
					}
				}
			}
		}
	}
}
