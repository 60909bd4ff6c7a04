package scenario

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/subscription"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice"
)

// misfits are configurations of a replica that are none, by what is wrong with them.
var misfits = []struct {
	what   string
	change func(c *kvs.Config)
}{
	{"no ring", func(c *kvs.Config) { c.Ring = nil }},
	{"a short secret", func(c *kvs.Config) { c.Secret = c.Secret[:15] }},
	{"no incarnation", func(c *kvs.Config) { c.Origin = 0 }},
	{"a stranger", func(c *kvs.Config) { c.Self = 1 << 20 }},
	{"a life that its members do not have", func(c *kvs.Config) { c.Life = 1 << 20 }},
	{"batches too large", func(c *kvs.Config) { c.BatchBytes = wire.MaxMessage }},
	{"values too large", func(c *kvs.Config) { c.MaxValueBytes = wire.MaxMessage }},
	{"clocks too far ahead", func(c *kvs.Config) { c.MaxAheadMS = 1 << 60 }},
	{"too many pieces", func(c *kvs.Config) { c.SnapshotPieces = wire.MaxPieces + 1 }},
	{"fewer than no unreadable records", func(c *kvs.Config) { c.Unreadable = -1 }},
	{"values outside, and no checkpoints", func(c *kvs.Config) { c.Values, c.CheckpointBytes = unkept{id: 1}, -1 }},
	{"values outside of no number", func(c *kvs.Config) { c.Values = unkept{} }},
	{"waits without end", func(c *kvs.Config) { c.MaxWaitTicks = 1 << 60 }},
	{"a negative bound", func(c *kvs.Config) { c.MaxKnown = -1 }},
}

// amiss are other things that are to be refused where they are made, by what is wrong.
var amiss = []struct {
	what string
	want error
	make func() error
}{
	{"a ring of no nodes", ring.ErrConfig, func() error { _, err := ring.New(nil, 1, 1); return err }},
	{"a ring of no partitions", ring.ErrConfig, func() error { _, err := ring.New([]ring.NodeID{1}, 0, 1); return err }},
	{"a ring of no owners", ring.ErrConfig, func() error { _, err := ring.New([]ring.NodeID{1}, 1, 0); return err }},
	{"a ring of a node twice", ring.ErrConfig, func() error { _, err := ring.New([]ring.NodeID{1, 2, 1}, 1, 1); return err }},
	{"a ring of a node too large", ring.ErrConfig, func() error { _, err := ring.New([]ring.NodeID{ring.MaxNode + 1}, 1, 1); return err }},
	{"a kind without a name", kind.ErrKind, kindOf(func(s *kind.Spec[kind.GrowSet]) { s.Name = "" })},
	{"a kind without puts", kind.ErrKind, kindOf(func(s *kind.Spec[kind.GrowSet]) { s.Mutate = nil })},
	{"a kind of own amounts that nothing settles", kind.ErrKind, kindOf(func(s *kind.Spec[kind.GrowSet]) { s.Own = true })},
	{"a kind whose deletes nothing shows", kind.ErrKind, kindOf(func(s *kind.Spec[kind.GrowSet]) { s.Sees = true })},
	{"a kind without a merge", kind.ErrKind, kindOf(func(s *kind.Spec[kind.GrowSet]) { s.Merge = bare{} })},
	{"a kind twice", kind.ErrKind, func() error { x := kind.Default().At(0); _, err := kind.NewKinds(x, x); return err }},
	{"a subscription of number 0", subscription.ErrConfig, subscribing(1, 0, "k", session.Eventual)},
	{"a subscription of a number too large", subscription.ErrConfig, subscribing(1, gossip.MaxReq+1, "k", session.Eventual)},
	{"a subscription to a key too long", subscription.ErrConfig, subscribing(1, 1, string(make([]byte, wire.MaxKey+1)), session.Eventual)},
	{"a subscription at a level of transactions", subscription.ErrConfig, subscribing(1, 1, "k", session.ItemCut)},
	{"a subscription to no kind", subscription.ErrConfig, func() error { _, err := subscription.New(1, 1, "k", nil, session.Eventual, 1); return err }},
}

// bare is a merge that has neither a bottom nor a codec.
type bare struct{ lattice.Merge[kind.GrowSet] }

// kindOf makes a kind of sets with something changed.
func kindOf(change func(s *kind.Spec[kind.GrowSet])) func() error {
	return func() error {
		s := kind.SetSpec()
		change(&s)
		_, err := kind.New(s)
		return err
	}
}

func subscribing(client, number uint64, key string, level session.Level) func() error {
	return func() error {
		_, err := subscription.New(client, number, key, kind.Default().At(0), level, 1)
		return err
	}
}

// misfit holds the store to refuse what is configured wrongly, for what is wrong, in one way
// that the seed says.
func (r *replica) misfit(cfg kvs.Config) {
	draw := choice.Mix(choice.MixString(r.run.setup.Seed, "misfit"), cfg.Origin)
	at := int(draw % uint64(len(misfits)+len(amiss)))
	var what string
	var want, err error
	if at < len(misfits) {
		what, want = misfits[at].what, kvs.ErrConfig
		cfg.Secret = slices.Clone(cfg.Secret)
		misfits[at].change(&cfg)
		_, err = kvs.New(cfg, nil)
	} else {
		x := amiss[at-len(misfits)]
		what, want, err = x.what, x.want, x.make()
	}
	if !errors.Is(err, want) {
		r.run.fail(Violation{Oracle: "configuration", Kind: what, Node: int(r.id), Message: fmt.Sprintf("%s: %v, want %v", what, err, want)})
	}
}
