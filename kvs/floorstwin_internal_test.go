package kvs

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

const twinOrigin = 50

// floorsTwin runs a replica beside its plain twin.
type floorsTwin struct {
	t       *testing.T
	r       *Replica
	p       *partition
	f       *plainFloors
	rnd     *rand.Rand
	eras    map[string]uint64
	ownEra  string
	req     uint64
	reached map[string]int
}

func newFloorsTwin(t *testing.T, rnd *rand.Rand, reached map[string]int) *floorsTwin {
	rg, err := ring.New([]ring.NodeID{1, 2, 3}, 1, 3)
	require.NoError(t, err)
	first := rnd.IntN(2) == 0
	r, err := New(Config{Self: 1, Origin: twinOrigin, First: first, Ring: rg, Kinds: kind.Default(), Secret: []byte("0123456789abcdef"), LateMS: 100, CheckpointBytes: -1}, nil)
	require.NoError(t, err)
	r.Start()
	w := &floorsTwin{t: t, r: r, p: r.partition(0), rnd: rnd, eras: map[string]uint64{}, ownEra: "?", reached: reached}
	w.f = &plainFloors{first: first, now: 1_000_000, peers: make([]plainPeer, 2)}
	for i := range w.f.peers {
		w.f.peers[i].era = "?"
	}
	r.now = w.f.now
	return w
}

// number is the name of an era. One that is as it was has the name that it had, and no other has.
func (w *floorsTwin) number(era string) uint64 {
	if era == "?" {
		return 12345
	}
	n := w.r.era()
	require.Equal(w.t, era, w.f.era(), "asked of the present one alone")
	known, ok := w.eras[era]
	if ok {
		require.Equal(w.t, known, n)
	} else {
		for other, name := range w.eras {
			require.NotEqual(w.t, name, n, "%s and %s", era, other)
		}
		w.eras[era] = n
	}
	return n
}

func (w *floorsTwin) tick() {
	w.f.tick++
	w.f.now += []uint64{0, 20, 20, 60}[w.rnd.IntN(4)]
	w.r.begin()
	w.r.tick, w.r.now = w.r.tick+1, w.f.now
	w.r.promise()
	w.ownEra = w.f.step(w.ownEra, w.number)
	var said []wire.Floors
	var asked []int
	for _, e := range w.r.out {
		kind, body, err := wire.Open(e.Msg)
		switch {
		case e.Kind == EffectPersist:
		case err == nil && kind == wire.MsgFloors:
			m, err := new(wire.DecodeBuffer).Floors(body)
			require.NoError(w.t, err)
			require.Equal(w.t, uint64(twinOrigin), m.Origin)
			m.From, m.Origin = ring.NodeID(w.r.peer(e.To)), 0
			said = append(said, m)
		default:
			g, err := new(wire.DecodeBuffer).Gossip(wire.VersionOf(e.Msg), body)
			require.NoError(w.t, err)
			require.Len(w.t, g.Items, 1)
			require.True(w.t, g.Items[0].Pull)
			asked = append(asked, w.r.peer(e.To))
		}
	}
	require.Equal(w.t, w.f.said, said)
	require.Equal(w.t, w.f.asked, asked)
	w.reached["asked"] += len(asked)
	forgotten := w.r.stats.Forgotten
	w.r.bury()
	n := w.f.bury(w.ownEra)
	require.Equal(w.t, uint64(n), w.r.stats.Forgotten-forgotten)
	if w.reached["forgotten"] += n; w.f.view > 0 {
		w.reached["forgotten moved"] += n
	}
}

// write has a client delete a register that nobody has written before, at a time that may be too
// late.
func (w *floorsTwin) write() {
	w.req++
	stamp := (w.f.now - w.rnd.Uint64N(160)) << logicalBits
	if w.rnd.IntN(4) == 0 {
		stamp = w.f.promised() + w.rnd.Uint64N(2)
	}
	q := wire.Request{Client: w.req, Req: 1, Put: true, Delete: true, Key: fmt.Sprint("k", w.req), Kind: "register", Stamp: stamp}
	out := w.r.Step(Event{Kind: EventRequest, NowMS: w.f.now, Msg: q.Encode()})
	if stamp != 0 && stamp <= w.f.promised() {
		require.Len(w.t, out, 1)
		a, err := wire.DecodeResponse(out[0].Msg)
		require.NoError(w.t, err)
		require.Equal(w.t, wire.StatusForgotten, a.Status)
		w.reached["refused"]++
		return
	}
	w.f.token++
	w.f.pending = append(w.f.pending, plainDelete{token: w.f.token, until: w.r.batches[len(w.r.batches)-1].entries[0].Clock})
	require.Greater(w.t, w.f.pending[len(w.f.pending)-1].until, w.f.floor, "no write is issued that is promised not to come")
}

// persist has some of what was given become durable.
func (w *floorsTwin) persist() {
	f := w.f
	if f.durable = min(f.token, f.durable+1+w.rnd.Uint64N(3)); f.durable == 0 {
		return
	}
	w.r.Step(Event{Kind: EventPersisted, NowMS: f.now, Token: f.durable})
	for len(f.pending) > 0 && f.pending[0].token <= f.durable {
		f.queue = append(f.queue, f.pending[0])
		f.pending = f.pending[1:]
		f.held++
	}
	if f.storing > 0 && f.stored <= f.durable {
		if f.storing > f.own.Floor {
			f.own.Floor = f.storing
			f.own.Rev++
		}
		f.storing = 0
	}
}

// peerSays has a peer say something, mostly what it could say.
func (w *floorsTwin) peerSays() {
	i := w.rnd.IntN(2)
	p, own := &w.f.peers[i], w.f.own
	m := wire.Floors{From: w.r.peers[i].id, Origin: max(p.origin, 60), Own: p.said, Pull: w.rnd.IntN(4) == 0, Heard: twinOrigin, Rev: own.Rev, Most: p.said.Floor}
	if w.rnd.IntN(12) == 0 {
		m.Origin += w.rnd.Uint64N(3) - 1
	}
	some := func(of ...uint64) uint64 { return of[w.rnd.IntN(len(of))] }
	late := w.f.late()
	m.Own.Rev += some(0, 1, 1, 1)
	m.Own.Want = max(m.Own.Want, some(0, 0, own.Want, late, late+1, w.f.now<<logicalBits))
	m.Own.Ready = max(m.Own.Ready, some(0, own.Want, own.Ready, late))
	m.Own.Floor = max(m.Own.Floor, some(0, own.Ready, own.Floor, w.f.floor))
	m.Own.Clean = min(max(m.Own.Clean, some(0, own.Floor, own.Clean)), m.Own.Floor)
	m.Heard = some(twinOrigin, twinOrigin, 0, twinOrigin-1, twinOrigin+1)
	m.Rev = some(own.Rev, own.Rev, 0, own.Rev/2)
	m.Most = some(0, m.Own.Floor, w.f.floor, w.f.floor+1)
	if w.rnd.IntN(20) == 0 {
		m.Own.Ready = (w.f.now + some(119_999, 120_000, 120_001)) << logicalBits
	}
	if w.rnd.IntN(30) == 0 {
		m.Most = (w.f.now + 120_001) << logicalBits
	}
	era := "?"
	if w.rnd.IntN(3) > 0 && m.Origin == p.origin {
		era = w.f.era()
	}
	m.Own.Era = w.number(era)
	body := m.Append(nil)
	w.r.Step(Event{Kind: EventMessage, NowMS: w.f.now, From: m.From, Msg: body})
	w.f.hear(i, &m, era)
}

// peerHolds has a peer say how many of this node's deletes it holds.
func (w *floorsTwin) peerHolds() {
	i := w.rnd.IntN(2)
	p := &w.f.peers[i]
	n, origin := w.f.held, max(p.origin, p.incarnation, 60)
	if w.rnd.IntN(3) == 0 {
		n = w.rnd.Uint64N(n + 1)
	}
	if w.rnd.IntN(8) == 0 {
		origin += w.rnd.Uint64N(3) - 1
	}
	var known gossip.Dots
	if n > 0 {
		known = gossip.Dots{{Origin: twinOrigin, Lo: 1, Hi: n}}
	}
	w.p.log.ObservePeer(w.r.peers[i].id, origin, gossip.Digest{Known: known})
	switch {
	case origin > p.incarnation:
		p.incarnation, p.holds = origin, n
	case origin == p.incarnation:
		p.holds = max(p.holds, n)
	}
}

// members has who the members are change, or that which the node has to hand over or to get for it.
func (w *floorsTwin) members(step int) {
	if i := w.rnd.IntN(2); w.rnd.IntN(60) == 0 {
		w.f.peers[i].gone, w.r.peers[i].gone, w.p.shared[i] = true, true, false
	}
	switch {
	case w.f.moves && w.rnd.IntN(2) == 0:
		w.f.moves, w.r.moving = false, false
	case step > 50 && w.rnd.IntN(20) == 0:
		w.f.view++
		w.r.viewName = w.f.view << 40
		w.f.moves = w.rnd.IntN(2) == 0
		w.r.moving = w.f.moves
	}
}

// same holds what the replica knows to what its twin does.
func (w *floorsTwin) same() {
	w.t.Helper()
	r, f := w.r, w.f
	require.Equal(w.t, f.own, r.floors.own)
	require.Equal(w.t, f.floor, r.floors.floor)
	require.Equal(w.t, f.promised(), r.Floor())
	require.Equal(w.t, f.storing > 0, r.floors.stored > 0)
	require.Equal(w.t, f.token, r.token)
	require.Equal(w.t, f.over(w.ownEra), r.forgettable())
	require.Equal(w.t, !f.moves, r.fixed())
	busy, begun := f.storing > 0 && !f.moves || f.marking, f.own.Rev > 0 || f.floor > 0
	for i := range f.peers {
		p, q := &f.peers[i], &r.floors.peers[i]
		want := peerFloor{id: q.id, origin: p.origin, said: p.said, most: p.most, knows: p.knows, told: p.told, reply: p.reply, next: p.next, gap: p.gap}
		require.Equal(w.t, want, *q)
		busy = busy || p.reply || !f.moves && !p.gone && f.own.Rev > 0 && (p.told != f.own.Rev || !p.knows)
		begun = begun || p.origin > 0 || p.most > 0
	}
	require.Equal(w.t, busy, r.floorsBusy())
	require.Equal(w.t, begun, r.floors.begun())
	require.Equal(w.t, f.marking, r.floors.mark.on)
	if f.marking {
		require.Equal(w.t, []any{f.taken, f.markFloor, f.markToken}, []any{r.floors.mark.taken, r.floors.mark.floor, r.floors.mark.token})
	}
	for _, x := range [][2]any{{f.queue, queued(r)}, {f.batch, r.tombs.batch}} {
		of, tombs := x[0].([]plainDelete), x[1].([]tombstone)
		require.Len(w.t, tombs, len(of))
		for i := range of {
			s, _ := w.p.slot(tombs[i].key, tombs[i].kind)
			require.Equal(w.t, of[i].until, s.until)
		}
	}
	require.Equal(w.t, len(f.queue)+len(f.batch), r.Unburied())
	require.Equal(w.t, len(f.batch) > 0, r.buries())
}

// TestFloorsAreThoseOfTheTwin runs a replica beside its plain twin through what clients write,
// what becomes durable in its time, and what peers say, be that true, late, of another
// incarnation, or of what no node could promise; in some runs members come and go.
func TestFloorsAreThoseOfTheTwin(t *testing.T) {
	reached := map[string]int{}
	for seed := range uint64(250) {
		w := newFloorsTwin(t, rand.New(rand.NewPCG(seed, 9)), reached)
		for step := range 150 {
			switch w.rnd.IntN(10) {
			case 0:
				w.write()
			case 1, 2:
				w.persist()
			case 3, 4:
				w.peerSays()
			case 5:
				w.peerHolds()
			case 6:
				w.members(step)
			default:
				w.tick()
			}
			w.same()
		}
		if w.f.floor > 0 {
			reached["floors"]++
		}
		if w.f.own.Clean > 0 {
			reached["clean"]++
		}
		if w.f.view > 0 {
			reached["moved"]++
		}
	}
	for what, least := range map[string]int{"asked": 20, "forgotten": 30, "refused": 100, "floors": 100, "clean": 50, "moved": 20, "forgotten moved": 5} {
		assert.Greater(t, reached[what], least, what)
	}
}
