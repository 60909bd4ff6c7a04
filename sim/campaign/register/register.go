// Package register has what campaigns of protocols that keep one register share: which
// operations there are, the client, the messages between client and server, and the
// judgement, which is linearizability. Package campaign/examples shows it in use.
//
// A register holds a text. "" stands for nothing written yet, and nobody writes it. The
// package decides nothing about how servers find the answer, and knows nothing of keys:
// what has several registers, or other objects, is built on [campaign.Client] itself.
package register

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/consistency"
)

// ErrMessage is wrapped by errors about a message that is no request or answer.
var ErrMessage = errors.New("register: bad message")

// Request is what a client asks of a server: to read, or to write a value. A client that
// asks again asks with the same ID, and a write must be executed once.
type Request struct {
	ID    uint64 // of the operation, from 1
	Read  bool
	Value string // to be written
}

// Append writes the request behind b: its ID in 8 bytes, 1 for a read or 0, the value.
func (q Request) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, q.ID)
	if q.Read {
		return append(b, 1)
	}
	return append(append(b, 0), q.Value...)
}

// Parse is the inverse of [Request.Append]. What it refuses wraps [ErrMessage].
func Parse(msg []byte) (Request, error) {
	if len(msg) < 9 || msg[8] > 1 || msg[8] == 1 && len(msg) > 9 {
		return Request{}, fmt.Errorf("%w: a request of %d bytes, want an ID of 8, 1 for a read or 0, and the value of a write", ErrMessage, len(msg))
	}
	return Request{ID: binary.LittleEndian.Uint64(msg), Read: msg[8] == 1, Value: string(msg[9:])}, nil
}

// Answer is the message that answers a request: what the register holds, which counts if
// the request was to read.
func Answer(id uint64, value string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, id), value...)
}

// Plan adds least to most operations while faults last, half of them reads, each write
// of a value of its own, and a read by each client one second after the faults.
func Plan(least, most int) func(*campaign.Plan) {
	return func(p *campaign.Plan) {
		p.Spread(least, most, func(n int, o *campaign.Op) {
			if o.Func = p.Pick("func", string(history.Write), string(history.Read)); o.Func == string(history.Write) {
				o.Arg = fmt.Sprint("v", n)
			}
		})
		p.EachClient(p.Setup.Horizon+sim.Second, func(o *campaign.Op) { o.Func = string(history.Read) })
	}
}

// Clients says how clients reach the servers.
type Clients struct {
	Kind     sim.MsgKind                             // of requests
	To       func(q Request, attempt int) sim.NodeID // who is asked; attempts count from 0
	Attempts int                                     // how often, once by default
	Timeout  sim.Time                                // how long an answer is waited for, 50 ms by default
}

// InTurn is a [Clients.To] that asks one of so many servers after the other, each
// operation beginning at another.
func InTurn(servers int) func(Request, int) sim.NodeID {
	return func(q Request, attempt int) sim.NodeID {
		return sim.NodeID((q.ID + uint64(attempt)) % uint64(servers))
	}
}

// Client is the actor of a client. It takes messages made by [Answer], and no notice of
// others, as where messages are damaged on their way.
func (s Clients) Client(r *campaign.Run) *campaign.Client {
	return &campaign.Client{
		Run: r, Attempts: s.Attempts, Timeout: s.Timeout,
		Send: func(c *sim.Context, o campaign.Op, attempt int) {
			q := Request{ID: o.ID, Read: o.Func == string(history.Read), Value: o.Arg}
			c.Send(s.To(q, attempt), s.Kind, q.Append(nil))
		},
		Answer: func(_ *sim.Context, _ sim.NodeID, msg []byte) (uint64, history.Value, bool) {
			if len(msg) < 8 {
				return 0, history.Value{}, false
			}
			id, value := binary.LittleEndian.Uint64(msg), history.Value{}
			if len(msg) > 8 {
				value = history.Str(string(msg[8:]))
			}
			return id, value, true
		},
	}
}

// Check is a [campaign.Instance.Check]: what the clients saw must be linearizable.
func Check(r *campaign.Run) error { return consistency.Check(r, "linearizable") }
