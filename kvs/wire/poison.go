package wire

import (
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/session"
)

// What memory that is valid no more is overwritten with, where that is tested.
const (
	PoisonByte   = 0xdb
	PoisonNumber = 0xdbdbdbdb
)

// Poison overwrites what the last message was decoded into. Strings stay as they are, for
// they do not change and may be kept.
func (in *DecodeBuffer) Poison() {
	for i := range in.marks {
		in.marks[i] = session.Mark{Partition: PoisonNumber, Origin: PoisonNumber, Seq: PoisonNumber}
	}
	in.request = Request{}
	for i := range in.gossip.Items {
		it := &in.gossip.Items[i]
		for j := range it.Word.Known {
			it.Word.Known[j] = gossip.Span{Origin: PoisonNumber, Lo: PoisonNumber, Hi: PoisonNumber}
		}
		clear(it.Entries)
	}
}
