package wire_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

func sampleUpdate() *wire.Update {
	return &wire.Update{Origin: 33, Version: 7, Since: 5, Sent: 4, Response: *sampleResponse()}
}

func sampleSubscribe() *wire.Subscribe {
	return &wire.Subscribe{
		Client: 3, Number: 2, Sent: 9, Level: session.Causal, Key: "k", Kind: "set", Clock: 1 << 40, Lease: 50, Origin: 33, Seen: 7,
		Deps: session.Matrix{{Partition: 1, Origin: 4, Seq: 4}}, Proof: session.Proof{1, 2, 15: 16},
	}
}

// read reads a message as a replica does.
func read(msg []byte) (*wire.Subscribe, error) {
	_, body, err := wire.Open(msg)
	if err != nil {
		return nil, err
	}
	return new(wire.DecodeBuffer).Subscribe(body)
}

func TestSubscriptionsRoundTrip(t *testing.T) {
	u := sampleUpdate()
	assert.Equal(t, wire.MsgUpdate, wire.KindOf(u.Encode()))
	got, err := wire.DecodeUpdate(u.Encode())
	require.NoError(t, err)
	assert.Equal(t, u, got)

	s := sampleSubscribe()
	assert.Equal(t, wire.MsgSubscribe, wire.KindOf(s.Encode()))
	back, err := read(s.Encode())
	require.NoError(t, err)
	assert.Equal(t, s, back)
}

// TestSubscriptionsAmiss: what contradicts itself is refused by its checksum or by what it says.
func TestSubscriptionsAmiss(t *testing.T) {
	for name, change := range map[string]func(s *wire.Subscribe){
		"no number":           func(s *wire.Subscribe) { s.Number = 0 },
		"a number too large":  func(s *wire.Subscribe) { s.Number = 1 << 63 },
		"no message's number": func(s *wire.Subscribe) { s.Sent = 0 },
		"too many messages":   func(s *wire.Subscribe) { s.Sent = 1 << 63 },
		"an update of nobody": func(s *wire.Subscribe) { s.Origin = 0 },
	} {
		s := sampleSubscribe()
		change(s)
		_, err := read(s.Encode())
		assert.ErrorIs(t, err, wire.ErrMessage, name)
	}
	for name, change := range map[string]func(u *wire.Update){
		"no version":             func(u *wire.Update) { u.Version = 0 },
		"no beginning before it": func(u *wire.Update) { u.Since = u.Version },
		"upon no message":        func(u *wire.Update) { u.Sent = 0 },
		"a refusal with version": func(u *wire.Update) { u.Status, u.Since, u.Sent = wire.StatusBusy, 0, 0 },
		"a refusal since":        func(u *wire.Update) { u.Status, u.Version, u.Sent = wire.StatusBusy, 0, 0 },
		"a refusal upon":         func(u *wire.Update) { u.Status, u.Version, u.Since = wire.StatusBusy, 0, 0 },
	} {
		u := sampleUpdate()
		change(u)
		_, err := wire.DecodeUpdate(u.Encode())
		assert.ErrorIs(t, err, wire.ErrMessage, name)
	}
	_, err := wire.DecodeUpdate(sampleResponse().Encode())
	assert.ErrorIs(t, err, wire.ErrMessage)
	for i := range sampleUpdate().Encode() {
		_, err := wire.DecodeUpdate(sampleUpdate().Encode()[:i])
		assert.ErrorIs(t, err, wire.ErrMessage)
		s := sampleSubscribe().Encode()
		_, err = read(s[:min(i, len(s)-1)])
		assert.ErrorIs(t, err, wire.ErrMessage)
	}
}

func FuzzDecodeUpdate(f *testing.F) {
	f.Add(sampleUpdate().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := wire.DecodeUpdate(b)
		if err != nil {
			assert.ErrorIs(t, err, wire.ErrMessage)
			return
		}
		assert.Equal(t, b, u.Encode(), "an update has one encoding")
	})
}

func FuzzSubscribe(f *testing.F) {
	f.Add(sampleSubscribe().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := read(b)
		if err != nil {
			assert.ErrorIs(t, err, wire.ErrMessage)
			return
		}
		assert.Equal(t, b, s.Encode(), "a subscription has one encoding")
	})
}
