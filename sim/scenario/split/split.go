// Package split measures which levels answer while a network is split: a session of each
// level does what the situations say, on three replicas that each hold everything, and
// whether its requests are answered is counted. Nothing is drawn: the replicas, their
// disks and the network do the same each time.
//
// Bailis et al. ("Highly Available Transactions", VLDB'14, section 5.1 and table 3) say which
// levels can be kept by what answers whatever is cut off: read committed, item cut,
// monotonic reads, monotonic writes and writes follow reads; that read your writes, PRAM
// and causal can for a session that stays with its replica; and no other. That is what can
// be. Package session says what this store does, which merges deltas as they arrive.
package split

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// ErrSplit is wrapped when a measurement cannot be made.
var ErrSplit = errors.New("split: cannot measure")

const (
	nodes     = 3
	tickMS    = 20
	waitTicks = 10
	clockBase = 1_000_000 // milliseconds
)

// cluster are replicas whose records are durable with the next round, and whose messages
// arrive with it unless they are cut.
type cluster struct {
	hosts   []host.Host
	next    []arrival
	side    [nodes]int // nodes of different sides hear nothing of each other
	rounds  uint64
	answers map[uint64]*wire.Response // by request
	req     uint64
	err     error
}

type arrival struct {
	to int
	ev kvs.Event
}

// env carries out what the replica of a node decides.
type env struct {
	*cluster
	node int
}

func (e env) Send(to ring.NodeID, _ wire.MessageKind, msg []byte) {
	if e.side[e.node] == e.side[to] {
		e.next = append(e.next, arrival{int(to), kvs.Event{Kind: kvs.EventMessage, From: ring.NodeID(e.node), Msg: bytes.Clone(msg)}})
	}
}

func (e env) Respond(_ uint64, msg []byte) {
	resp, err := wire.DecodeResponse(msg)
	if err != nil {
		e.err = err
		return
	}
	e.answers[resp.Req] = resp
}

func (e env) Persist(token uint64, _ []byte) error {
	e.next = append(e.next, arrival{e.node, kvs.Event{Kind: kvs.EventPersisted, Token: token}})
	return nil
}

func (e env) Truncate(uint64)        {}
func (e env) After(uint64)           {} // a tick comes with every round
func (e env) Accepted(*gossip.Entry) {}

func newCluster() (*cluster, error) {
	var ids []ring.NodeID
	for n := range nodes {
		ids = append(ids, ring.NodeID(n))
	}
	r, err := ring.New(ids, 4, nodes)
	if err != nil {
		return nil, err
	}
	c := &cluster{answers: make(map[uint64]*wire.Response)}
	for n := range nodes {
		core, err := kvs.New(kvs.Config{
			Self: ring.NodeID(n), Origin: uint64(n) + 1, First: true, Ring: r, Kinds: kind.Default(), Secret: []byte("the secret of a split store"), TickMS: tickMS,
		}, nil)
		if err != nil {
			return nil, err
		}
		c.hosts = append(c.hosts, host.New(core, env{c, n}))
	}
	for n := range c.hosts {
		if err := c.hosts[n].Start(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// round has arrive what is under way, and a tick at each replica.
func (c *cluster) round() {
	c.rounds++
	now := c.next
	c.next = nil
	for n := range nodes {
		now = append(now, arrival{n, kvs.Event{Kind: kvs.EventTick}})
	}
	for _, x := range now {
		x.ev.NowMS = clockBase + c.rounds*tickMS
		if err := c.hosts[x.to].Do(x.ev); err != nil {
			c.err = err
		}
	}
}

// cut puts each node on a side of its own, or joins all again.
func (c *cluster) cut(yes bool) {
	for n := range c.side {
		if c.side[n] = 0; yes {
			c.side[n] = n
		}
	}
}

// client is a session with its cache, if it has one.
type client struct {
	*cluster
	id    uint64
	state session.Session
	cache *session.Cache
	asked int
	got   int
}

func (c *cluster) client(id uint64, l session.Level, cached bool) *client {
	x := &client{cluster: c, id: id}
	if x.state.Reset(l); cached {
		x.cache = &session.Cache{MaxAgeMS: 1, Max: 16}
	}
	return x
}

// ask asks a node, and waits for its answer.
func (x *client) ask(node int, q wire.Request) *wire.Response {
	x.req++
	q.Client, q.Req, q.Kind, q.Level, q.Wait, q.Clock = x.id, x.req, "set", x.state.Level.Served(), waitTicks, x.state.Clock()
	q.Deps, q.Proof = x.state.Past()
	q.Own = x.state.Own()
	if q.Put {
		q.Arg, q.Stamp = fmt.Appendf(nil, "e%d", x.req), x.state.Stamp(clockBase+x.rounds*tickMS)
	}
	if err := x.hosts[node].Do(kvs.Event{Kind: kvs.EventRequest, NowMS: clockBase + x.rounds*tickMS, Msg: q.Encode()}); err != nil {
		x.err = err
		return nil
	}
	for range 2 * waitTicks {
		if x.answers[q.Req] != nil {
			break
		}
		x.round()
	}
	resp := x.answers[q.Req]
	if resp == nil || resp.Status != wire.StatusOK {
		return resp
	}
	if !x.state.ObserveBoth(resp.Deps, resp.Own, resp.Proof, resp.Clock) {
		x.err = fmt.Errorf("%w: an answer that leaves out what its session depends on", ErrSplit)
	}
	if x.cache != nil && !q.Put {
		x.cache.Keep(&x.state, resp.Partition, q.Key, q.Kind, resp.Value, resp.Found, clockBase+x.rounds*tickMS)
	}
	return resp
}

// put writes, and counts whether that was answered.
func (x *client) put(node int, key string, ack session.Ack) {
	x.count(x.ask(node, wire.Request{Put: true, Key: key, Ack: ack}), false)
}

// read reads, and counts whether that was answered, or could be from the cache.
func (x *client) read(node int, key string) {
	resp, stale := x.ask(node, wire.Request{Key: key}), false
	if x.cache != nil {
		_, _, stale = x.cache.Stale(&x.state, key, "set")
	}
	x.count(resp, stale)
}

func (x *client) count(resp *wire.Response, otherwise bool) {
	x.asked++
	if resp != nil && resp.Status == wire.StatusOK || otherwise {
		x.got++
	}
}
