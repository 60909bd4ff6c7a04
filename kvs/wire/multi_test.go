package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

func sampleMultiGet() *wire.MultiGet {
	return &wire.MultiGet{
		Client: 3, Req: 2, Level: session.Causal, Clock: 1 << 40, Wait: 50, Keys: []wire.ValueName{{Key: "k", Kind: "set"}, {Key: "", Kind: "counter"}},
		Deps: session.Matrix{{Partition: 1, Origin: 4, Seq: 4}}, Proof: session.Proof{1, 2, 15: 16},
	}
}

func sampleMultiAnswer() *wire.MultiAnswer {
	return &wire.MultiAnswer{
		Client: 3, Req: 2, Clock: 1 << 40, Deps: session.Matrix{{Partition: 1, Origin: 4, Seq: 4}}, Proof: session.Proof{1, 2, 15: 16}, Detail: "d",
		Results: []wire.Result{{Found: true, Partition: 7, Value: []byte("v")}, {Deleted: true, Value: []byte{0}}, {Status: wire.StatusNotOwner, Value: []byte{}, Detail: "elsewhere"}},
	}
}

func readMulti(msg []byte) (*wire.MultiGet, error) {
	k, body, err := wire.Open(msg)
	if err != nil || k != wire.MsgMultiGet {
		return nil, fmt.Errorf("%w: kind %d, %w", wire.ErrMessage, k, err)
	}
	return new(wire.DecodeBuffer).MultiGet(body)
}

func TestMultiRoundTrip(t *testing.T) {
	m := sampleMultiGet()
	got, err := readMulti(m.Encode())
	require.NoError(t, err)
	assert.Equal(t, m, got)
	assert.Equal(t, m, m.Clone())
	a := sampleMultiAnswer()
	back, err := wire.DecodeMultiAnswer(a.Encode())
	require.NoError(t, err)
	assert.Equal(t, a, back)
	refused := &wire.MultiAnswer{Client: 1, Req: 2, Status: wire.StatusBusy, Detail: "d"}
	back, err = wire.DecodeMultiAnswer(refused.Encode())
	require.NoError(t, err)
	assert.Equal(t, refused, back)
	assert.Equal(t, wire.StatusBusy, ptr(back.Response(0)).Status)
}

func ptr[T any](v T) *T { return &v }

// TestMultiAmiss: what is too many, too large, or contradicts itself is refused.
func TestMultiAmiss(t *testing.T) {
	many := make([]wire.ValueName, wire.MaxKeys+1)
	for name, change := range map[string]func(m *wire.MultiGet){
		"no keys":         func(m *wire.MultiGet) { m.Keys = nil },
		"too many keys":   func(m *wire.MultiGet) { m.Keys = many },
		"too large keys":  func(m *wire.MultiGet) { m.Keys = large(5) },
		"a key too large": func(m *wire.MultiGet) { m.Keys[0].Key = strings.Repeat("k", wire.MaxKey+1) },
		"the number":      func(m *wire.MultiGet) { m.Req = 1 << 63 },
	} {
		m := sampleMultiGet()
		change(m)
		_, err := readMulti(m.Encode())
		assert.ErrorIs(t, err, wire.ErrMessage, name)
	}
	m := sampleMultiGet()
	m.Keys = many[:wire.MaxKeys]
	_, err := readMulti(m.Encode())
	assert.NoError(t, err)
	m.Keys = large(4)
	_, err = readMulti(m.Encode())
	assert.NoError(t, err)
	for name, change := range map[string]func(a *wire.MultiAnswer){
		"no results":             func(a *wire.MultiAnswer) { a.Results = nil },
		"a refusal with results": func(a *wire.MultiAnswer) { a.Status = wire.StatusBusy },
		"too many":               func(a *wire.MultiAnswer) { a.Results = make([]wire.Result, wire.MaxKeys+1) },
	} {
		a := sampleMultiAnswer()
		change(a)
		_, err := wire.DecodeMultiAnswer(a.Encode())
		assert.ErrorIs(t, err, wire.ErrMessage, name)
	}
	_, err = wire.DecodeMultiAnswer(sampleResponse().Encode())
	assert.ErrorIs(t, err, wire.ErrMessage)
	for i := range sampleMultiAnswer().Encode() {
		_, err := wire.DecodeMultiAnswer(sampleMultiAnswer().Encode()[:i])
		assert.ErrorIs(t, err, wire.ErrMessage)
	}
}

// large are n keys that are as large as they may be, with kinds to fill what is left of four.
func large(n int) (keys []wire.ValueName) {
	for range n {
		keys = append(keys, wire.ValueName{Key: strings.Repeat("k", wire.MaxKeysSize/4)})
	}
	return keys
}

func FuzzDecodeMulti(f *testing.F) {
	f.Add(sampleMultiGet().Encode())
	f.Add(sampleMultiAnswer().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := wire.DecodeMultiAnswer(b); err == nil {
			assert.Equal(t, b, a.Encode(), "an answer has one encoding")
		} else {
			assert.ErrorIs(t, err, wire.ErrMessage)
		}
		if m, err := readMulti(b); err == nil {
			assert.Equal(t, b, m.Encode(), "a request has one encoding")
		} else {
			assert.ErrorIs(t, err, wire.ErrMessage)
		}
	})
}

func sampleMultiPut() *wire.MultiPut {
	return &wire.MultiPut{
		Client: 3, Again: true, Level: session.PRAM, Ack: session.Owners(2), Clock: 1 << 40, Wait: 50,
		Puts: []wire.Put{{Req: 2, Stamp: 7, Key: "k", Kind: "set", Arg: []byte("v")}, {Req: 5, Key: "l", Kind: "counter", Arg: []byte{2}}},
		Deps: session.Matrix{{Partition: 1, Origin: 4, Seq: 4}}, Proof: session.Proof{1, 2, 15: 16}, Own: session.Matrix{{Partition: 1, Origin: 4, Seq: 3}},
	}
}

func readPuts(msg []byte) (*wire.MultiPut, error) {
	k, body, err := wire.Open(msg)
	if err != nil || k != wire.MsgMultiPut {
		return nil, fmt.Errorf("%w: kind %d, %w", wire.ErrMessage, k, err)
	}
	return new(wire.DecodeBuffer).MultiPut(body)
}

// TestMultiPutAmiss: writes out of order, too many, or too large are refused.
func TestMultiPutAmiss(t *testing.T) {
	m := sampleMultiPut()
	got, err := readPuts(m.Encode())
	require.NoError(t, err)
	assert.Equal(t, m, got)
	for name, change := range map[string]func(m *wire.MultiPut){
		"none":      func(m *wire.MultiPut) { m.Puts = nil },
		"twice":     func(m *wire.MultiPut) { m.Puts[1].Req = 2 },
		"no number": func(m *wire.MultiPut) { m.Puts[0].Req = 0 },
		"number":    func(m *wire.MultiPut) { m.Puts[1].Req = 1 << 63 },
		"too large": func(m *wire.MultiPut) { m.Puts[0].Arg = make([]byte, wire.MaxPutsSize) },
		"too many":  func(m *wire.MultiPut) { m.Puts = numbered(wire.MaxKeys + 1) },
	} {
		m := sampleMultiPut()
		change(m)
		_, err := readPuts(m.Encode())
		assert.ErrorIs(t, err, wire.ErrMessage, name)
	}
	m.Puts = numbered(wire.MaxKeys)
	_, err = readPuts(m.Encode())
	assert.NoError(t, err)
	for i := range sampleMultiPut().Encode() {
		_, err := readPuts(sampleMultiPut().Encode()[:i])
		assert.ErrorIs(t, err, wire.ErrMessage)
	}
}

func numbered(n int) (puts []wire.Put) {
	for i := range n {
		puts = append(puts, wire.Put{Req: uint64(i + 1), Arg: []byte{}})
	}
	return puts
}

func FuzzDecodeMultiPut(f *testing.F) {
	f.Add(sampleMultiPut().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := readPuts(b); err == nil {
			assert.Equal(t, b, m.Encode(), "a request has one encoding")
		} else {
			assert.ErrorIs(t, err, wire.ErrMessage)
		}
	})
}

// TestSpoiltMulti: a message that is spoilt behind a checksum that fits is refused, or is
// another message in the one encoding that it has.
func TestSpoiltMulti(t *testing.T) {
	accepted, refused := 0, 0
	for _, msg := range [][]byte{sampleMultiGet().Encode(), sampleMultiAnswer().Encode(), sampleMultiPut().Encode(), sampleResponse().Encode()} {
		for at := range uint64(len(msg)) {
			for how := range uint64(10) {
				b := wire.Spoil(msg, at, how)
				var again []byte
				var err error
				switch wire.KindOf(b) {
				case wire.MsgMultiGet:
					var m *wire.MultiGet
					if m, err = readMulti(b); err == nil {
						again = m.Encode()
					}
				case wire.MsgMultiAnswer:
					var a *wire.MultiAnswer
					if a, err = wire.DecodeMultiAnswer(b); err == nil {
						again = a.Encode()
					}
				case wire.MsgMultiPut:
					var m *wire.MultiPut
					if m, err = readPuts(b); err == nil {
						again = m.Encode()
					}
				default:
					var p *wire.Response
					if p, err = wire.DecodeResponse(b); err == nil {
						again = p.Encode()
					}
				}
				if err != nil {
					refused++
					require.ErrorIs(t, err, wire.ErrMessage)
					continue
				}
				accepted++
				require.Equal(t, b, again)
			}
		}
	}
	assert.Greater(t, accepted, 500)
	assert.Greater(t, refused, 500)
}
