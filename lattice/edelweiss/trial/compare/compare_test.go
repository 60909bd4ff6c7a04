package compare_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice/causal"
	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/lattice/edelweiss/programs"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
	"github.com/joinery-go/joinery/sim"
	simnet "github.com/joinery-go/joinery/sim/net"
)

const (
	nodes   = 3
	sends   = 20 // a node
	faulty  = 2 * sim.Second
	quiet   = 4 * sim.Second
	every   = 20 * sim.Millisecond
	perNode = 1_000_000
)

var errCompare = errors.New("the two differ")

// packet is what a node sends a peer now and then: for the program what it sends
// and acknowledges, for the gossip what the peer may lack and all that the node has.
type packet struct {
	Chn, Acks []int64
	Entries   []causal.Dot
	Known     gossip.Dots
}

// tally is what came of a world.
type tally struct {
	deliveries, reclaimed  int
	programLater           int // events at which the program still held what the gossip had reclaimed
	gossipEarlier          int // deliveries by a forwarder
	programHeld, gossipLog int // at most, over all nodes at once
}

type peer struct {
	w       *world
	id      sim.NodeID
	m       *eval.Machine
	acks    [nodes][]int64 // that go with the next packet
	log     *gossip.Log
	applied gossip.Dots
	got     map[causal.Dot]bool
	tick    uint64
}

type world struct {
	program *el.Program
	peers   []*peer
	forward bool
	faults  bool
	tally   tally
}

func dotOf(id int64) causal.Dot {
	return causal.Dot{Origin: uint64(id/perNode) + 1, Seq: uint64(id % perNode)}
}

func idOf(d causal.Dot) int64 { return int64(d.Origin-1)*perNode + int64(d.Seq) }

func (p *peer) Start(c *sim.Context) {
	options := eval.Options{Self: int64(p.id)}
	for n := range int64(nodes) {
		if n != int64(p.id) { // what a node sent it has
			options.Sealed = append(options.Sealed, eval.Fact{Collection: "node", Tuple: el.Tuple{el.Node(n)}})
		}
	}
	var err error
	if p.m, err = eval.New(p.w.program, options); err != nil {
		c.Fail(err)
		return
	}
	p.log, p.applied, p.got = new(gossip.Log), nil, map[causal.Dot]bool{}
	p.log.Reset(ring.NodeID(p.id), []ring.NodeID{0, 1, 2})
	c.After(every, 1)
}

func (p *peer) Input(c *sim.Context, id uint64) {
	d := dotOf(int64(id))
	p.step(c, eval.Events{Inputs: []eval.Fact{{Collection: "send", Tuple: el.Tuple{el.Number(int64(id)), el.Symbol("v")}}}})
	p.keep(d)
	p.compare(c)
}

// keep adds a delta to what the gossip has, and reports whether it is new.
func (p *peer) keep(d causal.Dot) bool {
	if p.got[d] {
		return false
	}
	p.got[d] = true
	p.applied.MergeIn(gossip.Dots{{Origin: d.Origin, Lo: d.Seq, Hi: d.Seq}})
	p.log.Add(&gossip.Entry{Dot: d, Key: "k", Kind: "set", Delta: []byte("v")}, p.tick)
	p.log.Reclaim()
	return true
}

func (p *peer) Timer(c *sim.Context, _ sim.TimerID) {
	p.tick++
	for n := range sim.NodeID(nodes) {
		if n == p.id {
			continue
		}
		out := packet{Acks: p.acks[n], Known: p.applied}
		p.acks[n] = nil
		for _, f := range p.m.Sends() {
			if f.Collection == "chn" && f.Tuple[0].Int() == int64(n) {
				out.Chn = append(out.Chn, f.Tuple[1].Int())
			}
		}
		own := func(e *gossip.Entry, _ uint64) bool { return p.w.forward || e.Dot.Origin == uint64(p.id)+1 }
		for _, e := range p.log.Missing(nil, ring.NodeID(n), 1<<20, own) {
			out.Entries = append(out.Entries, e.Dot)
		}
		msg, err := json.Marshal(out)
		if err != nil {
			c.Fail(err)
			return
		}
		c.Send(n, 1, msg)
	}
	c.After(every, 1)
}

func (p *peer) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	var in packet
	if err := json.Unmarshal(msg, &in); err != nil {
		c.Fail(err)
		return
	}
	var e eval.Events
	for _, id := range in.Chn {
		e.Messages = append(e.Messages, eval.Message{From: int64(from), Fact: eval.Fact{
			Collection: "chn", Tuple: el.Tuple{el.Node(int64(p.id)), el.Number(id), el.Symbol("v")},
		}})
		p.acks[from] = append(p.acks[from], id)
	}
	for _, id := range in.Acks {
		e.Messages = append(e.Messages, eval.Message{From: int64(from), Fact: eval.Fact{
			Collection: "chn_ack", Tuple: el.Tuple{el.Node(int64(p.id)), el.Node(int64(from)), el.Number(id)},
		}})
	}
	p.step(c, e)
	for _, d := range in.Entries {
		if p.keep(d) && d.Origin != uint64(from)+1 {
			p.w.tally.gossipEarlier++
		}
	}
	reclaimed, regressed, _ := p.log.ObservePeer(ring.NodeID(from), 1, gossip.Digest{Known: in.Known})
	if regressed {
		c.Fail(fmt.Errorf("%w: a peer lost what it had", errCompare))
	}
	p.w.tally.reclaimed += reclaimed
	p.compare(c)
}

// step runs timesteps until nothing changes any more, so that a deletion is done. The
// acknowledgements that the program sends are those that the packets carry.
func (p *peer) step(c *sim.Context, e eval.Events) {
	chn := len(p.m.Contents("rbuf"))
	for first := true; first || !p.m.Idle(); first = false {
		if err := p.m.Tick(e); err != nil {
			c.Fail(err)
			return
		}
		want := 0
		for _, m := range e.Messages {
			if m.Collection == "chn" {
				want++
			}
		}
		got := 0
		for _, f := range p.m.Sends() {
			if f.Collection == "chn_ack" {
				got++
			}
		}
		if got != want {
			c.Fail(fmt.Errorf("%w: %d acknowledgements of %d messages", errCompare, got, want))
		}
		e = eval.Events{}
	}
	p.w.tally.deliveries += len(p.m.Contents("rbuf")) - chn
}

// compare holds the two against each other after every event of a node.
func (p *peer) compare(c *sim.Context) {
	fail := func(format string, args ...any) {
		c.Fail(fmt.Errorf("%w: node %d: %s", errCompare, p.id, fmt.Sprintf(format, args...)))
	}
	delivered := map[causal.Dot]bool{}
	for _, t := range p.m.Contents("delivered") {
		delivered[dotOf(t[0].Int())] = true
	}
	for d := range p.got { //joinery:anyorder compares sets
		if own := d.Origin == uint64(p.id)+1; !own && !delivered[d] && !p.w.forward {
			fail("the gossip delivered %v and the program did not", d)
		}
	}
	for d := range delivered { //joinery:anyorder compares sets
		if !p.got[d] {
			fail("the program delivered %v and the gossip did not", d)
		}
	}
	held := map[int64]bool{}
	for _, t := range p.m.Contents("sbuf") {
		held[t[0].Int()] = true
		if !p.log.Has(dotOf(t[0].Int())) {
			p.w.tally.programLater++
			if !p.w.faults && !p.w.forward {
				fail("the gossip reclaimed %v and the program did not, on whole links", dotOf(t[0].Int()))
			}
		}
	}
	for e := range p.log.All() {
		if e.Dot.Origin == uint64(p.id)+1 && !held[idOf(e.Dot)] {
			fail("the program reclaimed %v and the gossip did not", e.Dot)
		}
	}
	program, log := 0, 0
	for _, o := range p.w.peers {
		program += len(o.m.Contents("sbuf"))
		log += o.log.Len()
	}
	p.w.tally.programHeld, p.w.tally.gossipLog = max(p.w.tally.programHeld, program), max(p.w.tally.gossipLog, log)
}

// run takes a world through faults, heals it, and returns what came of it.
func run(t *testing.T, seed uint64, faults, forward bool) tally {
	t.Helper()
	p, err := programs.Load("broadcast_fixed")
	require.NoError(t, err)
	r, err := reclaim.Rewrite(p, reclaim.All)
	require.NoError(t, err)
	w := &world{program: r.Program, forward: forward, faults: faults}
	for n := range sim.NodeID(nodes) {
		w.peers = append(w.peers, &peer{w: w, id: n})
	}
	src := choice.Seeded(seed)
	options := simnet.Options{Kinds: []sim.MsgKind{1}}
	if faults {
		options.Faults = simnet.SwarmAll(src)
		options.Faults.Corrupt = sim.Off // packets here have no checksum
	}
	net, err := simnet.New(options)
	require.NoError(t, err)
	sw, err := sim.New(sim.Options{Nodes: nodes, Source: src, Net: net, Factory: func(n sim.NodeID) sim.Actor { return w.peers[n] }})
	require.NoError(t, err)
	for n := range int64(nodes) {
		for i := range int64(sends) {
			at := sim.Time(i)*faulty/sends + sim.Time(n)*sim.Millisecond
			require.NoError(t, sw.Inject(at+sim.Millisecond, sim.NodeID(n), uint64(n*perNode+i+1)))
		}
	}
	require.NoError(t, sw.Heal(faulty))
	require.NoError(t, sw.RunUntil(quiet))
	for _, p := range w.peers {
		require.Empty(t, p.m.Contents("sbuf"))
		require.Zero(t, p.log.Len())
		require.Len(t, p.m.Contents("delivered"), (nodes-1)*sends)
		require.Len(t, p.got, nodes*sends)
		require.True(t, slices.IsSortedFunc(p.applied, func(a, b gossip.Span) int { return int(a.Origin) - int(b.Origin) }))
		require.Len(t, p.applied, nodes, "an interval for each origin, as the program's ranges have")
	}
	return w.tally
}

// TestBroadcastAndGossip is the comparison; the package says what it shows.
func TestBroadcastAndGossip(t *testing.T) {
	for _, c := range []struct {
		name            string
		faults, forward bool
		seeds           uint64
	}{{"whole links", false, false, 3}, {"faults", true, false, 12}, {"faults, forwarding", true, true, 12}} {
		t.Run(c.name, func(t *testing.T) {
			var sum tally
			for seed := range c.seeds {
				got := run(t, seed+1, c.faults, c.forward)
				sum.deliveries += got.deliveries
				sum.reclaimed += got.reclaimed
				sum.programLater += got.programLater
				sum.gossipEarlier += got.gossipEarlier
				sum.programHeld += got.programHeld
				sum.gossipLog += got.gossipLog
			}
			t.Logf("%d worlds: %d deliveries, %d reclaimed by gossip; the program held what gossip had reclaimed at %d events; "+
				"%d deliveries by a forwarder; held at most, a world: program %d, gossip %d", c.seeds, sum.deliveries, sum.reclaimed,
				sum.programLater, sum.gossipEarlier, sum.programHeld/int(c.seeds), sum.gossipLog/int(c.seeds))
			assert.Equal(t, int(c.seeds)*nodes*(nodes-1)*sends, sum.deliveries)
			assert.Equal(t, c.faults, sum.programLater > 0)
			assert.Equal(t, c.forward, sum.gossipEarlier > 0)
			assert.Greater(t, sum.gossipLog, sum.programHeld, "every owner keeps what it forwards")
		})
	}
}
