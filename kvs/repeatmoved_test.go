package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestRepeatAtWhoHasLetGo: a replica that was an owner remembers a request of which it holds the
// write no more, and owners have forgotten the request, as all of them have the write. It does not
// serve a repeat, be that marked as one or not: in the row that it would make, the counter would
// show the write twice for good.
func TestRepeatAtWhoHasLetGo(t *testing.T) {
	for name, again := range map[string]bool{"asked again": true, "repeated by the network": false} {
		t.Run(name, func(t *testing.T) {
			s := newSeats(t, 3, 16, 2)
			after, err := member.Place(s.told.Raised(4, member.In(1, member.Active)), 16, 2)
			require.NoError(t, err)
			var was ring.NodeID // an owner, until node 4 is one
			key := s.keyOf(func(p ring.Partition) bool {
				for _, was = range s.ring.Owners(p) {
					if !after.Owns(was, p) {
						return true
					}
				}
				return false
			})
			stays := after.Owners(s.ring.PartitionOf(key))[0]
			if stays == 4 {
				stays = after.Owners(s.ring.PartitionOf(key))[1]
			}
			write := func(at ring.NodeID, req uint64, again bool) wire.Response {
				return s.ask(at, wire.Request{Client: 7, Req: req, Put: true, Again: again, Key: key, Kind: "counter", Arg: kind.Amount(1), Stamp: 1_000_000<<16 + req})
			}
			require.Equal(t, wire.StatusOK, write(stays, 1, false).Status)
			s.some(10)
			require.Equal(t, int64(1), s.count(was, key))
			s.operate(1, 4, member.Joining)
			s.add(4)
			s.some(60)
			require.False(t, s.nodes[was].r.Keeps(s.ring.PartitionOf(key)))
			for req := range uint64(4) { // so that owners forget the first request
				require.Equal(t, wire.StatusOK, write(stays, 2+req, false).Status)
				s.some(10)
			}
			require.Equal(t, wire.StatusForgotten, write(stays, 1, true).Status)
			assert.Equal(t, wire.StatusNotOwner, write(was, 1, again).Status)
			s.some(60)
			for _, n := range []ring.NodeID{stays, 4} {
				assert.Equal(t, int64(5), s.count(n, key), "node %d", n)
			}
		})
	}
}
