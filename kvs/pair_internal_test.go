package kvs

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// half is a replica of two, whose records are durable at once and whose messages wait.
type half struct {
	id      ring.NodeID
	r       *Replica
	now     uint64
	out     []Effect
	answers []*wire.Response
	records [][]byte
}

// newHalf starts a node on a ring of so many partitions and copies.
func newHalf(t *testing.T, id ring.NodeID, origin uint64, partitions, copies int, records [][]byte, change func(*Config)) *half {
	t.Helper()
	rg, err := ring.New([]ring.NodeID{1, 2}, partitions, copies)
	require.NoError(t, err)
	cfg := Config{
		Self: id, Origin: origin, First: origin <= 2, Ring: rg, Kinds: kind.Default(), Secret: []byte("0123456789abcdef"),
		BatchBytes: 200, SnapshotPieces: 1,
	}
	if change != nil {
		change(&cfg)
	}
	r, err := New(cfg, records)
	require.NoError(t, err)
	n := &half{id: id, r: r, now: 1000, records: records}
	n.take(r.Start())
	return n
}

// take has effects carried out.
func (n *half) take(effects []Effect) {
	token := uint64(0)
	for _, e := range effects {
		e.Msg = slices.Clone(e.Msg)
		switch e.Kind {
		case EffectSend:
			n.out = append(n.out, e)
		case EffectRespond:
			if a, err := wire.DecodeResponse(e.Msg); err == nil {
				n.answers = append(n.answers, a)
			}
		case EffectPersist:
			token = e.Token
			n.records = append(n.records, e.Msg)
		}
	}
	if token > 0 {
		n.take(n.r.Step(Event{Kind: EventPersisted, Token: token, NowMS: n.now}))
	}
}

// ask is the answer to a request, nil if there is none yet.
func (n *half) ask(q wire.Request) *wire.Response {
	n.answers = nil
	n.take(n.r.Step(Event{Kind: EventRequest, Msg: q.Encode(), NowMS: n.now}))
	if len(n.answers) == 0 {
		return nil
	}
	return n.answers[len(n.answers)-1]
}

// between lets both tick so often and delivers what they say, each message followed by after.
func between(a, b *half, ticks int, after func(from *half, e Effect)) {
	for range ticks {
		for _, n := range []*half{a, b} {
			n.now += 20
			n.take(n.r.Step(Event{Kind: EventTick, NowMS: n.now}))
		}
		for most := 1000; most > 0 && len(a.out)+len(b.out) > 0; most-- {
			from, to := a, b
			if len(a.out) == 0 {
				from, to = b, a
			}
			e := from.out[0]
			from.out = from.out[1:]
			to.take(to.r.Step(Event{Kind: EventMessage, From: from.id, Msg: e.Msg, NowMS: to.now}))
			if after != nil {
				after(from, e)
			}
		}
	}
}

// incrementOf is request n of session 7, to add 5.
func incrementOf(n uint64, key string, again bool) wire.Request {
	return wire.Request{Client: 7, Req: n, Put: true, Again: again, Key: key, Kind: "counter", Arg: kind.Amount(5), Stamp: (1000 + n) << 16}
}

func (n *half) sum(t *testing.T, key string) int64 {
	t.Helper()
	c, ok := kind.Get[kind.Counter](n.r.Value(key, "counter"))
	require.True(t, ok)
	sum, err := kind.CounterSum(c)
	require.NoError(t, err)
	return sum
}

// TestNoDotIsGivenForNothing: a snapshot whose sender has gone on to write, of which no value
// that comes can have any, takes no dot of its receiver's: nothing would fill it, and no
// session that depends on a later write there would be served again.
func TestNoDotIsGivenForNothing(t *testing.T) {
	a, b := newHalf(t, 1, 1, 1, 2, nil, nil), newHalf(t, 2, 2, 1, 2, nil, nil)
	req := uint64(0)
	put := func(n *half, client uint64, key string, level session.Level) *wire.Response {
		req++
		return n.ask(wire.Request{Client: client, Req: req, Put: true, Key: key, Kind: "set", Arg: fmt.Appendf(nil, "%120d", req), Level: level})
	}
	for i := range uint64(8) {
		put(a, 100+i, fmt.Sprintf("k%d", i), session.Eventual)
	}
	between(a, b, 10, nil)
	b = newHalf(t, 2, 3, 1, 2, nil, nil) // its disk is lost
	wrote := false
	between(a, b, 40, func(_ *half, e Effect) {
		if !wrote && e.Sends == wire.MsgSnapshot {
			wrote = true
			put(a, 900, "k0", session.Eventual) // before the cursor
		}
	})
	require.True(t, wrote)
	require.Positive(t, b.r.Stats().Snapshots)
	own := put(b, 7, "k3", session.Causal)
	require.Equal(t, wire.StatusOK, own.Status)
	between(a, b, 10, nil)
	for _, n := range []*half{a, b} {
		req++
		got := n.ask(wire.Request{Client: 7, Req: req, Key: "k3", Kind: "set", Level: session.Causal, Wait: 5, Deps: own.Deps, Proof: own.Proof})
		require.NotNil(t, got)
		assert.Equal(t, wire.StatusOK, got.Status, "the session's own write at node %d", n.id)
	}
}

// TestFirstMessageBehindItsRepeat: the first message of a request, which comes late to a
// replica that has heard of its repeat and does not hold it yet, counts once.
func TestFirstMessageBehindItsRepeat(t *testing.T) {
	a, b := newHalf(t, 1, 1, 1, 2, nil, nil), newHalf(t, 2, 2, 1, 2, nil, nil)
	served := a.ask(incrementOf(1, "c", true))
	b.r.note(wire.Served{Client: 7, Req: 1, Again: true, Dot: served.Dot, Clock: served.Clock}) // as a piece that is not durable yet tells
	require.Equal(t, wire.StatusOK, b.ask(incrementOf(1, "c", false)).Status)
	between(a, b, 20, nil)
	assert.Equal(t, int64(5), a.sum(t, "c"))
	assert.Equal(t, int64(5), b.sum(t, "c"))
}

// TestSnapshotBehindACut: a replica that has lost records of which a cut in use stands for,
// gets a value again whose last write it holds: what else is in it nobody can tell.
func TestSnapshotBehindACut(t *testing.T) {
	narrow := func(c *Config) { c.MaxPast = 1 }
	a, b := newHalf(t, 1, 1, 1, 2, nil, narrow), newHalf(t, 2, 2, 1, 2, nil, narrow)
	req := uint64(0)
	put := func(n *half, element string) {
		req++
		n.ask(wire.Request{Client: 50 + req, Req: 1, Put: true, Key: "k", Kind: "set", Arg: []byte(element)})
	}
	read := func() {
		req++
		a.ask(wire.Request{Client: 9, Req: req, Key: "k", Kind: "set", Level: session.Causal, Wait: 5})
		between(a, b, 60, nil)
	}
	put(a, "x1")
	put(b, "y2")
	between(a, b, 60, nil)
	b = newHalf(t, 2, 3, 1, 2, b.records, narrow)
	between(a, b, 60, nil)
	read() // wants a cut
	require.NotNil(t, a.r.cut)
	put(b, "z3")
	between(a, b, 60, nil)
	read()
	var left [][]byte
	for _, rec := range b.records {
		if wire.IsCheckpoint(rec) || wire.IsPiece(rec) || wire.IsTouched(rec) {
			continue
		}
		if _, entries, err := new(wire.DecodeBuffer).Record(rec); err == nil && entries[0].Dot.Origin == 3 {
			left = append(left, rec)
		}
	}
	unreadable := len(b.records) - len(left)
	b = newHalf(t, 2, 4, 1, 2, left, func(c *Config) { c.MaxPast, c.Unreadable = 1, unreadable })
	between(a, b, 60, nil)
	of := func(n *half) kind.GrowSet {
		v, _ := kind.Get[kind.GrowSet](n.r.Value("k", "set"))
		return v
	}
	assert.Equal(t, kind.GrowSet{"x1", "y2", "z3"}, of(a))
	assert.Equal(t, of(a), of(b))
}

// TestForgottenInASnapshot: a repeat of a request that its session has gone on from is refused
// by a replica that knows the session from a snapshot, whichever partition it wrote to.
func TestForgottenInASnapshot(t *testing.T) {
	a, b := newHalf(t, 1, 1, 2, 2, nil, nil), newHalf(t, 2, 2, 2, 2, nil, nil)
	key := ""
	for i := 0; key == "" || a.r.cfg.Ring.PartitionOf(key) != 1; i++ {
		key = fmt.Sprint("c", i)
	}
	for i := range uint64(8) {
		a.ask(incrementOf(i+1, key, false))
		between(a, b, 60, nil)
	}
	a.r.sessions.forgotten = 77 << 16 // of sessions that a knows nothing of any more
	b = newHalf(t, 2, 3, 2, 2, nil, nil)
	between(a, b, 60, nil)
	assert.Equal(t, wire.StatusForgotten, b.ask(incrementOf(1, key, true)).Status)
	assert.Equal(t, a.r.sessions.forgotten, b.r.sessions.forgotten)
	between(a, b, 60, nil)
	assert.Equal(t, int64(40), a.sum(t, key))
}

// strangers are the owner of the one partition, and a replica that does not own it.
func strangers(t *testing.T) (owner, stranger *half) {
	a, b := newHalf(t, 1, 1, 1, 1, nil, nil), newHalf(t, 2, 2, 1, 1, nil, nil)
	if a.r.cfg.Ring.Owns(1, 0) {
		return a, b
	}
	return b, a
}

// TestFirstOfTheLastForgotten: the first write of a request whose repeat is the last that an
// owner has forgotten takes the repeat's place.
func TestFirstOfTheLastForgotten(t *testing.T) {
	owner, stranger := strangers(t)
	stranger.ask(incrementOf(1, "c", false)) // is not handed over yet
	owner.out, stranger.out = nil, nil
	for i := range uint64(5) {
		owner.ask(incrementOf(i+1, "c", i == 0))
	}
	owner.out, stranger.out = nil, nil
	between(owner, stranger, 60, nil)
	assert.Equal(t, int64(25), owner.sum(t, "c"))
}

// TestRepeatBeforeHandOver: a request that no owner has heard of is remembered, however far
// its session has gone on.
func TestRepeatBeforeHandOver(t *testing.T) {
	_, stranger := strangers(t)
	for i := range uint64(6) {
		stranger.ask(incrementOf(i+1, "c", false))
	}
	assert.Equal(t, wire.StatusOK, stranger.ask(incrementOf(1, "c", true)).Status)
}

// TestTakenBackIsState: what was taken back and is still to be told of is part of a replica's state.
func TestTakenBackIsState(t *testing.T) {
	k, _ := kind.Default().Find("counter")
	states := map[string]bool{}
	for i := range 7 {
		n := newHalf(t, 1, 9, 4, 2, nil, nil)
		x := takenBack{partition: 1, key: "k", kind: "counter", delta: k.New(), first: causal.Dot{Origin: 3, Seq: 4}}
		switch i {
		case 1:
			x.partition = 2
		case 2:
			x.key = "l"
		case 3:
			x.kind = "another"
		case 4:
			delta, err := k.Mutate(kind.Update{Arg: kind.Amount(1), Clock: 1, Origin: 5}, nil)
			require.NoError(t, err)
			x.delta = delta
		case 5:
			x.first.Origin = 5
		case 6:
			x.first.Seq = 5
		}
		states[string(n.r.AppendState(nil))] = true
		n.r.taken = append(n.r.taken, x)
		states[string(n.r.AppendState(nil))] = true
	}
	assert.Len(t, states, 8, "one without, and seven with it")
}

// TestReplicaIsState: what a replica goes on from is part of its state, whatever it holds.
func TestReplicaIsState(t *testing.T) {
	states := map[string]string{}
	for name, change := range map[string]func(r *Replica){
		"nothing":         func(*Replica) {},
		"its clock":       func(r *Replica) { r.clock.last++ },
		"an offer due":    func(r *Replica) { r.peers[0].next = r.tick + 3 },
		"a backoff":       func(r *Replica) { r.peers[0].backoffTicks += 5 },
		"held deltas":     func(r *Replica) { r.peers[0].back = r.tick + 7 },
		"where it begins": func(r *Replica) { r.peers[0].from++ },
		"an asker":        func(r *Replica) { r.peers[0].asker++ },
		"an answer":       func(r *Replica) { r.peers[0].answered++ },
		"asks":            func(r *Replica) { r.asks++ },
		"a cut wanted":    func(r *Replica) { r.wantCut = !r.wantCut },
		"the next cut":    func(r *Replica) { r.nextCut = r.tick + 9 },
		"an update":       func(r *Replica) { r.lastUpdate += 11 },
	} {
		n := newHalf(t, 1, 9, 4, 2, nil, nil)
		change(n.r)
		state := string(n.r.AppendState(nil))
		assert.Empty(t, states[state], "%s is as %s", name, states[state])
		states[state] = name
	}
}

// TestWhatIsBeingPersistedIsState: so is what is not durable yet.
func TestWhatIsBeingPersistedIsState(t *testing.T) {
	states := map[string]bool{}
	for _, element := range []string{"a", "b"} {
		n := newHalf(t, 1, 9, 1, 2, nil, nil)
		q := wire.Request{Client: 7, Req: 1, Put: true, Key: "k", Kind: "set", Arg: []byte(element), Stamp: 1000 << 16}
		require.NotEmpty(t, n.r.Step(Event{Kind: EventRequest, Msg: q.Encode(), NowMS: n.now}))
		require.Len(t, n.r.batches, 1)
		states[string(n.r.AppendState(nil))] = true
	}
	assert.Len(t, states, 2)
}
