package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/lattice/flow"
)

const (
	benchMessages = 256
	benchEntries  = 64 // of each
	benchKeys     = 1000
)

// load is what a replica of two is given.
type load struct {
	o        Options
	messages []Message
	accepted []gossip.Entry
}

func newLoad(b *testing.B) *load {
	rg, err := ring.New([]ring.NodeID{0, 1}, 1, 2)
	if err != nil {
		b.Fatal(err)
	}
	l := &load{o: Options{Self: 0, Origin: 1, Ring: rg, Kinds: kind.Default(), Room: 1 << 16, Send: func(ring.NodeID, []byte) {}}}
	seq := uint64(0)
	for range benchMessages {
		it := wire.Item{}
		for range benchEntries {
			seq++
			k := l.o.Kinds.At(int(seq % 3))
			v, err := k.Mutate(kind.Update{Arg: kind.Amount(int64(seq % 31)), Clock: 1_000_000<<16 | seq, Origin: 2}, k.New())
			if err != nil {
				b.Fatal(err)
			}
			it.Entries = append(it.Entries, gossip.Entry{
				Dot: causal.Dot{Origin: 2, Seq: seq}, Clock: 1_000_000<<16 | seq, Key: fmt.Sprint("key", seq*7919%benchKeys), Kind: k.Name(),
				Delta: v.Append(nil), Client: 1, Req: seq,
			})
		}
		for _, e := range it.Entries {
			it.Digest.Known.Add(e.Dot) // so that the store has nothing to keep for its peer
		}
		l.messages = append(l.messages, Message{1, wire.AppendGossip(nil, 1, 2, []wire.Item{it})})
		l.accepted = append(l.accepted, it.Entries...)
	}
	return l
}

// fastest runs its cases in turn, b.N times, and is the least time of each.
func fastest(b *testing.B, cases ...func()) []float64 {
	least := make([]float64, len(cases))
	for i := range least {
		least[i] = math.Inf(1)
	}
	for b.Loop() {
		for i, run := range cases {
			start := time.Now()
			run()
			least[i] = min(least[i], float64(time.Since(start)))
		}
	}
	return least
}

// directMessages is what the graph does with messages, written by hand.
func (l *load) directMessages() (h Held) {
	d, m := decoder{o: l.o}, HeldOf()
	for _, msg := range l.messages {
		d.message(msg)(func(u update) bool {
			if l.o.Ring.Owns(l.o.Self, u.partition) {
				m.MergeIn(&h, One(u.ref, u.val))
			}
			return true
		})
	}
	return h
}

// directAccepted is what the graphs do with accepted entries, written by hand.
func (l *load) directAccepted() (h Held) {
	d, m, p := decoder{o: l.o}, HeldOf(), Path{o: l.o}
	var batch offers
	for _, e := range l.accepted {
		if u, ok := d.entry(e); ok && l.o.Ring.Owns(l.o.Self, u.partition) {
			m.MergeIn(&h, One(u.ref, u.val))
		}
		batch = append(batch, offer{l.o.Ring.PartitionOf(e.Key), e})
		if len(batch) == offered {
			p.send(batch)
			batch = batch[:0]
		}
	}
	p.send(batch)
	return h
}

func (l *load) graph(b *testing.B, batch int, give func(*Path) error) (h Held) {
	o := l.o
	o.Batch = batch
	p, err := New(o)
	if err == nil {
		err = give(p)
	}
	if err == nil {
		err = p.Settle(context.Background())
	}
	if err == nil {
		err = p.Gossip(context.Background())
	}
	if err != nil {
		b.Fatal(err)
	}
	h, _ = flow.Read(p.held)
	return h
}

func (l *load) deliver(p *Path) error {
	for _, m := range l.messages {
		if err := p.Deliver(m); err != nil {
			return err
		}
	}
	return nil
}

// accept gives the path the entries in rounds, as a host would between two rounds of
// gossip.
func (l *load) accept(p *Path) error {
	for round := range slices.Chunk(l.accepted, offered) {
		for _, e := range round {
			if err := p.Accept(e); err != nil {
				return err
			}
		}
		if err := errors.Join(p.Settle(context.Background()), p.Gossip(context.Background())); err != nil {
			return err
		}
	}
	return nil
}

// store has the core of the store take the messages, each durable at once.
func (l *load) store(b *testing.B) *kvs.Replica {
	r, err := kvs.New(kvs.Config{Self: 0, Origin: 1, First: true, Ring: l.o.Ring, Kinds: l.o.Kinds, Secret: make([]byte, 16)}, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Start()
	for _, m := range l.messages {
		r.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: 1_000_000, From: m.From, Msg: m.Bytes})
		r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1_000_000, Token: math.MaxUint64})
	}
	return r
}

// BenchmarkPath has the figures of the package comment, each a ratio of two times of
// one run:
//
//	go test -run xxx -bench Path -benchtime 50x ./models/pipeline
func BenchmarkPath(b *testing.B) {
	l := newLoad(b)
	want, m := l.directMessages(), HeldOf()
	check := func(h Held) {
		if m.Compare(h, want).String() != "Equal" {
			b.Fatal("another outcome")
		}
	}
	n := float64(len(l.accepted))
	b.Run("messages", func(b *testing.B) {
		t := fastest(b,
			func() { check(l.directMessages()) },
			func() { check(l.graph(b, 0, l.deliver)) },
			func() { check(l.graph(b, 1, l.deliver)) },
			func() {
				r := l.store(b)
				if held := countHeld(r); held != want.Len() {
					b.Fatal("the store holds", held, "values of", want.Len())
				}
			},
		)
		b.ReportMetric(t[0]/n, "direct-ns/entry")
		b.ReportMetric(t[1]/t[0], "graph/direct")
		b.ReportMetric(t[2]/t[0], "single/direct")
		b.ReportMetric(t[3]/t[0], "store/direct")
	})
	b.Run("accepted", func(b *testing.B) {
		t := fastest(b,
			func() { check(l.directAccepted()) },
			func() { check(l.graph(b, 0, l.accept)) },
			func() { check(l.graph(b, 1, l.accept)) },
		)
		b.ReportMetric(t[0]/n, "direct-ns/entry")
		b.ReportMetric(t[1]/t[0], "graph/direct")
		b.ReportMetric(t[2]/t[0], "single/direct")
	})
}

func countHeld(r *kvs.Replica) (n int) {
	r.Each(func(ring.Partition, string, string, kind.Value) { n++ })
	return n
}

// BenchmarkClone compares a value that is lent with one that is copied (lesson L1): what
// is held, read as a copy or lent; and deltas that two edges share, or each copies.
func BenchmarkClone(b *testing.B) {
	l := newLoad(b)
	p, err := New(l.o)
	if err == nil {
		err = l.deliver(p)
	}
	if err == nil {
		err = p.Settle(context.Background())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Run("held", func(b *testing.B) {
		t := fastest(b,
			func() { flow.Read(p.held) },
			func() {
				for range 1000 {
					_ = p.Held(func(Held) {})
				}
			},
		)
		b.ReportMetric(t[0]/1000, "copied-µs")
		b.ReportMetric(t[1]/1000, "lent-ns")
	})
	b.Run("edge", func(b *testing.B) {
		var deltas []update
		d := decoder{o: l.o}
		for _, e := range l.accepted {
			u, _ := d.entry(e)
			deltas = append(deltas, u)
		}
		n := float64(len(deltas))
		t := fastest(b, func() { twice(b, deltas, nil) }, func() {
			twice(b, deltas, func(u update) update {
				u.val = u.val.Clone()
				return u
			})
		})
		b.ReportMetric(t[0]/n, "shared-ns/delta")
		b.ReportMetric(t[1]/n, "copied-ns/delta")
		b.ReportMetric(t[1]/t[0], "copied/shared")
	})
}

// twice folds deltas behind a tee of two edges, and copies them there where it is told to.
func twice(b *testing.B, deltas []update, clone func(update) update) {
	g := flow.New("twice", flow.Options{})
	for _, d := range flow.Tee(flow.FromSlice(g, deltas), 2) {
		if clone != nil {
			d = flow.Map(d, clone)
		}
		flow.Fold(flow.Map(d, func(u update) Held { return One(u.ref, u.val) }), HeldOf())
	}
	s, err := flow.Start(g)
	if err == nil {
		err = s.Run(context.Background())
	}
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCodec is the share of encoding and decoding in a put of the store, a register
// of 16 bytes that becomes durable at once (lesson L2), and in the path above.
func BenchmarkCodec(b *testing.B) {
	l := newLoad(b)
	const puts = 4096
	requests, records, answers := l.requests(b, puts)
	var in wire.DecodeBuffer
	var buf []byte
	decodeRequest := func() {
		for _, q := range requests {
			_, body, err := wire.Open(q)
			if err == nil {
				_, err = in.Request(body)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	encode := func() {
		for i := range records {
			e := &records[i]
			buf = e.delta.Append(buf[:0])
			e.entry.Delta = buf
			buf = wire.AppendRecord(buf, 0, []gossip.Entry{e.entry})
			buf = answers[i].Append(buf[:0])
		}
	}
	decodeMessages := func() {
		for _, m := range l.messages {
			_, body, err := wire.Open(m.Bytes)
			if err != nil {
				b.Fatal(err)
			}
			g, err := in.Gossip(wire.VersionOf(m.Bytes), body)
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range g.Items[0].Entries {
				k, _ := l.o.Kinds.Find(e.Kind)
				if _, err := k.Decode(e.Delta); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	t := fastest(b, func() { l.put(b, requests) }, decodeRequest, encode, func() { l.directMessages() }, decodeMessages)
	b.ReportMetric(t[0]/puts, "put-ns")
	b.ReportMetric(t[1]/t[0], "decode/put")
	b.ReportMetric(t[2]/t[0], "encode/put")
	b.ReportMetric(t[4]/t[3], "decode/path")
}

type written struct {
	entry gossip.Entry
	delta kind.Value
}

// requests are puts, and what the store writes of them.
func (l *load) requests(b *testing.B, n uint64) (requests [][]byte, records []written, answers []wire.Response) {
	k, _ := l.o.Kinds.Find("register")
	for i := range n {
		q := wire.Request{Client: 1 + i%16, Req: 1 + i/16, Put: true, Key: fmt.Sprint("key", i*7919%benchKeys), Kind: "register", Arg: []byte("sixteen bytes it")}
		v, err := k.Mutate(kind.Update{Arg: q.Arg, Clock: 1_000_000<<16 | i, Origin: 1}, nil)
		if err != nil {
			b.Fatal(err)
		}
		dot := causal.Dot{Origin: 1, Seq: i + 1}
		requests = append(requests, q.Encode())
		records = append(records, written{gossip.Entry{Dot: dot, Clock: 1_000_000<<16 | i, Key: q.Key, Kind: q.Kind, Client: q.Client, Req: q.Req}, v})
		answers = append(answers, wire.Response{Client: q.Client, Req: q.Req, Clock: 1_000_000<<16 | i, Dot: dot})
	}
	return requests, records, answers
}

func (l *load) put(b *testing.B, requests [][]byte) {
	alone, err := ring.New([]ring.NodeID{0}, 1, 1)
	if err != nil {
		b.Fatal(err)
	}
	r, err := kvs.New(kvs.Config{Self: 0, Origin: 1, First: true, Ring: alone, Kinds: l.o.Kinds, Secret: make([]byte, 16)}, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Start()
	answered := 0
	for _, q := range requests {
		r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1_000_000, Msg: q})
		for _, e := range r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1_000_000, Token: math.MaxUint64}) {
			if e.Kind == kvs.EffectRespond {
				answered++
			}
		}
	}
	if answered != len(requests) {
		b.Fatal("answered", answered, "of", len(requests))
	}
}
