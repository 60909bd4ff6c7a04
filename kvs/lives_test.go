package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
)

// TestLivesOfOneName: a node dies or leaves, and another one joins under its name, again and again,
// while clients write, messages of earlier lives are under way, and others crash. What two owners
// had acknowledged is at all owners in the end, and all members come to rest.
func TestLivesOfOneName(t *testing.T) {
	const name = 2
	each(t, 60, func(t *testing.T, seed uint64) {
		w := newTown(t, 4, 8, 3, seed)
		life := uint32(1)
		w.cfg = func(cfg *kvs.Config) {
			if seed%3 == 0 { // digests in parts, and snapshots in place of deltas
				cfg.MaxKnown, cfg.MaxLog = 1, 4
			}
			if cfg.Self == name && life > 1 {
				cfg.Members, cfg.Life = w.members, life
			}
		}
		w.ack = session.Owners(2)
		w.lossy = seed%2 == 1
		w.often(seed)
		w.keeping = false
		w.run(1000, 10)
		for range 1 + seed%3 {
			at := 3 * w.choose(2, 0) // who is asked
			w.until(func() bool { return w.replicas[at].View().At(name) == member.In(life, member.Active) })
			w.members = w.replicas[at].View()
			if w.choose(2, 0) == 0 {
				w.change(at, member.Change{Node: name, To: member.Leaving})
				w.until(func() bool { return w.replicas[at].View().At(name).Phase() == member.Gone })
				w.members = w.replicas[at].View()
			} else {
				w.dead[name] = true
				w.change(at, member.Change{Node: name, To: member.Gone})
				w.until(func() bool { return w.replicas[at].View().At(name).Phase() == member.Gone })
				w.run(w.choose(400, 0), 10)
			}
			require.Equal(t, member.In(life, member.Gone), w.replicas[at].View().At(name))
			life++
			w.change(at, member.Change{Node: name, To: member.Joining})
			w.dead[name] = false
			w.disks[name], w.full[name], w.before[name] = nil, nil, 0
			w.crash(name)
			for range 3 {
				w.run(100+w.choose(600, 0), 10)
				w.crash(w.choose(4, 0))
			}
			if seed%4 == 0 { // else the next life may end before this one is settled
				w.rest()
				w.lossy = seed%8 == 4
			}
		}
		w.rest()
		for n := range 4 {
			assert.Equal(t, member.In(life, member.Active), w.replicas[n].View().At(ring.NodeID(name)), "node %d", n)
		}
	})
}

// until takes steps, while nobody writes, until something is so.
func (w *town) until(so func() bool) {
	for range 400_000 {
		if so() {
			return
		}
		w.step()
	}
	w.t.Fatalf("it does not come about:\n%s", w.state())
}
