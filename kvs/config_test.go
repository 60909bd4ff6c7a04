package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// least is a configuration with what must be given, on a ring of so many partitions.
func least(t *testing.T, partitions int) kvs.Config {
	rg, err := ring.New([]ring.NodeID{0, 1, 2}, partitions, 3)
	require.NoError(t, err)
	return kvs.Config{Self: 1, Origin: 7, Ring: rg, Kinds: kind.Default(), Secret: secret}
}

// TestConfigDefaults: what is left out is as the fields say.
func TestConfigDefaults(t *testing.T) {
	for partitions, past := range map[int]int{1: 32, 64: 32, 66: 33, 256: 128} {
		c, err := least(t, partitions).WithDefaults()
		require.NoError(t, err)
		want := least(t, partitions)
		want.Ring = c.Ring
		want.Life = 1
		want.TickMS, want.ForwardTicks, want.BatchBytes = 20, 4, 256<<10
		want.MaxWaiting, want.MaxEach, want.MaxWaitTicks = 1024, 16, 4096
		want.MaxSessions, want.MaxIdleMS = 1<<18, 3_600_000
		want.Speaks = kvs.Versions{Oldest: wire.Newest, Newest: wire.Newest}
		want.MaxValueBytes = 2 << 20
		want.CheckpointBytes, want.CacheBytes, want.MaxPast, want.MaxKnown = 4<<20, 64<<20, past, 8
		want.MaxSubscriptions = 1024
		want.MaxLog, want.MaxHandOver, want.MaxLogBytes = 65_536, 65_536, 64<<20
		want.MaxPersistBytes = 64 << 20
		want.SnapshotPieces, want.SnapshotBytes, want.SnapshotValues, want.MaxAheadMS = 16, 1<<20, 1024, 120_000
		want.LateMS = 600_000
		want.Kinds = c.Kinds
		assert.Equal(t, want, c)
		again, err := c.WithDefaults()
		require.NoError(t, err)
		assert.Equal(t, c, again, "what is given stays")
	}
}

// TestConfigIsBounded: each bound takes what it allows, and refuses the next.
func TestConfigIsBounded(t *testing.T) {
	for name, of := range map[string]struct{ good, bad func(c *kvs.Config) }{
		"secret":           {func(c *kvs.Config) { c.Secret = make([]byte, 16) }, func(c *kvs.Config) { c.Secret = make([]byte, 15) }},
		"origin 0":         {func(c *kvs.Config) { c.Origin = 1 }, func(c *kvs.Config) { c.Origin = 0 }},
		"origin":           {func(c *kvs.Config) { c.Origin = 1<<63 - 1 }, func(c *kvs.Config) { c.Origin = 1 << 63 }},
		"ring":             {func(*kvs.Config) {}, func(c *kvs.Config) { c.Ring = nil }},
		"kinds":            {func(*kvs.Config) {}, func(c *kvs.Config) { c.Kinds = nil }},
		"self":             {func(c *kvs.Config) { c.Self = 2 }, func(c *kvs.Config) { c.Self = 3 }},
		"batch below":      {func(c *kvs.Config) { c.BatchBytes = 1 }, func(c *kvs.Config) { c.BatchBytes = -1 }},
		"batch":            {func(c *kvs.Config) { c.BatchBytes = wire.MaxMessage / 2 }, func(c *kvs.Config) { c.BatchBytes = wire.MaxMessage/2 + 1 }},
		"values below":     {func(c *kvs.Config) { c.MaxValueBytes = 1 }, func(c *kvs.Config) { c.MaxValueBytes = -1 }},
		"values":           {func(c *kvs.Config) { c.MaxValueBytes = 4 << 20 }, func(c *kvs.Config) { c.MaxValueBytes = 4<<20 + 1 }},
		"late":             {func(c *kvs.Config) { c.LateMS = 1 << 45 }, func(c *kvs.Config) { c.LateMS = 1<<45 + 1 }},
		"ahead":            {func(c *kvs.Config) { c.MaxAheadMS = 1 << 45 }, func(c *kvs.Config) { c.MaxAheadMS = 1<<45 + 1 }},
		"pieces below":     {func(c *kvs.Config) { c.SnapshotPieces = 1 }, func(c *kvs.Config) { c.SnapshotPieces = -1 }},
		"pieces":           {func(c *kvs.Config) { c.SnapshotPieces = wire.MaxPieces }, func(c *kvs.Config) { c.SnapshotPieces = wire.MaxPieces + 1 }},
		"unreadable":       {func(c *kvs.Config) { c.Unreadable = 1 }, func(c *kvs.Config) { c.Unreadable = -1 }},
		"no checkpoints":   {func(c *kvs.Config) { c.CheckpointBytes = -1 }, func(c *kvs.Config) { c.CheckpointBytes, c.Values = -1, newShelf(1) }},
		"MaxWaiting":       {func(c *kvs.Config) { c.MaxWaiting = 1 }, func(c *kvs.Config) { c.MaxWaiting = -1 }},
		"MaxEach":          {func(c *kvs.Config) { c.MaxEach = 1 }, func(c *kvs.Config) { c.MaxEach = -1 }},
		"MaxSessions":      {func(c *kvs.Config) { c.MaxSessions = 1 }, func(c *kvs.Config) { c.MaxSessions = -1 }},
		"MaxSubscriptions": {func(c *kvs.Config) { c.MaxSubscriptions = 1 }, func(c *kvs.Config) { c.MaxSubscriptions = -1 }},
		"MaxPast":          {func(c *kvs.Config) { c.MaxPast = 1 }, func(c *kvs.Config) { c.MaxPast = -1 }},
		"MaxLog":           {func(c *kvs.Config) { c.MaxLog = 1 }, func(c *kvs.Config) { c.MaxLog = -1 }},
		"MaxHandOver":      {func(c *kvs.Config) { c.MaxHandOver = 1 }, func(c *kvs.Config) { c.MaxHandOver = -1 }},
		"MaxLogBytes":      {func(c *kvs.Config) { c.MaxLogBytes = 1 }, func(c *kvs.Config) { c.MaxLogBytes = -1 }},
		"MaxPersist":       {func(c *kvs.Config) { c.MaxPersistBytes = 1 }, func(c *kvs.Config) { c.MaxPersistBytes = -1 }},
		"SnapshotBytes":    {func(c *kvs.Config) { c.SnapshotBytes = 1 }, func(c *kvs.Config) { c.SnapshotBytes = -1 }},
		"SnapshotValues":   {func(c *kvs.Config) { c.SnapshotValues = 1 }, func(c *kvs.Config) { c.SnapshotValues = -1 }},
		"MaxKnown":         {func(c *kvs.Config) { c.MaxKnown = 1 }, func(c *kvs.Config) { c.MaxKnown = -1 }},
		"idle":             {func(c *kvs.Config) { c.MaxIdleMS = 1 << 45 }, func(c *kvs.Config) { c.MaxIdleMS = 1<<45 + 1 }},
		"waits":            {func(c *kvs.Config) { c.MaxWaitTicks = 1 << 48 }, func(c *kvs.Config) { c.MaxWaitTicks = 1<<48 + 1 }},
		"held back":        {func(c *kvs.Config) { c.ForwardTicks = 1 << 48 }, func(c *kvs.Config) { c.ForwardTicks = 1<<48 + 1 }},
		"CacheBytes":       {func(c *kvs.Config) { c.CacheBytes = 1 }, func(c *kvs.Config) { c.CacheBytes = -1 }},
	} {
		good, bad := least(t, 4), least(t, 4)
		of.good(&good)
		of.bad(&bad)
		_, err := good.WithDefaults()
		assert.NoError(t, err, name)
		_, err = bad.WithDefaults()
		assert.ErrorIs(t, err, kvs.ErrConfig, name)
	}
}

// TestGossipIsBounded: what a peer is offered in a message, of all partitions together, is
// a batch, and one delta more at most.
func TestGossipIsBounded(t *testing.T) {
	const batch, value = 1000, 100
	g := newRig(t, 2, 8, 2, kvs.Config{BatchBytes: batch})
	g.down[1] = true
	for i := range uint64(80) {
		key := string([]byte{'k', byte('0' + i%40)})
		require.Equal(t, wire.StatusOK, g.ask(0, put(1+i%4, 1+i, "set", key, make([]byte, value))).Status)
	}
	sent := 0
	for range 80 {
		for _, e := range g.hosts[0].Core().Clone().Step(kvs.Event{Kind: kvs.EventTick, NowMS: 1}) {
			if e.Kind == kvs.EffectSend && e.Sends == wire.MsgGossip {
				sent = max(sent, len(e.Msg))
			}
		}
		g.tick()
	}
	assert.Greater(t, sent, batch/2, "batches are filled")
	assert.Less(t, sent, batch+2*value+8*32, "one delta more, and what is told of 8 partitions")
}
