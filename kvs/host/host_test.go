package host_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// memory is an Env that writes down what it is asked to do, and whose disk can fail.
type memory struct {
	did     []string
	records [][]byte
	last    uint64 // token
	answer  *wire.Response
	sent    []byte
	full    error
}

func (m *memory) Send(to ring.NodeID, kind wire.MessageKind, msg []byte) {
	m.did, m.sent = append(m.did, fmt.Sprintf("send %d to n%d", kind, to)), slices.Clone(msg)
}

func (m *memory) Respond(session uint64, msg []byte) {
	resp, err := wire.DecodeResponse(msg)
	if err != nil {
		panic(err)
	}
	m.answer = resp
	m.did = append(m.did, fmt.Sprintf("respond %v to %d", resp.Status, session))
}

func (m *memory) Persist(token uint64, record []byte) error {
	m.did = append(m.did, "persist")
	if m.full != nil {
		return m.full
	}
	m.records, m.last = append(m.records, slices.Clone(record)), token
	return nil
}

func (m *memory) Truncate(token uint64) {
	m.did = append(m.did, fmt.Sprintf("truncate before %d", token))
}
func (m *memory) After(ms uint64)          { m.did = append(m.did, fmt.Sprintf("after %d", ms)) }
func (m *memory) Accepted(e *gossip.Entry) { m.did = append(m.did, "accepted "+e.Key) }

func (m *memory) take() []string {
	did := m.did
	m.did = nil
	return did
}

func start(t testing.TB, nodes int, env *memory, origin uint64) *host.Host {
	ids := []ring.NodeID{0, 1, 2}[:nodes]
	r, err := ring.New(ids, 2, nodes)
	require.NoError(t, err)
	core, err := kvs.New(kvs.Config{
		Self: ring.NodeID(origin / 10), Origin: origin, First: origin%10 == 1, Ring: r, Kinds: kind.Default(), Secret: []byte("0123456789abcdef"),
	}, env.records)
	require.NoError(t, err)
	h := host.New(core, env)
	require.NoError(t, h.Start())
	return &h
}

func write(req uint64) kvs.Event {
	q := wire.Request{Client: 7, Req: req, Put: true, Kind: "set", Key: "k", Arg: []byte("x")}
	return kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: q.Encode()}
}

func read(t testing.TB, h *host.Host, env *memory) bool {
	q := wire.Request{Client: 8, Req: 1, Kind: "set", Key: "k"}
	require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: q.Encode()}))
	return env.answer.Found
}

// TestOrder: effects come in the core's order, those of an event together.
func TestOrder(t *testing.T) {
	env := new(memory)
	h := start(t, 2, env, 1)
	assert.Equal(t, []string{"after 20"}, env.take())
	require.NoError(t, h.Do(write(1)))
	assert.Equal(t, []string{"accepted k", "persist"}, env.take())
	require.NoError(t, h.Do(write(2)))
	env.take()
	require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: env.last}))
	assert.Equal(t, []string{"respond ok to 7", "respond ok to 7"}, env.take(), "one report stands for both records")
	require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventTick, NowMS: 1020}))
	assert.Equal(t, []string{"send 3 to n1", "after 20"}, env.take())
	assert.True(t, read(t, h, env))
	assert.Same(t, h.Core(), h.Core())
}

// TestTruncate: a checkpoint comes as records like others, and when all of it is durable,
// what came before may go.
func TestTruncate(t *testing.T) {
	env := new(memory)
	r, err := ring.New([]ring.NodeID{0}, 1, 1)
	require.NoError(t, err)
	cfg := kvs.Config{Origin: 1, First: true, Ring: r, Kinds: kind.Default(), Secret: []byte("0123456789abcdef"), CheckpointBytes: 20}
	core, err := kvs.New(cfg, nil)
	require.NoError(t, err)
	h := host.New(core, env)
	require.NoError(t, h.Start())
	require.NoError(t, h.Do(write(1)))
	env.take()
	persisted := func() []string {
		require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: env.last}))
		return env.take()
	}
	assert.Equal(t, []string{"respond ok to 7", "persist"}, persisted(), "the partition")
	assert.Equal(t, []string{"persist"}, persisted(), "the sessions")
	require.NoError(t, h.Do(write(2)))
	assert.Equal(t, []string{"accepted k", "persist"}, env.take(), "it goes on meanwhile")
	assert.Equal(t, []string{"respond ok to 7", "truncate before 2"}, persisted())
	env.records = env.records[1:]
	cfg.Origin = 2
	core, err = kvs.New(cfg, env.records)
	require.NoError(t, err)
	assert.NotNil(t, core.Look("k", "set"))
}

// TestFailedWrite: after a write that failed nothing is done any more, whatever it was
// that followed, until the node starts again on what its disk holds.
func TestFailedWrite(t *testing.T) {
	env := new(memory)
	h := start(t, 2, env, 1)
	require.NoError(t, h.Do(write(1)))
	require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: env.last}))
	env.full = errors.New("no space left")
	err := h.Do(write(2))
	require.ErrorIs(t, err, host.ErrPersist)
	require.ErrorIs(t, err, env.full)
	require.NotErrorIs(t, err, host.ErrStopped, "the first to tell")
	env.full = nil
	env.take()
	for _, ev := range []kvs.Event{write(3), {Kind: kvs.EventTick}, {Kind: kvs.EventPersisted, Token: 2}} {
		err := h.Do(ev)
		require.ErrorIs(t, err, host.ErrStopped)
		require.ErrorIs(t, err, host.ErrPersist, "with its cause")
	}
	require.ErrorIs(t, h.Start(), host.ErrStopped)
	assert.Empty(t, env.take())

	h = start(t, 2, env, 2)
	assert.True(t, read(t, h, env), "what was durable is there")
	require.NoError(t, h.Do(write(3)))
	assert.Len(t, env.records, 2)
}

// TestNothingAfterAFailedWrite: the effects that the core gave behind the record that
// failed are not carried out. Here that is the record of a second partition.
func TestNothingAfterAFailedWrite(t *testing.T) {
	from, to := new(memory), new(memory)
	peer := start(t, 2, from, 11)
	for i, key := range []string{"k", "l", "m", "n"} {
		q := wire.Request{Client: 7, Req: uint64(i) + 1, Put: true, Kind: "set", Key: key, Arg: []byte("x")}
		require.NoError(t, peer.Do(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: q.Encode()}))
	}
	require.NoError(t, peer.Do(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: from.last}))
	require.NoError(t, peer.Do(kvs.Event{Kind: kvs.EventTick, NowMS: 1000}))
	ev := kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: 1000, Msg: from.sent}

	h := start(t, 2, to, 1)
	to.take()
	require.NoError(t, h.Do(ev))
	require.Equal(t, []string{"persist", "persist"}, to.take())
	to.records, to.full = nil, errors.New("no space left")
	h = start(t, 2, to, 1)
	to.take()
	require.ErrorIs(t, h.Do(ev), host.ErrPersist)
	assert.Equal(t, []string{"persist"}, to.take())
}

// Example runs a store of one replica: the disk is a slice, and durable at once.
func Example() {
	env := new(memory)
	r, err := ring.New([]ring.NodeID{0}, 1, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := kvs.Config{Origin: 1, First: true, Ring: r, Kinds: kind.Default(), Secret: []byte("0123456789abcdef")}
	core, err := kvs.New(cfg, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	h := host.New(core, env)
	if err := h.Start(); err != nil {
		fmt.Println(err)
	}
	q := wire.Request{Client: 7, Req: 1, Put: true, Kind: "counter", Key: "visits", Arg: kind.Amount(3)}
	for _, ev := range []kvs.Event{
		{Kind: kvs.EventRequest, NowMS: 1000, Msg: q.Encode()},
		{Kind: kvs.EventPersisted, NowMS: 1001, Token: 1},
	} {
		if err := h.Do(ev); err != nil {
			fmt.Println(err)
		}
	}
	for _, did := range env.did {
		fmt.Println(did)
	}
	// Output:
	// after 20
	// accepted visits
	// persist
	// respond ok to 7
}
