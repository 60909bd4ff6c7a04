package kvs_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// slow is a replica alone whose records become durable one at a time, when a test says so.
type slow struct {
	t       *testing.T
	r       *kvs.Replica
	shelf   *shelf
	queue   []kvs.Event
	records [][]byte          // of the checkpoint that is being written
	whole   [][]byte          // of the last one that is whole
	held    map[uint64][]byte // what was kept outside when it was
	wrote   map[uint64]string // by sequence number: the element
	steps   int               // in which a part of a checkpoint was given
	largest int               // bytes of a checkpoint that one step gave
	record  int               // and one record
}

func (s *slow) do(ev kvs.Event) {
	given := 0
	ev.NowMS = 1000
	for _, e := range effects(s.r.Step(ev)) {
		switch e.Kind {
		case kvs.EffectPersist:
			if wire.IsCheckpoint(e.Msg) {
				s.records = append(s.records, e.Msg)
				given += len(e.Msg)
				s.record = max(s.record, len(e.Msg))
			}
			s.queue = append(s.queue, kvs.Event{Kind: kvs.EventPersisted, Token: e.Token})
		case kvs.EffectAccept:
			if v, err := mustKind(s.t, e.Entry.Kind).Decode(e.Entry.Delta); assert.NoError(s.t, err) {
				set, ok := kind.Get[kind.GrowSet](v)
				require.True(s.t, ok)
				s.wrote[e.Entry.Dot.Seq] = set[0]
			}
		case kvs.EffectTruncate:
			s.whole, s.records = s.records, nil
			if s.shelf != nil {
				s.held = maps.Clone(s.shelf.held)
			}
		case kvs.EffectKeep:
			s.shelf.keep(e.Token, e.Msg)
		case kvs.EffectHarden:
			s.queue = append(s.queue, kvs.Event{Kind: kvs.EventHardened, Token: e.Token})
		}
	}
	if s.largest = max(s.largest, given); given > 0 {
		s.steps++
	}
}

// TestCheckpointIsOfOneMoment: whatever is written while a checkpoint is, a start on it and
// nothing else has, of each partition, the writes that it says it has, and no other; and no
// step gives more of it than a part or two.
func TestCheckpointIsOfOneMoment(t *testing.T) {
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 1))
		batch := []int{60, 300}[seed%2]
		cfg := alone(t, 5)
		cfg.BatchBytes, cfg.CheckpointBytes = batch, 900
		s := &slow{t: t, wrote: map[uint64]string{}}
		if seed%4 >= 2 {
			s.shelf = newShelf(7)
			cfg.Values, cfg.CacheBytes = s.shelf, 200
		}
		var err error
		s.r, err = kvs.New(cfg, nil)
		require.NoError(t, err)
		checked := 0
		for req := range uint64(900) {
			key := fmt.Sprintf("k%02d", random.IntN(10+int(req)/10))
			q := put(1, req+1, "set", key, fmt.Appendf(nil, "%d", req))
			s.do(kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()})
			for range random.IntN(5) {
				if len(s.queue) > 0 {
					ev := s.queue[0]
					s.queue = s.queue[1:]
					s.do(ev)
				}
			}
			if s.whole == nil {
				continue
			}
			checkOneMoment(t, s)
			s.whole = nil
			checked++
		}
		t.Logf("seed %d: %d checkpoints in %d steps, %d bytes in one at the most", seed, checked, s.steps, s.largest)
		assert.Greater(t, checked, 3, "seed %d", seed)
		assert.Greater(t, s.steps, []int{20, 3}[seed%2]*checked, "seed %d: a checkpoint takes many steps", seed)
		assert.LessOrEqual(t, s.largest, 3*batch+100, "seed %d: a part or two, and what was preserved", seed)
		assert.LessOrEqual(t, s.record, batch+120, "seed %d: a part has a value more at the most", seed)
	}
}

// checkOneMoment starts a replica on a whole checkpoint alone.
func checkOneMoment(t *testing.T, s *slow) {
	t.Helper()
	r, err := ring.New([]ring.NodeID{0}, 1, 1)
	require.NoError(t, err)
	cfg := kvs.Config{Origin: 6, Ring: r, Kinds: kind.Default(), Secret: secret}
	if s.shelf != nil {
		cfg.Values, cfg.CacheBytes = &shelf{id: s.shelf.id, held: s.held}, 200
	}
	again, err := kvs.New(cfg, s.whole)
	require.NoError(t, err)
	var want, got []string
	applied := again.Applied(0)
	for seq, element := range s.wrote {
		if applied[5].Contains(seq) {
			want = append(want, element)
		}
	}
	require.NotEmpty(t, want)
	again.Each(func(_ ring.Partition, _, _ string, v kind.Value) {
		set, ok := kind.Get[kind.GrowSet](v)
		require.True(t, ok)
		got = append(got, set...)
	})
	require.Zero(t, again.MarksBeyond(0), "a value says that it has what was written later")
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(t, want, got)
}
