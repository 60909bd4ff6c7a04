// Package host is the one loop that runs a replica of the store: it hands events to
// the core, which decides, and has an [Env] carry out what the core decided. A
// simulator, an explorer, a test and a server differ in their Env, and in nothing
// else. The package has no socket, clock, goroutine or file of its own.
//
// What [Host] sees to:
//
//   - Order. Effects are carried out in the order in which the core gave them, all of
//     one event before those of the next. No two calls of an Env overlap, and none
//     comes while the core runs.
//   - Failure of a write. When Persist fails, the replica has stopped: nothing that
//     follows the record is carried out, and every later call gives [ErrStopped]. What
//     the disk holds can only be known by reading it, so the node has to start again,
//     as a new incarnation, on what it reads.
//   - Checkpoints. The core writes its state among the other records, from time to time,
//     and says then which of them it needs no more. An Env sees no difference between
//     the records of a checkpoint and others.
//   - Restart. The core may ask to be started again from its disk ([ErrRestart]): it
//     is no owner of a partition, every owner has lost a write that it handed over
//     long ago, and that is still on its disk; or it has come to own a partition again of
//     which it has let go; or a value that is kept outside of memory cannot be read, which
//     the error then says.
//
// What whoever provides the Env sees to:
//
//   - Durability. Records become durable in the order of Persist. EventPersisted with
//     a token says that its record and all before it are durable; it may stand for
//     several. It must not be said before that is so: the replica acknowledges on the
//     strength of it. A record that Persist took and that is never reported is as good
//     as one under way; if it turns out lost, the node has to stop as above.
//
//   - Truncation. What Truncate names may be dropped, and the time of a start is bounded
//     by what is not. That may be done at any time after, in part, or not at all; what
//     is dropped must be the oldest, and a crash in between may bring some of it back, if
//     that is the newest of it. Truncate comes when all that stands in for what it names
//     is durable, and a record is never needed again once it has been named.
//
//   - Recovery. An incarnation starts ([kvs.New]) on all records that the disk still
//     holds, oldest first, and never in the middle of the life of another one of its
//     node: no event of an earlier incarnation, be it a timer or a report of the disk,
//     reaches a later one.
//
//   - Damage. Each record has a checksum, which the host sees to. What is torn at the end
//     has never been reported durable, and is cut off. A record before the end that cannot
//     be read is left out, and so are those of a file or a page that cannot; how many is
//     told in [kvs.Config].Unreadable, or at least one where that cannot be told. The
//     node starts on the rest, under a new number, and its peers bring up what was cut
//     out as they do after a lost disk. A record that is whole and that the core does not
//     know is no damage but one of another version: then [kvs.New] fails.
//
//   - Incarnations. The host numbers them ([kvs.Config].Origin): unlike that of any
//     other node, and greater than all earlier ones of its own. The number must outlive
//     the disk, so it cannot be counted there: a node that comes back without its disk,
//     or on an old copy, and under a number used before, would give out the dots of
//     writes that it has forgotten a second time. A service that counts, or the time of
//     the start above a number of the node, will do. A number that the records show to be
//     in use is refused ([kvs.ErrOriginUsed]): take a later one.
//
//   - Members. All nodes are given the ring with which the store began, for as long as it
//     lasts. One that is not on it is given what an operator has said of members
//     ([kvs.Config].Members), in which it joins, at each start. What an operator asks for
//     later is an EventMember, at any replica that runs; what is asked of one that stops
//     before the record of it is durable is lost, and asked again. So is an EventFactor, which
//     gives a partition more replicas or fewer: who decides numbers decisions about a partition
//     ascending, and may ask for one again, at any replicas. A node whose view has it
//     gone, and that is quiet, may be stopped. Its id is used again in a later life
//     ([kvs.Config].Life), which the operator begins, and on an empty disk.
//
//   - A lost disk. It means no more than a new number and fewer records. The core asks
//     its peers, and is brought up by them. First may be said of a node only if it has
//     never run; said of one that lost its disk, nobody is asked, and it serves less
//     than it acknowledged.
//
//   - Timers. After a call of After, one EventTick in that many milliseconds or a little
//     later; there is at most one timer at a time. A tick that is never delivered stops
//     gossip and the deadlines of reads.
//
//   - Time. Event.NowMS is the physical clock. It may stand still or go back. If it runs
//     ahead of others by more than [kvs.Config].MaxAheadMS, these put off what the
//     replica writes until theirs have come near.
//
//   - Identity. A message of a peer is EventMessage with the sender that the connection
//     was proved to be of, not the one that it claims; what comes from anywhere else is
//     EventRequest. Whoever knows the number of a session can write in its name, so that
//     numbers are drawn at random where clients are not trusted.
//
//   - Sending. Messages may be lost, repeated, delayed and reordered. To a client that
//     is gone they may be dropped.
//
//   - Memory. What an Env is given is valid during the call only.
//
//   - Values. Where [kvs.Config].Values is set, values that are not in use leave the
//     memory, and a checkpoint says where they are instead of what they are. The core reads
//     them when it needs them, in the middle of an event. The Env is a [Keeper] then: it
//     puts values where the core says, in the order in which they come and before the event
//     is over, and makes them durable when asked to. In which order and how much of what
//     was put there since then survives a crash is all one; so is what is put there twice.
//     [Slots] does it with a storage engine. What of them is lost, in part or as a whole, is
//     no reason not to start: the core sees it and has its peers bring up what was there.
//
// A start reads the records that the disk still holds, and no value: its cost is that of the
// last checkpoint, which without Values is all of the state and with them the names of keys
// with the dots of their values, and of what came behind it.
package host

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

var (
	// ErrPersist is wrapped when a record could not be written. The replica has
	// stopped; start the node again on what its disk holds.
	ErrPersist = errors.New("host: cannot persist")
	// ErrRestart is returned when the core asks to be started again from its disk.
	// The replica has stopped.
	ErrRestart  = errors.New("host: the replica asks to be started again from its disk")
	errNoKeeper = errors.New("the Env is no Keeper, which the configuration of the replica calls for")
	// ErrStopped is wrapped, with the cause, by every call after either.
	ErrStopped = errors.New("host: the replica has stopped")
)

// Env carries effects out. Its methods must not call the host, and must copy what they
// keep: slices and entries are valid during the call only.
type Env interface {
	// Send sends a message of a kind to a peer.
	Send(to ring.NodeID, kind wire.MessageKind, msg []byte)
	// Respond sends an answer to the client of a session.
	Respond(session uint64, msg []byte)
	// Persist begins to make a record durable, after all earlier ones. Once it is,
	// EventPersisted says so by its token.
	Persist(token uint64, record []byte) error
	// Truncate tells that the records before the one of this token, which Persist was
	// given, are needed no more.
	Truncate(token uint64)
	// After asks for one EventTick in so many milliseconds.
	After(ms uint64)
	// Accepted tells that a write was accepted, before its record is persisted. It is
	// for observers: a server does nothing here.
	Accepted(e *gossip.Entry)
}

// Keeper is an Env whose replica keeps values outside of memory.
type Keeper interface {
	// Keep puts a value in a slot, in place of what is there. One of no bytes empties it.
	// An error stops the replica, as one of Persist does.
	Keep(slot uint64, value []byte) error
	// Harden begins to make all durable that Keep was given so far. Once it is,
	// EventHardened says so by this token. An error stops the replica, now or then.
	Harden(token uint64) error
}

// Observer is an Env that is told which tombstones are forgotten.
type Observer interface {
	// Forgot tells the key, kind and value of one. The entry is valid during the call.
	Forgot(e *gossip.Entry)
}

// Host runs one incarnation of a replica. It is not safe for concurrent use.
type Host struct {
	core    *kvs.Replica
	env     Env
	stopped error // why; nil while it runs
}

// New returns the host of a replica that [kvs.New] or Reset has just made.
func New(core *kvs.Replica, env Env) Host { return Host{core: core, env: env} }

// Core is the replica; nil for the zero Host.
func (h *Host) Core() *kvs.Replica { return h.core }

// Start begins the incarnation. It is called once, before any event.
func (h *Host) Start() error {
	if h.stopped != nil {
		return h.hasStopped(h.stopped)
	}
	return h.carryOut(h.core.Start())
}

// Do gives the replica an event and carries out what comes of it.
func (h *Host) Do(ev kvs.Event) error {
	if h.stopped != nil {
		return h.hasStopped(h.stopped)
	}
	return h.carryOut(h.core.Step(ev))
}

// hasStopped is the error of a call to a host that has stopped for a cause.
func (h *Host) hasStopped(cause error) error { return fmt.Errorf("%w: %w", ErrStopped, cause) }

func (h *Host) carryOut(effects []kvs.Effect) error {
	for i := range effects {
		e := &effects[i]
		switch e.Kind {
		case kvs.EffectSend:
			h.env.Send(e.To, e.Sends, e.Msg)
		case kvs.EffectRespond:
			h.env.Respond(e.Client, e.Msg)
		case kvs.EffectPersist:
			if err := h.env.Persist(e.Token, e.Msg); err != nil {
				h.stopped = fmt.Errorf("%w record %d: %w", ErrPersist, e.Token, err)
				return h.stopped
			}
		case kvs.EffectKeep, kvs.EffectHarden:
			if err := h.keep(e); err != nil {
				h.stopped = fmt.Errorf("%w values: %w", ErrPersist, err)
				return h.stopped
			}
		case kvs.EffectTruncate:
			h.env.Truncate(e.Token)
		case kvs.EffectTimer:
			h.env.After(e.AfterMS)
		case kvs.EffectAccept:
			h.env.Accepted(e.Entry)
		case kvs.EffectForget:
			if o, ok := h.env.(Observer); ok {
				o.Forgot(e.Entry)
			}
		case kvs.EffectRestart:
			h.stopped = ErrRestart
			if err := h.core.Failed(); err != nil {
				h.stopped = fmt.Errorf("%w: %w", ErrRestart, err)
			}
			return h.stopped
		}
	}
	return nil
}

func (h *Host) keep(e *kvs.Effect) error {
	k, ok := h.env.(Keeper)
	switch {
	case !ok:
		return errNoKeeper
	case e.Kind == kvs.EffectKeep:
		return k.Keep(e.Token, e.Msg)
	default:
		return k.Harden(e.Token)
	}
}
