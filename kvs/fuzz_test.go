package kvs_test

import (
	"bytes"
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// draws turns the fuzzer's bytes into choices; an end of bytes is all zeros.
type draws struct{ b []byte }

func (d *draws) byte() byte {
	if len(d.b) == 0 {
		return 0
	}
	x := d.b[0]
	d.b = d.b[1:]
	return x
}

func (d *draws) n(of int) int { return int(d.byte()) % of }

// number is one at which something may break.
func (d *draws) number() uint64 {
	numbers := []uint64{
		0, 1, 2, 3, 4, 16, 77, 127, 128, 4096, 4097, 1000 << 16, 61_000 << 16, 121_000<<16 | 0xffff, 122_000 << 16,
		math.MaxUint32, 1 << 32, 1<<62 - 1, 1 << 62, 1<<62 + 1, math.MaxInt64, 1 << 63, math.MaxUint64 - 1, math.MaxUint64,
	}
	return numbers[d.n(len(numbers))]
}

func (d *draws) bytes() []byte {
	n := min(d.n(24), len(d.b))
	x := d.b[:n]
	d.b = d.b[n:]
	return x
}

func (d *draws) key() string { return []string{"k", "l", "m", ""}[d.n(4)] }
func (d *draws) kind() string {
	return []string{"set", "counter", "register", "none", "addwins"}[d.n(5)]
}

func (d *draws) matrix() (m session.Matrix) {
	for range d.n(4) {
		m.MergeIn([]session.Mark{{Partition: ring.Partition(uint32(d.number())), Origin: d.number(), Seq: max(d.number(), 1)}})
	}
	return m
}

// attacked is a cluster of three whose node 0 is attacked: node 1, if it is a peer that
// attacks, runs no core of its own. What node 0 had from honest clients before it keeps.
func attacked(t testing.TB) *cluster {
	c := newCluster(t, 3, 2, 3, 1)
	require.Equal(t, wire.StatusOK, c.direct(0, put(honest, 1, "set", "before", []byte("b"))).Status)
	return c
}

const honest = 1 << 40 // the number of a session, which attackers do not know

// strike gives node 0 an event; what it persists is durable at once, what it sends is
// lost.
func (c *cluster) strike(ev kvs.Event) {
	ev.NowMS = c.now
	c.do(0, ev)
	for len(c.bag) > 0 {
		f := c.bag[0]
		c.bag = c.bag[1:]
		if f.node == 0 && f.ev.Kind == kvs.EventPersisted {
			f.ev.NowMS = c.now
			c.do(0, f.ev)
		}
	}
}

// serves asks that node 0 serve honest clients: at either level, what they write and
// read back, before and after a restart; and that node 2 gets what they write.
func (c *cluster) serves() {
	c.t.Helper()
	before := c.direct(0, wire.Request{Client: honest, Req: 2, Kind: "set", Key: "before"})
	require.NotNil(c.t, before)
	require.Contains(c.t, string(before.Value), "b")
	c.served(honest+1, "first")
	c.crash(0)
	c.served(honest+2, "second")
	for range 80 { // peers whose answer is awaited are asked less and less often
		c.now += 20
		for _, n := range []int{0, 2} {
			c.do(n, kvs.Event{Kind: kvs.EventTick, NowMS: c.now})
		}
		for len(c.bag) > 0 {
			f := c.bag[0]
			c.bag = c.bag[1:]
			between := f.ev.Kind == kvs.EventMessage && f.ev.From != 1 && f.node >= 0 && f.node != 1
			if between || f.ev.Kind == kvs.EventPersisted {
				f.ev.NowMS = c.now
				c.do(f.node, f.ev)
			}
		}
	}
	for _, key := range []string{"first", "second"} {
		got := c.direct(2, wire.Request{Client: honest + 3, Req: 1, Kind: "set", Key: key})
		require.NotNil(c.t, got)
		require.Equal(c.t, wire.StatusOK, got.Status)
		require.Contains(c.t, string(got.Value), "y", "node 2 gets what honest clients write")
	}
}

func (c *cluster) served(client uint64, key string) {
	c.t.Helper()
	s := session.Session{Level: session.Causal}
	for req, isPut := range []bool{true, false, true, false} {
		q := wire.Request{Client: client, Req: uint64(req) + 1, Put: isPut, Level: session.Causal, Kind: "set", Key: key, Clock: s.Clock(), Wait: 4}
		if isPut {
			q.Arg = []byte("y")
		}
		q.Deps, q.Proof = s.Past()
		resp := c.direct(0, q)
		require.NotNil(c.t, resp, "an honest client is answered")
		require.Equal(c.t, wire.StatusOK, resp.Status, resp.Detail)
		require.True(c.t, s.ObserveBoth(resp.Deps, nil, resp.Proof, resp.Clock))
		if !isPut {
			require.Contains(c.t, string(resp.Value), "y")
		}
	}
	resp := c.direct(0, wire.Request{Client: client, Req: 9, Kind: "set", Key: key})
	require.NotNil(c.t, resp)
	assert.Contains(c.t, string(resp.Value), "y")
}

// FuzzHostileBytes gives a replica whatever bytes there are, as of clients, of peers and
// of strangers, some under a header and checksum that fit.
func FuzzHostileBytes(f *testing.F) {
	q := put(66, 1, "counter", "k", kind.Amount(-5))
	f.Add(append([]byte{0, 40}, q.Encode()...))
	f.Add(bytes.Repeat([]byte{7, 9, 'J', 3, 1, 1, 1, 1, 0, 0, 0}, 9))
	f.Fuzz(attackWithBytes)
}

func attackWithBytes(t *testing.T, b []byte) {
	c := attacked(t)
	d := &draws{b}
	for range 32 {
		if len(d.b) == 0 {
			break
		}
		how, n := d.byte(), d.n(120)
		msg := d.b[:min(n, len(d.b))]
		d.b = d.b[len(msg):]
		if how&1 != 0 {
			msg = kvs.Reseal(msg)
		}
		ev := kvs.Event{Kind: kvs.EventRequest, Msg: msg}
		if how&2 != 0 {
			ev.Kind, ev.From = kvs.EventMessage, ring.NodeID(how>>2%4)
		}
		c.strike(ev)
		if how&64 != 0 {
			c.strike(kvs.Event{Kind: kvs.EventTick})
		}
	}
	c.serves()
}

// FuzzHostileClient gives a replica well-formed requests that ask for whatever there is.
func FuzzHostileClient(f *testing.F) {
	f.Add([]byte("\x02\x17\x17\x01\x00\x00\x00\x04\x01a\x12\x03"))
	f.Add(bytes.Repeat([]byte{1, 2, 3, 0, 1, 23, 17, 0, 4}, 12))
	f.Add(bytes.Repeat([]byte{64, 2, 3, 0, 1, 0, 17, 9, 0, 7, 1}, 12))
	f.Fuzz(attackAsClient)
}

func attackAsClient(t *testing.T, b []byte) {
	c := attacked(t)
	d := &draws{b}
	var stolen session.Matrix // a past that a replica vouched for, to other ends
	var proof session.Proof
	for range 48 {
		if len(d.b) == 0 {
			break
		}
		how := d.byte()
		q := wire.Request{
			Client: d.number(), Req: d.number(), Put: how&1 != 0, Level: session.Level(how >> 1 & 1), Key: d.key(), Kind: d.kind(), Arg: d.bytes(),
			Clock: d.number(), Wait: d.number(), Deps: d.matrix(), Proof: proof,
		}
		if how&32 != 0 { // every level, and every acknowledgement
			b := d.byte()
			q.Level = session.Level(b % 7)
			if q.Ack = session.Owners(int(b >> 4)); b&8 != 0 {
				q.Ack = session.AckMemory
			}
			q.Own = d.matrix()
		}
		q.Delete = q.Put && how&24 == 24
		if how&4 != 0 {
			q.Deps = append(stolen.Clone(), q.Deps[:min(len(q.Deps), int(how>>7))]...)
			slices.SortFunc(q.Deps, func(a, b session.Mark) int { return int(a.Partition) - int(b.Partition) })
		}
		c.strike(kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()})
		if how&16 != 0 { // and several of the same
			m := wire.MultiGet{Client: q.Client, Req: q.Req, Level: q.Level, Clock: q.Clock, Wait: q.Wait, Deps: q.Deps, Own: q.Own, Proof: q.Proof}
			w := wire.MultiPut{Client: q.Client, Again: how&1 != 0, Level: q.Level, Ack: q.Ack, Clock: q.Clock, Wait: q.Wait, Deps: q.Deps, Own: q.Own, Proof: q.Proof}
			for range 1 + d.n(3) {
				m.Keys = append(m.Keys, wire.ValueName{Key: d.key(), Kind: d.kind()})
				w.Puts = append(w.Puts, wire.Put{Req: d.number(), Stamp: d.number(), Key: d.key(), Kind: d.kind(), Arg: d.bytes()})
			}
			c.strike(kvs.Event{Kind: kvs.EventRequest, Msg: m.Encode()})
			c.strike(kvs.Event{Kind: kvs.EventRequest, Msg: w.Encode()})
		}
		if how&64 != 0 { // and a subscriber of the same
			s := wire.Subscribe{
				Client: q.Client, Number: q.Req, Sent: max(1, q.Stamp), End: how&1 != 0, Level: q.Level, Key: q.Key, Kind: q.Kind, Clock: q.Clock, Lease: q.Wait,
				Origin: d.number(), Seen: d.number(), Deps: q.Deps, Own: q.Own, Proof: q.Proof,
			}
			c.strike(kvs.Event{Kind: kvs.EventRequest, Msg: s.Encode()})
		}
		if how&8 != 0 {
			resp := c.direct(0, wire.Request{Client: 99, Req: d.number(), Put: true, Level: session.Causal, Key: d.key(), Kind: "set", Deps: stolen, Proof: proof})
			if resp != nil && resp.Status == wire.StatusOK {
				stolen, proof = resp.Deps, resp.Proof
			}
		}
		if how&16 != 0 {
			c.strike(kvs.Event{Kind: kvs.EventTick})
		}
	}
	c.serves()
}

// dots are ascending sets, of which some name what was never written.
func (d *draws) dots() (v gossip.Dots) {
	for range d.n(4) {
		lo := max(d.number(), 1)
		hi := lo + min(d.number(), math.MaxUint64-lo)
		for _, seq := range []uint64{lo, hi} {
			v.Add(causal.Dot{Origin: d.number(), Seq: seq})
		}
		if d.n(2) == 0 {
			v.MergeIn(gossip.Dots{{Origin: d.number(), Lo: lo, Hi: hi}})
		}
	}
	return v
}

// delta is a value of the kind, or bytes.
func (d *draws) delta(name string) []byte {
	k, known := kind.Default().Find(name)
	if !known || d.n(4) == 0 {
		return d.bytes()
	}
	arg := d.bytes()
	if name == "counter" {
		arg = kind.Amount(int64(d.number()))
	}
	v, err := k.Mutate(kind.Update{Arg: arg, Clock: d.number(), Origin: d.number()}, k.New())
	if err != nil {
		return arg
	}
	return v.Append(nil)
}

func (d *draws) gossip() []byte {
	var items []wire.Item
	for range d.n(3) {
		it := wire.Item{Partition: ring.Partition(d.n(3)), Pull: d.n(2) == 0, PeerIncarnation: d.number(), Digest: gossip.Digest{Known: d.dots()}}
		switch d.n(4) {
		case 0:
			it.Offer = true
		case 1:
			it.Ask = &wire.Ask{Number: max(d.number(), 1), After: d.cursor(), Pieces: max(d.number(), 1), Bytes: d.number()}
		}
		if d.n(3) == 0 {
			it.Digest.Rev, it.Digest.Seen = d.number(), d.number()
			it.Digest.Base = min(d.number(), it.Digest.Rev)
		}
		for range d.n(3) {
			e := gossip.Entry{Dot: causal.Dot{Origin: d.number(), Seq: max(d.number(), 1)}, Clock: d.number(), Key: d.key(), Kind: d.kind()}
			e.Delta, e.Deps, e.Client, e.Req = d.delta(e.Kind), d.matrix(), d.number(), d.number()
			it.Entries = append(it.Entries, e)
		}
		items = append(items, it)
	}
	return wire.AppendGossip(nil, 1, d.number(), items)
}

func (d *draws) cursor() (c wire.Cursor) {
	switch d.n(3) {
	case 0:
		c = wire.Cursor{Key: d.key(), Kind: d.kind()}
	case 1:
		c = wire.Cursor{Sessions: true, Client: d.number()}
	}
	return c
}

func (d *draws) snapshot() []byte {
	how := d.n(64)
	x := wire.Piece{
		Partition: ring.Partition(d.n(3)), Origin: d.number(), To: 1, Ask: uint64(d.n(4)), At: uint32(d.n(3)),
		First: how&1 != 0, More: how&2 != 0, Last: how&6 == 4, Open: how&18 == 18, Clock: d.number(),
	}
	if x.First {
		x.At = 0
	}
	if x.At == 0 {
		x.Applied = d.dots()
	}
	for range d.n(3) {
		v := wire.HeldValue{Key: d.key(), Kind: d.kind(), Deps: d.matrix()}
		v.Value = d.delta(v.Kind)
		x.Values = append(x.Values, v)
	}
	for range d.n(3) {
		x.Clients = append(x.Clients, wire.Served{Client: d.number(), Req: d.number()})
	}
	if x.Rest = how&32 != 0 && x.At > 0 && len(x.Values) > 0; x.Open && len(x.Values) > 0 {
		x.Values, x.Clients = x.Values[:1], nil
	}
	return wire.AppendSnapshot(nil, 1, &x)
}

// FuzzHostilePeer gives a replica well-formed gossip and snapshots of a peer that lies
// about what it holds, what others wrote, and when.
func FuzzHostilePeer(f *testing.F) {
	f.Add([]byte("\x00\x02\x00\x00\x01\x01\x01\x01\x02\x03\x01\x17\x01\x00\x00"))
	f.Add([]byte("\x01\x00\x02\x00\x01\x00\x02\x01\x02\x01\x01\x17\x01\x00\x00\x05\x06\x07"))
	f.Add(bytes.Repeat([]byte{1, 0, 3, 2, 0, 1, 0, 12, 1, 3, 23, 1, 1}, 14))
	f.Fuzz(attackAsPeer)
}

func attackAsPeer(t *testing.T, b []byte) {
	c := attacked(t)
	d := &draws{b}
	for range 48 {
		if len(d.b) == 0 {
			break
		}
		how := d.byte()
		msg := d.gossip
		if how&1 != 0 {
			msg = d.snapshot
		}
		c.strike(kvs.Event{Kind: kvs.EventMessage, From: 1, Msg: msg()})
		if how&2 != 0 {
			c.strike(kvs.Event{Kind: kvs.EventTick})
		}
	}
	c.serves()
}

// TestHostile attacks with bytes drawn at random, which for want of a shape to keep find
// more at first than a fuzzer does.
func TestHostile(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 5))
	for _, x := range []struct {
		name   string
		attack func(*testing.T, []byte)
	}{{"bytes", attackWithBytes}, {"client", attackAsClient}, {"peer", attackAsPeer}} {
		t.Run(x.name, func(t *testing.T) {
			for range *attacks {
				b := make([]byte, r.IntN(600))
				for i := range b {
					b[i] = byte(r.Uint32())
				}
				x.attack(t, b)
				if t.Failed() {
					t.Fatalf("%q", b)
				}
			}
		})
	}
}

var attacks = flag.Int("attacks", 300, "how many times TestHostile attacks in each way")
