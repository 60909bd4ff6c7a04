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
	{"a ring on which partitions have unlike factors", func(c *kvs.Config) { c.Ring = unlike }},
	{"tombstones that stay for ages", func(c *kvs.Config) { c.LateMS = 1 << 60 }},
	{"versions that there are not", func(c *kvs.Config) { c.Speaks = kvs.Versions{Newest: wire.Newest + 1} }},
}

// unlike is a ring with a factor of its own for one partition.
var unlike, _ = ring.Varied([]ring.NodeID{0, 1, 2}, 2, 2, func(p ring.Partition) int { return 2 + int(p) })

// refusal is something that is to be refused where it is made, for what is wrong with it.
type refusal struct {
	what string
	want error
	make func() error
}

// refused are all of them.
var refused = slices.Concat(amiss, amissOfKinds, amissOfMembers, amissOfPolicy)

// amiss are those that a store or a client of one is made of.
var amiss = []refusal{
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
	{"no level of acknowledgement", session.ErrAck, func() error { _, err := session.ParseAck("w=0"); return err }},
	{"a subscription to no kind", subscription.ErrConfig, func() error { _, err := subscription.New(1, 1, "k", nil, session.Eventual, 1); return err }},
}

// amissOfKinds are arguments that are none of a kind's.
var amissOfKinds = []refusal{
	{"a put to a multi-value register that does not say what it replaces", kind.ErrArgument, put(kind.MultiValueSpec())},
	{"one that names no writer", kind.ErrArgument, put(kind.MultiValueSpec(), 1)},
	{"one that names no write", kind.ErrArgument, put(kind.MultiValueSpec(), 1, 5)},
	{"one that names a write twice", kind.ErrArgument, put(kind.MultiValueSpec(), 2, 5, 3, 5, 3)},
	{"one that names writers out of order", kind.ErrArgument, put(kind.MultiValueSpec(), 2, 5, 3, 4, 3)},
	{"a delete of a part of a counter", kind.ErrArgument, remove(kind.CounterSpec(), 1)},
	{"a delete of a part of a register", kind.ErrArgument, remove(kind.RegisterSpec(), 1)},
}

func put[T any](s kind.Spec[T], arg ...byte) func() error {
	return func() error { _, err := s.Mutate(kind.Update{Arg: arg, Origin: 1, Clock: 1}, *new(T)); return err }
}

func remove[T any](s kind.Spec[T], arg ...byte) func() error {
	return func() error { _, err := s.Delete(kind.Update{Arg: arg, Origin: 1, Clock: 1}, *new(T)); return err }
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
	at := int(draw % uint64(len(misfits)+len(refused)))
	var what string
	var want, err error
	if at < len(misfits) {
		what, want = misfits[at].what, kvs.ErrConfig
		cfg.Secret = slices.Clone(cfg.Secret)
		misfits[at].change(&cfg)
		_, err = kvs.New(cfg, nil)
	} else {
		x := refused[at-len(misfits)]
		what, want, err = x.what, x.want, x.make()
	}
	if !errors.Is(err, want) {
		r.run.fail(Violation{Oracle: "configuration", Kind: what, Node: int(r.id), Message: fmt.Sprintf("%s: %v, want %v", what, err, want)})
	}
}
