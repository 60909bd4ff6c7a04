package flow_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// network is a link that drops, duplicates and reorders.
type network struct {
	rng     *rand.Rand
	packets [][]byte
	lossy   bool
}

func (n *network) send(p []byte) {
	if n.lossy && n.rng.IntN(3) == 0 {
		return
	}
	for range 1 + n.rng.IntN(2) {
		n.packets = append(n.packets, p)
	}
}

// deliver delivers some packet, and may keep it for another time.
func (n *network) deliver(to func([]byte)) {
	if len(n.packets) == 0 {
		return
	}
	i := n.rng.IntN(len(n.packets))
	p := n.packets[i]
	if n.rng.IntN(4) > 0 {
		n.packets = slices.Delete(n.packets, i, i+1)
	}
	to(p)
}

// TestNetworkChannel: over a link that drops, duplicates and reorders, the state at
// the other end only rises, and ends as the sender's. Stale acknowledgements and
// stale packets of an earlier life of the sender change nothing.
func TestNetworkChannel(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 3))
		there, back := &network{rng: rng, lossy: true}, &network{rng: rng, lossy: true}
		far := flow.New("far", flow.Options{})
		inbox, copied := flow.Subscribed(far, sets, 1000)
		w := &watch{}
		_, err := flow.Subscribe(copied, func(v ints) { w.told(t, v) })
		require.NoError(t, err)
		receiver, err := flow.Start(far)
		require.NoError(t, err)
		want := ints{}
		for life := range uint64(2) {
			near := flow.New("near", flow.Options{Batch: 1})
			in, d := flow.NewInput[int](near, 100)
			state := gather(d)
			outbox := flow.Publish(state, life)
			sender, err := flow.Start(near)
			require.NoError(t, err)
			rest := rng.IntN(15)
			for ticks := 0; ticks < 30 || outbox.Pending() || rest > 0; ticks++ {
				if rest > 0 && rng.IntN(2) == 0 {
					v := rng.IntN(61)
					require.NoError(t, in.Push(v))
					want[v] = struct{}{}
					rest--
				}
				if rest == 0 && life == 1 {
					in.Close()
				}
				_, err = sender.Settle(context.Background())
				require.NoError(t, err)
				if p, ok := outbox.Packet(); ok && rng.IntN(2) == 0 {
					there.send(p)
				}
				there.deliver(func(p []byte) {
					ack, err := inbox.Deliver(p)
					require.NoError(t, err)
					back.send(ack)
				})
				back.deliver(func(p []byte) { require.NoError(t, outbox.Acknowledge(p)) })
				_, err = receiver.Settle(context.Background())
				require.NoError(t, err)
			}
			require.Subset(t, sorted(must(flow.Read(copied))), sorted(must(flow.Read(state))), "what is acknowledged is there")
			outbox.Reset()
			require.True(t, outbox.Pending())
		}
		require.Equal(t, sorted(want), sorted(must(flow.Read(copied))))
		require.Equal(t, sorted(want), sorted(w.last))
		require.True(t, flow.Complete(copied))
	}
}

func TestPackets(t *testing.T) {
	near, far := flow.New("near", flow.Options{}), flow.New("far", flow.Options{})
	outbox := flow.Publish(flow.Const(near, setOf(1, 2), sets), 7)
	inbox, _ := flow.Subscribed(far, sets, 100)
	p, ok := outbox.Packet()
	require.True(t, ok)
	ack, err := inbox.Deliver(p)
	require.NoError(t, err)
	for i := range p {
		for bit := range 8 {
			bad := slices.Clone(p)
			bad[i] ^= 1 << bit
			_, err := inbox.Deliver(bad)
			require.ErrorIs(t, err, flow.ErrPacket)
			_, err = inbox.Deliver(p[:i])
			require.ErrorIs(t, err, flow.ErrPacket)
		}
	}
	_, err = inbox.Deliver(make([]byte, 101))
	require.ErrorIs(t, err, flow.ErrBound)
	require.ErrorIs(t, outbox.Acknowledge(p), flow.ErrPacket)
	require.ErrorIs(t, outbox.Acknowledge(nil), flow.ErrPacket)
	require.True(t, outbox.Pending())
	other := flow.Publish(flow.Const(near, setOf(1, 2), sets), 8)
	require.NoError(t, other.Acknowledge(ack))
	require.True(t, other.Pending(), "an acknowledgement of another life")
	require.NoError(t, outbox.Acknowledge(ack))
	require.False(t, outbox.Pending())
	_, ok = outbox.Packet()
	require.False(t, ok)
}

// TestPacketsAcknowledgedLate: an older acknowledgement that comes after a newer one takes
// nothing back.
func TestPacketsAcknowledgedLate(t *testing.T) {
	near, far := flow.New("near", flow.Options{}), flow.New("far", flow.Options{})
	in, d := flow.NewInput[int](near, 1)
	outbox := flow.Publish(flow.Fold(d, maxInt), 1)
	inbox, _ := flow.Subscribed(far, maxInt, 100)
	s, err := flow.Start(near)
	require.NoError(t, err)
	var acks [][]byte
	for v := range 2 {
		require.NoError(t, in.Push(v))
		_, err = s.Settle(context.Background())
		require.NoError(t, err)
		p, ok := outbox.Packet()
		require.True(t, ok)
		ack, err := inbox.Deliver(p)
		require.NoError(t, err)
		acks = append(acks, ack)
	}
	require.NoError(t, outbox.Acknowledge(acks[0]))
	require.True(t, outbox.Pending(), "the newer value is not acknowledged")
	require.NoError(t, outbox.Acknowledge(acks[1]))
	require.NoError(t, outbox.Acknowledge(acks[0]))
	require.False(t, outbox.Pending())
}

// TestPacketsOfNothing: a state that ends without a value ends so at the other end.
func TestPacketsOfNothing(t *testing.T) {
	near, far := flow.New("near", flow.Options{}), flow.New("far", flow.Options{})
	m := lattice.Min[string]()
	outbox := flow.Publish(flow.Fold(flow.FromSlice[string](near, nil), m), 1)
	inbox, copied := flow.Subscribed(far, m, 100)
	_, ok := outbox.Packet()
	require.False(t, ok, "there is nothing to say yet")
	run(t, near)
	p, ok := outbox.Packet()
	require.True(t, ok)
	_, err := inbox.Deliver(p)
	require.NoError(t, err)
	run(t, far)
	_, ok = flow.Read(copied)
	require.False(t, ok)
	require.True(t, flow.Complete(copied))
}

// FuzzDeliver: whatever bytes come, no panic, and no value but those of good packets.
func FuzzDeliver(f *testing.F) {
	near := flow.New("near", flow.Options{})
	outbox := flow.Publish(flow.Const(near, setOf(1, 2), sets), 7)
	p, _ := outbox.Packet()
	f.Add(p)
	f.Add(p[4:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		far := flow.New("far", flow.Options{})
		inbox, s := flow.Subscribed(far, sets, 1000)
		// With the checksum that the bytes after it have, the rest is reached.
		sealed := flow.WithChecksum(data)
		for _, p := range [][]byte{data, sealed} {
			if _, err := inbox.Deliver(p); err != nil {
				require.True(t, errors.Is(err, flow.ErrPacket) || errors.Is(err, flow.ErrBound), "%v", err)
			}
			if err := outbox.Acknowledge(p); err != nil {
				require.ErrorIs(t, err, flow.ErrPacket)
			}
		}
		r, err := flow.Start(far)
		require.NoError(t, err)
		_, err = r.Settle(context.Background())
		require.NoError(t, err)
		v, _ := flow.Read(s)
		require.LessOrEqual(t, len(v), len(data))
	})
}
