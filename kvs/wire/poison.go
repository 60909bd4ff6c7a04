package wire

import (
	"bytes"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/session"
)

// What memory that is valid no more is overwritten with, where that is tested.
const (
	PoisonByte   = 0xdb
	PoisonNumber = 0xdbdbdbdb
)

// poisoned is a block of what bytes are overwritten with.
var poisoned = bytes.Repeat([]byte{PoisonByte}, 1<<10)

// PoisonBytes overwrites b.
func PoisonBytes(b []byte) {
	for len(b) > 0 {
		b = b[copy(b, poisoned):]
	}
}

// Spoil is a copy of a message with a bit of its body changed, or the body cut short there
// or going on from there once more, and a checksum that fits: what no link makes of it, but
// whoever writes messages may. It is for hosts that test.
func Spoil(msg []byte, at, how uint64) []byte {
	if len(msg) <= headerSize+sumSize {
		return bytes.Clone(msg)
	}
	out := bytes.Clone(msg[:len(msg)-sumSize])
	i := headerSize + int(at%uint64(len(out)-headerSize))
	const bits, ways = 8, 10
	switch how %= ways; how {
	case bits:
		out = out[:i]
	case bits + 1:
		out = append(out, out[i:]...)
	default:
		out[i] ^= 1 << how
	}
	return seal(out, 0)
}

// OfVersion is a copy of a well-formed message as one of another version of the protocol,
// with a checksum that fits. It is for hosts that test.
func OfVersion(msg []byte, version byte) []byte {
	out := bytes.Clone(msg[:len(msg)-sumSize])
	if out[1] = version; Oldest <= Version(version) && Version(version) <= Newest {
		out[1] = byte(Newest) + 1
	}
	return seal(out, 0)
}

// Poison overwrites what the last message was decoded into. Strings stay as they are, for
// they do not change and may be kept.
func (in *DecodeBuffer) Poison() {
	for i := range in.marks {
		in.marks[i] = session.Mark{Partition: PoisonNumber, Origin: PoisonNumber, Seq: PoisonNumber}
	}
	in.request = Request{}
	clear(in.entries)
	for i := range in.gossip.Items {
		it := &in.gossip.Items[i]
		for j := range it.Digest.Known {
			it.Digest.Known[j] = gossip.Span{Origin: PoisonNumber, Lo: PoisonNumber, Hi: PoisonNumber}
		}
		clear(it.Entries)
	}
}
