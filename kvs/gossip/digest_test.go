package gossip_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice/causal"
)

// teller is one of two replicas that tell each other what they hold, each beside a plain
// twin that tells all with every message.
type teller struct {
	incarnation uint64
	held        gossip.Dots
	changes     gossip.Changes
	rev         uint64
	link        struct{ origin, confirmed uint64 }
	log, plain  *gossip.Log
}

type letter struct {
	from, to int
	origin   uint64 // of the sender
	heard    uint64 // of the receiver, that the sender goes by
	word     gossip.Digest
	whole    gossip.Dots
}

const fewSpans = 2

func (x *teller) note(d causal.Dot) {
	if x.held.Add(d) {
		x.rev++
		x.changes.Note(d.Origin, x.rev, len(x.held), fewSpans)
		x.log.Add(entry(d.Origin, d.Seq), 0)
		x.plain.Add(entry(d.Origin, d.Seq), 0)
	}
}

// begin starts x again, on what of held is left.
func (x *teller) begin(self int, incarnation uint64, held gossip.Dots) {
	owners := []ring.NodeID{0, 1}
	*x = teller{incarnation: incarnation, log: gossip.NewLog(ring.NodeID(self), owners), plain: gossip.NewLog(ring.NodeID(self), owners)}
	for _, s := range held {
		for seq := s.Lo; seq <= s.Hi; seq++ {
			x.note(causal.Dot{Origin: s.Origin, Seq: seq})
		}
	}
}

func (x *teller) say(from int) letter {
	peer := ring.NodeID(1 - from)
	w := x.changes.Digest(x.held, x.rev, x.link.confirmed)
	w.Known = w.Known.Clone()
	w.Seen = x.log.Seen(peer)
	return letter{from, 1 - from, x.incarnation, x.log.PeerIncarnation(peer), w, x.held.Clone()}
}

// TestPartsTellAsMuch: through loss, repetition, reordering, and restarts with the whole
// disk or what is left of it, words in parts tell what whole words would, or are left as
// lost; what is believed of a peer is never more than it holds; and in the end all is told.
func TestPartsTellAsMuch(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	parts, left, taken, spans, saved := 0, 0, 0, 0, 0
	for range 400 {
		var both [2]teller
		incarnations := uint64(2)
		for i := range both {
			both[i].begin(i, uint64(i+1), nil)
		}
		seqs := map[uint64]uint64{}
		var post []letter
		deliver := func(m letter) {
			x, peer := &both[m.to], ring.NodeID(m.from)
			if x.changes.On() && m.origin >= x.link.origin {
				if m.origin > x.link.origin {
					x.link.origin, x.link.confirmed = m.origin, 0
				}
				if m.heard == x.incarnation {
					x.link.confirmed = max(x.link.confirmed, m.word.Seen)
				}
			}
			reclaimed, regressed, took := x.log.ObservePeer(peer, m.origin, m.word)
			if m.word.Base > 0 {
				parts++
				spans, saved = spans+len(m.word.Known), saved+len(m.whole)-len(m.word.Known)
			}
			if !took {
				left++
				return // to the twin it is lost
			}
			taken++
			wholly, plainly, _ := x.plain.ObservePeer(peer, m.origin, gossip.Digest{Known: m.whole})
			require.Equal(t, x.plain.Known(peer), x.log.Known(peer))
			require.Equal(t, x.plain.PeerIncarnation(peer), x.log.PeerIncarnation(peer))
			require.Equal(t, plainly, regressed)
			require.Equal(t, wholly, reclaimed)
			require.Equal(t, x.plain.Len(), x.log.Len())
			require.Equal(t, x.plain.NeedsSnapshot(peer, x.held), x.log.NeedsSnapshot(peer, x.held))
			if s := &both[m.from]; s.incarnation == x.log.PeerIncarnation(peer) {
				require.True(t, s.held.Includes(x.log.Known(peer)))
			}
		}
		for range 200 {
			i := r.IntN(2)
			x := &both[i]
			switch r.IntN(12) {
			case 0, 1, 2, 3:
				seqs[x.incarnation]++
				x.note(causal.Dot{Origin: x.incarnation, Seq: seqs[x.incarnation]})
			case 4, 5: // a delta of the other's
				if s := both[1-i].held; len(s) > 0 {
					span := s[r.IntN(len(s))]
					x.note(causal.Dot{Origin: span.Origin, Seq: span.Lo + r.Uint64N(span.Hi-span.Lo+1)})
				}
			case 6, 7, 8:
				post = append(post, x.say(i))
			case 9, 10:
				if len(post) > 0 {
					at := r.IntN(len(post))
					m := post[at]
					if r.IntN(4) > 0 { // else it comes again
						post = append(post[:at], post[at+1:]...)
					}
					if r.IntN(5) > 0 {
						deliver(m)
					}
				}
			case 11:
				if r.IntN(3) > 0 {
					continue
				}
				incarnations++
				held := x.held
				if r.IntN(3) == 0 && len(held) > 0 {
					held = held[:r.IntN(len(held))]
				}
				x.begin(i, incarnations, held.Clone())
			}
		}
		for _, m := range post { // what is late comes late
			deliver(m)
		}
		for range 3 {
			for i := range both {
				deliver(both[i].say(i))
			}
		}
		for i := range both {
			assert.Equal(t, len(both[i].held) > 0, len(both[1-i].log.Known(ring.NodeID(i))) > 0)
			assert.True(t, both[1-i].log.Known(ring.NodeID(i)).Includes(both[i].held))
		}
	}
	assert.Greater(t, parts, 4000)
	assert.Greater(t, left, 500)
	assert.Greater(t, taken, 5000)
	assert.Greater(t, saved, spans/2)
}
