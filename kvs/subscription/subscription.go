// Package subscription is the client's side of a subscription to a key of the store: first
// the value that the key has, and then every growth of it.
//
// A subscriber joins what it is told, so that what it shows only rises: updates may come
// late, twice, or not at all with a later one in their place, and from one replica after
// another. What is shown is at any time a state that contains all that was shown before; it
// need not be each state that the key has gone through, since what grows while an update is
// on its way comes with the next one.
//
// A subscription is a session of its own, which only reads. At a level whose reads wait, an
// update waits in the same way, so that after a change of replicas, too, it contains what
// the subscriber has been told.
//
// For that an update must be made upon all that the session has seen. Its past does not say
// so where marks of cuts stand for most of it, so the subscriber numbers its messages, and
// counts on two things that an update tells: the greatest number of a message which the
// replica had when it made it, and since when it has the subscription. A replica forgets a
// subscription when it starts again or the lease is over, and begins it once more upon any
// message of it, be that a duplicate of long ago: that is another life of the subscription.
// An update is taken if
//
//   - it is of the life that the last one taken was of, and later: a life has in its past
//     what it told itself; or
//   - that life has had a message sent after the last one was taken, whose past is the one
//     which the session still has.
//
// Any other may be made without what the session has seen, and is left, without being
// acknowledged, so that the replica makes it again upon the next message. The numbers go on
// under [Subscription.Follow]; no message from before it is of the new number of the
// subscription, so that the first update of another replica is made upon all that was seen.
// Late messages, duplicates, other orders, and replicas that start again with less than they
// had come down to these two cases: a message only adds to the past of the life that it
// reaches, an incarnation is never used again, and a session has one life at a time there.
//
// The package is pure data: it sends nothing, keeps no clock,
// and refuses to decide when a replica counts as silent; whoever has it sends what
// [Subscription.Message] gives, again and again within the lease, and [Subscription.Follow]s
// another owner of the key's partition when nothing comes. (Conway et al., "Anna 2:
// Monotonic Boogaloo", on reads as subscriptions; Wu et al., "Anna", ICDE'18.)
package subscription

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// Errors of a subscription.
var (
	// ErrConfig is wrapped by [New].
	ErrConfig = errors.New("subscription: invalid configuration")
	// ErrRefused is wrapped where the replica tells why it sends no updates; see [Refusal].
	ErrRefused = errors.New("subscription: refused")
	// ErrUpdate is wrapped where an update is no value of its kind: the replica is faulty, or
	// has other kinds.
	ErrUpdate = errors.New("subscription: faulty update")
)

// Refusal is why a replica sends no updates, or, where the status is StatusUnavailable, none
// yet. It wraps [ErrRefused].
type Refusal struct {
	Node   ring.NodeID
	Key    string
	Status wire.Status
	Detail string
}

// Error names the key, the replica and the reason.
func (r *Refusal) Error() string {
	return fmt.Sprintf("subscription: key %q: node %d: %s: %s", r.Key, r.Node, r.Status, r.Detail)
}

// Unwrap is ErrRefused.
func (r *Refusal) Unwrap() error { return ErrRefused }

// Subscription is one subscriber. It is not safe for concurrent use.
type Subscription struct {
	client, number uint64
	key            string
	kind           kind.Kind
	session        session.Session
	sent           uint64 // messages made so far
	before         uint64 // of which so many before the last update was taken
	node           ring.NodeID
	origin, seen   uint64 // the incarnation there whose update came last, and its number
	value          kind.Value
	found, told    bool
}

// New returns a subscription to what is held of a kind under a key. Client is the number of a
// session that nobody else has, which should be drawn at random; number tells it from earlier
// ones of that session, and must be greater. At first it follows node, which should be an
// owner of the key's partition.
func New(client, number uint64, key string, k kind.Kind, level session.Level, node ring.NodeID) (*Subscription, error) {
	switch {
	case client == 0 || number == 0 || number > gossip.MaxReq:
		return nil, fmt.Errorf("%w: session %d, number %d: want 1 or more, and a number up to %d", ErrConfig, client, number, uint64(gossip.MaxReq))
	case k == nil:
		return nil, fmt.Errorf("%w: no kind", ErrConfig)
	case len(key) > wire.MaxKey:
		return nil, fmt.Errorf("%w: a key of %d bytes, want at most %d", ErrConfig, len(key), wire.MaxKey)
	case !level.Known():
		return nil, fmt.Errorf("%w: level %v, which replicas do not serve", ErrConfig, level)
	}
	s := &Subscription{client: client, number: number, key: key, kind: k, node: node, value: k.New()}
	s.session.Reset(level)
	return s, nil
}

// Message is what to send to [Subscription.Node]: it begins the subscription there, goes on
// with it for so many ticks of the replica, and acknowledges what has come. Send it when an
// update has come, and at least three times within the lease.
func (s *Subscription) Message(lease uint64) *wire.Subscribe {
	s.sent++
	m := &wire.Subscribe{
		Client: s.client, Number: s.number, Sent: s.sent, Level: s.session.Level, Key: s.key, Kind: s.kind.Name(),
		Clock: s.session.Clock(), Lease: lease, Origin: s.origin, Seen: s.seen,
	}
	m.Deps, m.Proof = s.session.Past()
	m.Own = s.session.Own()
	return m
}

// End is the message that ends the subscription.
func (s *Subscription) End() *wire.Subscribe {
	m := s.Message(0)
	m.End = true
	return m
}

// Node is the replica that is followed.
func (s *Subscription) Node() ring.NodeID { return s.node }

// Follow has another replica followed, or the same one anew; the next message begins the
// subscription there, under the next number. Updates of an earlier number count no more: were
// they taken for those of a later one, these would look late.
func (s *Subscription) Follow(node ring.NodeID) {
	s.node, s.origin, s.seen = node, 0, 0
	s.number++
}

// Take takes an update that came from a replica, and reports whether the value rose, or was
// told for the first time. One that is late, a duplicate, from elsewhere, or maybe made without
// what the session has seen, is left; it is no error. Errors wrap [ErrRefused] or [ErrUpdate] and
// leave the value as it was.
func (s *Subscription) Take(from ring.NodeID, u *wire.Update) (grew bool, err error) {
	switch {
	case u.Client != s.client || u.Req != s.number || from != s.node:
		return false, nil
	case u.Status != wire.StatusOK:
		return false, &Refusal{Node: from, Key: s.key, Status: u.Status, Detail: u.Detail}
	case u.Origin < s.origin || u.Origin == s.origin && u.Version <= s.seen:
		return false, nil // of an earlier incarnation, or an earlier one
	case !s.madeUpon(u):
		return false, nil // made upon a message from before what was told since; it is made again
	}
	v := s.kind.New()
	if u.Held() {
		if v, err = s.kind.Decode(u.Value); err != nil {
			return false, fmt.Errorf("%w: key %q, node %d: %w", ErrUpdate, s.key, from, err)
		}
	}
	if !s.session.ObserveBoth(u.Deps, u.Own, u.Proof, u.Clock) {
		return false, nil // the replica is faulty: it leaves out what it was shown
	}
	first := !s.told
	s.origin, s.seen, s.before, s.told = u.Origin, u.Version, s.sent, true
	appeared := u.Held() && !s.found
	s.found = s.found || u.Held()
	return s.value.MergeIn(v) || first || appeared, nil
}

// madeUpon reports whether an update is made upon all that the session has seen: it is of the
// life of the subscription that told the last one, which was there already, or that life has
// had a message from after it.
func (s *Subscription) madeUpon(u *wire.Update) bool {
	return u.Origin == s.origin && u.Since < s.seen || u.Sent > s.before
}

// Heard is the incarnation whose update came last, and the number of that; 0 if none has
// since another replica is followed.
func (s *Subscription) Heard() (origin, version uint64) { return s.origin, s.seen }

// Value is what the subscriber has been told, joined: a copy. found says that the key holds
// something, which after a delete may be what [kind.Kind.Absent] says reads as if there were
// nothing; told says that anything has been told yet.
func (s *Subscription) Value() (v kind.Value, found, told bool) {
	return s.value.Clone(), s.found, s.told
}
