package kvs

import (
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// EventKind tells events apart.
type EventKind uint8

// The kinds of events.
const (
	EventMessage   EventKind = 1 + iota // Msg arrived from the peer From
	EventTick                           // the tick timer fired
	EventPersisted                      // the record of Token is durable, and all given before it
	EventRequest                        // Msg arrived from a client
	EventHardened                       // what was kept before the EffectHarden of Token is durable
	EventMember                         // an operator asks for Change
	EventFactor                         // an operator, or a policy, asks for Factor
)

// Event is one input of the state machine.
type Event struct {
	Kind  EventKind
	NowMS uint64      // the host's physical clock, in milliseconds
	Msg   []byte      // valid during the call only
	From  ring.NodeID // of EventMessage: who sent it, as the host knows and not as Msg says
	Asker uint64      // of EventRequest: the machine that it came from, as the host knows; 0 if it does not. See [Config.MaxSubscriptions]
	Token uint64

	Change member.Change   // of EventMember; one that is refused is counted among [Stats].Rejected, see [member.Set.With]
	Factor member.Decision // of EventFactor; one that is refused, or known already, is counted likewise, see [member.Factors.With] and [member.Factors.Lawful]
}

// EffectKind tells effects apart.
type EffectKind uint8

// The kinds of effects.
const (
	EffectSend     EffectKind = 1 + iota // send Msg to the peer To
	EffectRespond                        // send Msg to the session Client
	EffectPersist                        // make Msg durable, then report EventPersisted with Token
	EffectTimer                          // report EventTick once, AfterMS from now
	EffectAccept                         // for observers: Entry was accepted and will be persisted
	EffectTruncate                       // records given before the one of Token are needed no more
	EffectRestart                        // start the replica again from its disk, which has what every owner has lost; or to own again what it has let go of; or see [Replica.Failed]
	EffectKeep                           // have [Config.Values] keep Msg in the slot Token, in place of what is there; nothing empties it
	EffectForget                         // for observers: Entry has the key, the kind and the value of a tombstone that was forgotten
	EffectHarden                         // make all that is kept so durable, then report EventHardened with Token
)

// Effect is one output of the state machine. Effects are to be carried out in
// order; records must become durable in the order in which they were given.
type Effect struct {
	Kind    EffectKind
	To      ring.NodeID
	Sends   wire.MessageKind // of EffectSend: what Msg is
	Client  uint64
	Token   uint64
	AfterMS uint64        // of a timer, in milliseconds
	Msg     []byte        // valid, like the effects themselves, until the next call
	Entry   *gossip.Entry // of EffectAccept; not to be changed, and valid as long
}
