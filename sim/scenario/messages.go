package scenario

import (
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/sim"
)

// kindName is what traces call a kind of message, "" if there is none such.
func kindName(k sim.MsgKind) string {
	switch wire.MessageKind(k) {
	case wire.MsgRequest:
		return "request"
	case wire.MsgResponse:
		return "response"
	case wire.MsgGossip:
		return "gossip"
	case wire.MsgSnapshot:
		return "snapshot"
	case wire.MsgSubscribe:
		return "subscribe"
	case wire.MsgUpdate:
		return "update"
	case wire.MsgMultiGet:
		return "multi-get"
	case wire.MsgMultiAnswer:
		return "multi-answer"
	case wire.MsgMultiPut:
		return "multi-put"
	case wire.MsgMembers:
		return "members"
	case wire.MsgFloors:
		return "floors"
	}
	return ""
}

// messageKinds are the kinds of messages that a filter can single out.
func messageKinds() []sim.MsgKind {
	return []sim.MsgKind{sim.MsgKind(wire.MsgRequest), sim.MsgKind(wire.MsgResponse), sim.MsgKind(wire.MsgGossip), sim.MsgKind(wire.MsgSnapshot)}
}
