package kvs

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// ErrConfig is wrapped when [New] refuses a configuration.
var ErrConfig = errors.New("kvs: invalid configuration")

// Config configures a replica. The zero value of an optional field takes its
// default.
type Config struct {
	Self   ring.NodeID
	Origin uint64 // this incarnation, below 1 << 63; differs from all others, and is greater than all earlier ones of the node
	First  bool   // the node has never run before, so it has nothing to ask its peers for
	// Unreadable is how many records the disk could not read and has cut out. What they
	// held is asked of the peers, whatever First says.
	Unreadable int
	Ring       *ring.Ring // which all nodes are given alike, and which stays what it was when the first ones started
	// Members is what an operator says of nodes that have come or gone since, be it all or some:
	// what the replica has on its disk or hears is joined to it. A node that is not on the ring is
	// told at least that it joins. Life is which life of its id the node is in; default 1.
	Members member.Set
	Life    uint32
	Kinds   *kind.Kinds
	Secret  []byte // which all replicas share and no client knows; vouches for the pasts of sessions, see [session.Proof]

	// Speaks are the versions of what replicas say to each other that this one may use; see
	// [Versions]. The default is the newest alone.
	Speaks Versions

	TickMS       uint64 // gossip interval; default 20
	ForwardTicks uint64 // age at which deltas of other origins are offered too; default 4
	BatchBytes   int    // deltas that a peer is offered at a time, and about what a message has; default 256 KiB
	MaxWaiting   int    // threshold reads that may wait at once; default 1024
	MaxEach      int    // of these, reads of one session; default 16
	MaxWaitTicks uint64 // that a threshold read may ask to wait; default 4096
	// MaxSessions is how many sessions are remembered, those that wrote last, and
	// MaxIdleMS for how long one is that does not write, by the host's clock; default
	// 1 << 18, and 3,600,000. Of each the last 4 requests are, and up to 1,024 that some
	// owner may not have heard of; of all of them at most 8 × MaxSessions. A repeat of a
	// write that may have been forgotten is refused by [wire.StatusForgotten], and so is
	// one that is not remembered and whose stamp is older than half of MaxIdleMS, since
	// others may have forgotten it by when they hear of the repeat. Writes of which two
	// copies meet later than that may count twice; see kvs/session.
	MaxSessions int
	MaxIdleMS   uint64

	// MaxValueBytes is how many bytes a value may have, encoded, with what a write adds to
	// it; default a quarter of [wire.MaxMessage], which is 2 MiB, and at most half of it. A
	// write that would pass it is refused by [wire.StatusTooLarge]. It holds for what this
	// replica holds: owners that did not know of each other's writes may come to hold that
	// many each, joined, and one that does not own the partition knows only what waits to be
	// handed over. What has become larger so is kept, and travels, and a write that adds
	// nothing to it is served; one whose answer is above [wire.MaxMessage] cannot be read.
	MaxValueBytes int

	// CheckpointBytes is how many bytes of records are persisted before the next
	// checkpoint, which is written where the last one was smaller than that, and as many
	// as the last one had where it was larger; default 4 MiB. Less than 0 is never.
	CheckpointBytes int
	// Values keeps values outside of memory; nil keeps them all in it. With Values there
	// must be checkpoints, since these put values there.
	Values Values
	// CacheBytes is how many bytes of values, encoded, are in memory beside Values;
	// default 64 MiB. It is passed by what is written while a checkpoint lasts, which is
	// begun when half of them are not kept yet.
	CacheBytes int
	// MaxPast is how many marks the past of a session may have before this replica makes
	// a cut, which then stands for those that it can; default half the partitions, and at
	// least 32.
	MaxPast int

	// MaxKnown is up to how many spans of dots a replica tells all that it holds of a
	// partition with each message; default 8. Beyond that it tells what the receiver has
	// not confirmed; see [gossip.Digest].
	MaxKnown int

	// MaxSubscriptions is how many subscriptions this replica keeps; default 1024. A lease is
	// of at most MaxWaitTicks. Where there is no room for one more, an asker that has two
	// fewer than another gets the place of that one's newest, which is told that the replica
	// is busy: so whoever invents sessions by the thousand leaves each of n askers an nth of
	// them. Askers are told apart by [Event].Asker; all for which the host does not say that
	// are one.
	MaxSubscriptions int

	// MaxLog and MaxLogBytes are how many deltas a replica keeps of a partition for
	// owners that have not acknowledged them, and of how many bytes; default 65,536 and
	// 64 MiB. Beyond that it forgets those that the owners furthest behind lack, which
	// then are brought up by snapshots. One that does not own the partition has nothing
	// to make a snapshot of: it refuses writes when MaxHandOver of them, default 65,536,
	// or MaxLogBytes wait to be handed over, durable or not yet.
	MaxLog, MaxHandOver, MaxLogBytes int

	// MaxPersistBytes is how many bytes of writes may be on their way to the disk, of all
	// partitions; default 64 MiB. Beyond that, by one write or one message of a peer, writes
	// are refused by [wire.StatusBusy] and deltas of peers put off.
	MaxPersistBytes int

	// SnapshotPieces and SnapshotBytes are how many pieces of snapshots, each of about
	// BatchBytes, are on their way from one replica to another at a time, and of how many
	// bytes, unless one value alone has more, which travels in parts; default 16, and 1 MiB.
	// Of such parts up to 16, or SnapshotPieces, of [wire.MaxMessage] bytes together wait at
	// the receiver for one that comes late. The lesser of the
	// sender's and the receiver's count. A piece is on its way until it is durable at the
	// receiver, or that asks once more.
	SnapshotPieces, SnapshotBytes int
	// SnapshotValues is how many values a step looks at to answer an ask for pieces, and to
	// look through a snapshot that has come whole; a quarter of it, and BatchBytes,
	// is how many of one that has become visible a step folds in. Default 1024.
	SnapshotValues int

	// LateMS is for how long, by the clocks of all hosts, what is left of something deleted
	// stays at least, where it can be forgotten at all; default 600,000, at least 1. A write
	// that is as late, to a register, may be refused by [wire.StatusForgotten]: a request
	// whose stamp is no later than that of a delete which has been forgotten since.
	LateMS uint64

	// MaxAheadMS is how far ahead of this host's physical clock a hybrid time of a
	// peer may be, in milliseconds; default 120,000. That of a client may be half as
	// far, so that no client can push this replica to where peers whose clocks are
	// right, or wrong by less than the other half, do not follow.
	MaxAheadMS uint64
}

// check refuses what makes no sense.
func (c *Config) check() error {
	switch {
	case c.Ring == nil || c.Kinds == nil:
		return fmt.Errorf("%w: no ring, or no kinds", ErrConfig)
	case c.Ring.Varied():
		return fmt.Errorf("%w: a ring of which some partitions have more than %d replicas; that is for decisions to say", ErrConfig, c.Ring.Replicas())
	case len(c.Secret) < minSecret:
		return fmt.Errorf("%w: a secret of %d bytes, want at least %d", ErrConfig, len(c.Secret), minSecret)
	case c.Origin == 0 || c.Origin >= 1<<63:
		return fmt.Errorf("%w: origin %d", ErrConfig, c.Origin)
	case !slices.Contains(c.Ring.Nodes(), c.Self) && c.Members.At(c.Self) == 0:
		return fmt.Errorf("%w: node %d is neither on the ring nor among the members", ErrConfig, c.Self)
	case c.Life > 1 && c.Members.At(c.Self).Life() < c.Life:
		return fmt.Errorf("%w: node %d is in life %d, and %v as its members have it", ErrConfig, c.Self, c.Life, c.Members.At(c.Self))
	case c.BatchBytes < 0 || c.BatchBytes > wire.MaxMessage/2:
		return fmt.Errorf("%w: batch of %d bytes, want at most %d", ErrConfig, c.BatchBytes, wire.MaxMessage/2)
	case c.MaxValueBytes < 0 || c.MaxValueBytes > wire.MaxMessage/2:
		return fmt.Errorf("%w: values of %d bytes, want at most %d", ErrConfig, c.MaxValueBytes, wire.MaxMessage/2)
	case c.LateMS > maxPhysicalMS:
		return fmt.Errorf("%w: tombstones that stay for %d ms, want at most %d", ErrConfig, c.LateMS, uint64(maxPhysicalMS))
	case c.MaxAheadMS > maxPhysicalMS:
		return fmt.Errorf("%w: clocks %d ms ahead, want at most %d", ErrConfig, c.MaxAheadMS, uint64(maxPhysicalMS))
	case c.SnapshotPieces < 0 || c.SnapshotPieces > wire.MaxPieces:
		return fmt.Errorf("%w: %d pieces on their way, want at most %d", ErrConfig, c.SnapshotPieces, wire.MaxPieces)
	case c.Unreadable < 0:
		return fmt.Errorf("%w: %d unreadable records", ErrConfig, c.Unreadable)
	case c.Values != nil && c.CheckpointBytes < 0:
		return fmt.Errorf("%w: values are kept by checkpoints, and there are none", ErrConfig)
	case c.Values != nil && c.Values.ID() == 0:
		return fmt.Errorf("%w: values kept by number 0, which stands for nothing", ErrConfig)
	case c.MaxIdleMS > maxPhysicalMS || c.MaxWaitTicks > maxTicks || c.ForwardTicks > maxTicks:
		return fmt.Errorf("%w: sessions idle for %d ms, waits of %d ticks, writes held back for %d: want at most %d, %d and %d",
			ErrConfig, c.MaxIdleMS, c.MaxWaitTicks, c.ForwardTicks, uint64(maxPhysicalMS), uint64(maxTicks), uint64(maxTicks))
	case c.CacheBytes < 0 || c.MaxWaiting < 0 || c.MaxEach < 0 || c.MaxSessions < 0 || c.MaxSubscriptions < 0 || c.MaxKnown < 0 || c.MaxPast < 0 || c.MaxLog < 0 || c.MaxHandOver < 0 || c.MaxLogBytes < 0 || c.MaxPersistBytes < 0 || c.SnapshotBytes < 0 || c.SnapshotValues < 0:
		return fmt.Errorf("%w: a negative bound", ErrConfig)
	}
	return nil
}

const (
	minSecret = 16      // bytes
	maxTicks  = 1 << 48 // to which ticks can be added
)

// setDefaults fills in what is not said, of a configuration that makes sense.
func (c *Config) setDefaults() error {
	if err := c.check(); err != nil {
		return err
	}
	if err := c.Speaks.settle(); err != nil {
		return err
	}
	if err := c.tiersKnown(); err != nil {
		return err
	}
	otherwise(&c.Life, 1)
	otherwise(&c.TickMS, 20)
	otherwise(&c.ForwardTicks, 4)
	otherwise(&c.BatchBytes, 256<<10)
	otherwise(&c.MaxValueBytes, wire.MaxMessage/4)
	otherwise(&c.CheckpointBytes, 4<<20)
	otherwise(&c.CacheBytes, 64<<20)
	otherwise(&c.MaxWaiting, 1024)
	otherwise(&c.MaxSubscriptions, 1024)
	otherwise(&c.MaxKnown, 8)
	otherwise(&c.MaxPast, max(32, c.Ring.Partitions()/2))
	otherwise(&c.MaxLog, 1<<16)
	otherwise(&c.MaxHandOver, 1<<16)
	otherwise(&c.MaxLogBytes, 64<<20)
	otherwise(&c.MaxPersistBytes, 64<<20)
	otherwise(&c.SnapshotPieces, 16)
	otherwise(&c.SnapshotBytes, 1<<20)
	otherwise(&c.SnapshotValues, 1024)
	otherwise(&c.LateMS, 600_000)
	otherwise(&c.MaxAheadMS, 120_000)
	otherwise(&c.MaxEach, 16)
	otherwise(&c.MaxWaitTicks, 4096)
	otherwise(&c.MaxSessions, 1<<18)
	otherwise(&c.MaxIdleMS, 3_600_000)
	return nil
}

// otherwise has a field be what is usual, if it says nothing.
func otherwise[T comparable](field *T, usual T) {
	var none T
	if *field == none {
		*field = usual
	}
}
