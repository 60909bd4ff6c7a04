package kvs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// twins are a replica that takes snapshots in and folds them in step by step, and one that folds
// each in at once, which is fed the same events; and their peer.
type twins struct {
	t          *testing.T
	a          *half
	rng        *rand.Rand
	slow, once *Replica
	now        uint64
	req        uint64
	tokens     []uint64 // to become durable
	records    []stored // on the disk of either
	moot       int      // steps in which something was not folded in
	cuts       int      // how often the log has been cut off
	visible    folds
	apart      bool // a checkpoint gives what was held before in another order
}

// folds counts snapshots that have become visible: all, those from where something was forgotten,
// those by which repeats met their first writes, those amid a checkpoint that has begun with the
// values, or with the pieces, and those that were looked through by many steps.
type folds struct{ all, absent, rows, values, pieces, sifted int }

type stored struct {
	token uint64 // 0 of an earlier incarnation
	rec   []byte
}

func oneStep(r *Replica, ev Event) (out []Effect) {
	for _, e := range r.Step(ev) {
		e.Msg = bytes.Clone(e.Msg)
		if e.Entry != nil {
			entry := *e.Entry
			entry.Delta, entry.Deps = bytes.Clone(entry.Delta), entry.Deps.Clone()
			e.Entry = &entry
		}
		out = append(out, e)
	}
	return out
}

func unfolded(r *Replica) bool {
	for _, p := range r.parts {
		if p.fold != nil {
			return true
		}
	}
	return false
}

// do has both take an event, and compares all that they do.
func (x *twins) do(ev Event) {
	ev.NowMS = x.now
	if unfolded(x.slow) {
		x.moot++
	}
	p := x.slow.parts[0]
	fold, giving := p.fold, p.giving
	if fold == nil { // they are the same, but that what the other one dropped took it no time
		x.once, x.apart = x.slow.Clone(), false
	}
	if p.intake != nil && p.intake.sift != nil {
		x.visible.sifted++
	}
	slow := oneStep(x.slow, ev)
	if f := p.fold; f != nil && f != fold {
		x.visible.all++
		x.visible.absent += count(f.absent)
		x.visible.rows += count(len(f.rows) > 0)
		x.visible.values += count(giving != nil && !giving.vals)
		x.visible.pieces += count(giving != nil && giving.vals)
		x.apart = x.apart || giving != nil && !giving.vals // what changes before its turn comes first
	}
	var once []Effect
	if !x.apart {
		once = oneStep(x.once, ev)
		x.apart = p.fold != nil && x.once.parts[0].fold == nil
	}
	if !x.apart {
		for _, p := range x.once.parts {
			for range p.folded("") { // each key is asked for; other snapshots wait as long as there
			}
		}
		require.Equal(x.t, len(once), len(slow), "%+v\n%+v", once, slow)
	}
	for i, e := range slow {
		if !x.apart {
			require.Equal(x.t, once[i], e, "effect %d", i)
		}
		switch e.Kind {
		case EffectSend:
			x.a.take(x.a.r.Step(Event{Kind: EventMessage, From: 2, Msg: e.Msg, NowMS: x.now}))
		case EffectPersist:
			x.tokens = append(x.tokens, e.Token)
			x.records = append(x.records, stored{e.Token, e.Msg})
		case EffectTruncate:
			at := 0
			for at < len(x.records) && x.records[at].token < e.Token {
				at++
			}
			x.records, x.cuts = x.records[at:], x.cuts+1
		}
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// random does something.
func (x *twins) random() {
	a := x.a
	x.req++
	names := [][2]string{{"register", "r"}, {"set", "s"}, {"counter", "c"}, {"add-wins", "w"}}
	name := names[x.rng.IntN(len(names))]
	q := wire.Request{Client: 900 + x.req, Req: 1, Kind: name[0], Key: fmt.Sprint(name[1], x.rng.IntN(20)), Stamp: x.now<<16 + x.req}
	switch x.rng.IntN(20) {
	case 0, 1:
		q.Level, q.Wait = session.Causal, 3
		x.do(Event{Kind: EventRequest, Msg: q.Encode()})
	case 2:
		q.Put, q.Arg = true, argument(name[0], x.rng)
		x.do(Event{Kind: EventRequest, Msg: q.Encode()})
	case 3:
		q.Put, q.Delete = true, true
		x.do(Event{Kind: EventRequest, Msg: q.Encode()})
	case 4:
		m := wire.MultiGet{Client: q.Client, Req: 1, Level: session.Causal, Wait: 3}
		for range 1 + x.rng.IntN(4) {
			name := names[x.rng.IntN(len(names))]
			m.Keys = append(m.Keys, wire.ValueName{Key: fmt.Sprint(name[1], x.rng.IntN(20)), Kind: name[0]})
		}
		x.do(Event{Kind: EventRequest, Msg: m.Encode()})
	case 5:
		ask := wire.Ask{Number: x.req, Pieces: 3, Bytes: 900}
		if x.rng.IntN(2) == 0 {
			ask.After = wire.Cursor{Key: q.Key, Kind: q.Kind}
		}
		it := wire.Item{PeerIncarnation: x.slow.cfg.Origin, Ask: &ask, Digest: gossip.Digest{Known: a.r.parts[0].applied}}
		x.do(Event{Kind: EventMessage, From: a.id, Msg: wire.AppendGossip(nil, a.id, a.r.cfg.Origin, []wire.Item{it})})
	case 6, 14, 15:
		x.now += 20
		a.now = x.now
		a.take(a.r.Step(Event{Kind: EventTick, NowMS: x.now}))
		x.do(Event{Kind: EventTick})
	case 7:
		a.ask(wire.Request{Client: 1 << 21, Req: x.req, Put: true, Kind: "set", Key: fmt.Sprint("s", x.rng.IntN(20)), Arg: []byte("late")})
	case 8, 9, 10, 11:
		for n := 0; n < 4 && len(a.out) > 0; n++ {
			e := a.out[0]
			a.out = a.out[1:]
			x.do(Event{Kind: EventMessage, From: a.id, Msg: e.Msg})
		}
	default:
		if len(x.tokens) > 0 {
			n := 1 + x.rng.IntN(len(x.tokens))
			token := x.tokens[n-1]
			x.tokens = x.tokens[n:]
			x.do(Event{Kind: EventPersisted, Token: token})
		}
	}
}

func argument(of string, rng *rand.Rand) []byte {
	switch of {
	case "counter":
		return kind.Amount(int64(rng.IntN(9)) - 3)
	case "register":
		return fmt.Appendf(nil, "%040d", rng.IntN(1000))
	}
	return fmt.Appendf(nil, "e%d", rng.IntN(30))
}

// has is all that a replica holds.
func has(r *Replica) map[string]string {
	values := make(map[string]string)
	r.Each(func(_ ring.Partition, key, kind string, v kind.Value) { values[kind+" "+key] = string(v.Append(nil)) })
	return values
}

// live is what a replica holds that was not deleted: tombstones that were forgotten may come back.
func live(r *Replica) map[string]string {
	values := has(r)
	r.Each(func(_ ring.Partition, key, name string, v kind.Value) {
		if k, ok := r.cfg.Kinds.Find(name); ok && k.Absent(v) {
			delete(values, name+" "+key)
		}
	})
	return values
}

// starts has all that is on its way become durable, and holds a start on the records to what is
// visible then.
func (x *twins) starts(seed uint64) {
	for len(x.tokens) > 0 {
		token := x.tokens[len(x.tokens)-1]
		x.tokens = x.tokens[:0]
		x.do(Event{Kind: EventPersisted, Token: token})
	}
	var records [][]byte
	for _, s := range x.records {
		records = append(records, s.rec)
	}
	again := newHalf(x.t, 2, 9, 1, 2, records, nil)
	require.Equal(x.t, live(x.slow), live(again.r), "seed %d, after a start", seed)
}

// behind is a replica with an old disk, or an empty one, and its peer, which has gone on, and has
// forgotten what was deleted since if old enough.
func behind(t *testing.T, rng *rand.Rand) (a, b *half) {
	change := func(c *Config) {
		c.LateMS, c.SnapshotPieces, c.SnapshotBytes = 100, 3, 900
		c.SnapshotValues = []int{4, 8, 40}[rng.IntN(3)] // of which mostly one is folded in with each step
		c.CheckpointBytes = []int{-1, 900, 4000}[rng.IntN(3)]
	}
	a, b = newHalf(t, 1, 1, 1, 2, nil, change), newHalf(t, 2, 2, 1, 2, nil, change)
	req := uint64(0)
	some := func(n int) {
		for range n {
			to := a
			if rng.IntN(3) == 0 {
				to = b
			}
			req++
			name := [][2]string{{"register", "r"}, {"set", "s"}, {"counter", "c"}, {"add-wins", "w"}}[rng.IntN(4)]
			q := wire.Request{Client: 10 + req%6, Req: 1 + req/6, Put: true, Kind: name[0], Key: fmt.Sprint(name[1], rng.IntN(14)), Stamp: a.now<<16 + req}
			if rng.IntN(5) == 0 {
				q.Delete = true
			} else {
				q.Arg = argument(name[0], rng)
			}
			to.ask(q)
			if q.Put && rng.IntN(6) == 0 && name[0] == "counter" { // a repeat elsewhere
				q.Again = true
				b.ask(q)
			}
		}
	}
	some(30)
	between(a, b, 12, nil)
	old := slices.Clone(b.records)
	some(40)
	between(a, b, 40, nil)
	if rng.IntN(3) == 0 {
		old = nil
	}
	return a, newHalf(t, 2, 3, 1, 2, old, change)
}

// TestFoldedInOneByOne: a replica that folds a snapshot in step by step does, at every event, to
// the byte what one does that has folded all of it in at once: what it answers, writes, tells and
// gives to a peer that asks, and its checkpoints, but for the order of values in one that began
// before. A start on the records of it, cut off at the last checkpoint, finds what was visible.
func TestFoldedInOneByOne(t *testing.T) {
	moot, cut := 0, 0
	var visible folds
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 7))
		a, b := behind(t, rng)
		x := &twins{t: t, a: a, rng: rng, slow: b.r, once: b.r.Clone(), now: b.now, req: 1 << 20}
		for _, rec := range b.records {
			x.records = append(x.records, stored{0, rec})
		}
		for _, e := range b.out {
			a.take(a.r.Step(Event{Kind: EventMessage, From: 2, Msg: e.Msg, NowMS: x.now}))
		}
		for i := range 400 {
			cuts := x.cuts
			if x.random(); !x.apart && i%4 == 0 {
				require.Equal(t, has(x.once), has(x.slow))
			}
			if x.cuts > cuts {
				x.starts(seed)
			}
		}
		require.Equal(t, has(x.slow), has(x.slow.Clone()))
		x.starts(seed)
		moot += x.moot
		cut += count(x.cuts > 0)
		v := &x.visible
		visible = folds{visible.all + v.all, visible.absent + v.absent, visible.rows + v.rows, visible.values + v.values, visible.pieces + v.pieces, visible.sifted + v.sifted}
	}
	t.Logf("%d steps while something was not folded in, %d logs cut off, %+v", moot, cut, visible)
	assert.Greater(t, moot, 1000)
	assert.Greater(t, cut, 30)
	for _, n := range []int{visible.all, visible.absent, visible.rows, visible.values, visible.pieces, visible.sifted} {
		assert.Greater(t, n, 1)
	}
}
