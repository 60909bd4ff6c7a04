package kvs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// Writes of a multi-put that is measured: as many registers of as many bytes.
const (
	putsAtOnce = 16
	putBytes   = 16
	frameBytes = 8 // of length and checksum, which a host puts before a record
)

// putter has a replica, which nobody answers, serve writes of 16 bytes to some thousand keys.
type putter struct {
	tb   testing.TB
	r    *Replica
	now  uint64
	seq  uint64
	disk []byte
}

func newPutter(tb testing.TB, self ring.NodeID) *putter {
	of, err := ring.New([]ring.NodeID{0, 1, 2}, 1, 3)
	require.NoError(tb, err)
	r, err := New(Config{Self: self, Origin: 1 + uint64(self), First: true, Ring: of, Kinds: kind.Default(), Secret: []byte("0123456789abcdef0123456789abcdef"), MaxLog: 256, CheckpointBytes: -1}, nil)
	require.NoError(tb, err)
	p := &putter{tb: tb, r: r, now: 1000}
	p.carryOut(r.Start())
	return p
}

func (p *putter) value() []byte { return fmt.Appendf(nil, "%0*d", putBytes, p.seq) }

// append frames a record as a host does: length, checksum, record.
func (p *putter) append(record []byte) {
	if len(p.disk) > 1<<20 {
		p.disk = p.disk[:0]
	}
	sum := crc32.Checksum(record, castagnoli)
	p.disk = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(p.disk, uint32(len(record))), sum)
	p.disk = append(p.disk, record...)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// carryOut writes the records of one step and has them durable by one sync. It returns their
// bytes and how many there were.
func (p *putter) carryOut(out []Effect) (bytes, records int) {
	last := uint64(0)
	for i := range out {
		if e := &out[i]; e.Kind == EffectPersist {
			last, bytes, records = e.Token, bytes+len(e.Msg)+frameBytes, records+1
			p.append(e.Msg)
		}
	}
	if records > 0 {
		p.r.Step(Event{Kind: EventPersisted, NowMS: p.now, Token: last})
	}
	return bytes, records
}

// multiPut is the request for the next writes.
func (p *putter) multiPut() []byte {
	m := wire.MultiPut{Client: 1 + p.seq%64, Level: session.Eventual}
	for range putsAtOnce {
		p.seq++
		m.Puts = append(m.Puts, wire.Put{Req: p.seq, Stamp: p.now<<16 + p.seq, Key: fmt.Sprintf("key%04d", p.seq%4096), Kind: "register", Arg: p.value()})
	}
	return m.Encode()
}

// batches are those of the next writes, of one partition, of so many writes each.
func (p *putter) batches(of *partition, each int) (all []*batch) {
	k, _ := p.r.cfg.Kinds.Find("register")
	for i := range putsAtOnce {
		if i%each == 0 {
			all = append(all, p.r.newBatch(of))
		}
		b := all[len(all)-1]
		p.seq++
		of.seq++
		delta, err := k.Mutate(kind.Update{Arg: p.value(), Clock: p.now<<16 + p.seq, Origin: 1}, nil)
		require.NoError(p.tb, err)
		b.entries = append(b.entries, gossip.Entry{
			Dot: causal.Dot{Origin: p.r.cfg.Origin, Seq: of.seq}, Clock: p.now<<16 + p.seq, Key: fmt.Sprintf("key%04d", p.seq%4096), Kind: "register",
			Delta: delta.Append(nil), Client: 1 + p.seq%64, Req: p.seq,
		})
		b.deltas = append(b.deltas, delta)
	}
	return all
}

// recorded has batches persisted and made visible, in one step.
func (p *putter) recorded(all []*batch) (bytes int) {
	p.r.out, p.r.wire = p.r.out[:0], p.r.wire[:0]
	for _, b := range all {
		p.r.persist(b)
	}
	bytes, _ = p.carryOut(slices.Clone(p.r.out))
	return bytes
}

// TestRecordsOfAStep: the records of a multi-put, one a write, and those of a message of gossip,
// one a partition, are given to the host in one step, and one report that the last is durable
// stands for all of them. So a host needs one sync for either.
func TestRecordsOfAStep(t *testing.T) {
	p, q := newPutter(t, 0), newPutter(t, 1)
	asked := p.r.Step(Event{Kind: EventRequest, NowMS: p.now, Msg: p.multiPut()})
	answers := 0
	var records [][]byte
	var last uint64
	for _, e := range asked {
		require.NotEqual(t, EffectRespond, e.Kind, "nothing is durable yet")
		if e.Kind == EffectPersist {
			records, last = append(records, bytes.Clone(e.Msg)), e.Token
		}
	}
	require.Len(t, records, putsAtOnce)
	for _, e := range p.r.Step(Event{Kind: EventPersisted, NowMS: p.now, Token: last}) {
		if e.Kind == EffectRespond {
			answers++
		}
	}
	require.Equal(t, putsAtOnce, answers)

	var entries []gossip.Entry
	for _, record := range records {
		_, one, err := new(wire.DecodeBuffer).Record(record)
		require.NoError(t, err)
		require.Len(t, one, 1)
		entries = append(entries, one...)
	}
	q.r.out, q.r.wire = nil, nil
	q.r.take(q.r.partition(0), entries)
	var of []gossip.Entry
	for _, e := range q.r.out {
		if e.Kind == EffectPersist {
			require.Nil(t, of, "one record")
			_, all, err := new(wire.DecodeBuffer).Record(e.Msg)
			require.NoError(t, err)
			of = all
		}
	}
	require.Len(t, of, putsAtOnce)
}

// BenchmarkMultiPutRecords is what one record for all writes of a multi-put would save, of 16
// registers of 16 bytes that fall into one partition: bytes of the log (saved-%bytes), and
// processor time (saved-%time) of what it takes now to serve the request, frame its records
// with a checksum, and show its writes and answer them once one sync has made all durable. What
// is saved is measured on the same replica in turn, from the making of records to where their
// writes are visible: 16 batches of a write against one of 16.
//
// Saved are 14% of the bytes, the frames and heads of 15 records, and 4 to 7% of the processor
// time, and no sync ([TestRecordsOfAStep]). That is the most: 16 keys of 64 partitions fall into
// 15.8 of them where one record takes neighbours of one partition, and it must not take more, as
// then a crash between two records may leave a later write and not an earlier one. A record of
// several partitions would keep the order, and save the frames, but is another version of the
// format, which all that reads records has to know. So each write has its own.
func BenchmarkMultiPutRecords(b *testing.B) {
	p := newPutter(b, 0)
	of := p.r.partition(0)
	const rounds = 400
	var whole, apart, one [rounds]time.Duration
	var sizes [3]int
	for b.Loop() {
		for i := range rounds {
			msg := p.multiPut()
			began := time.Now()
			var records int
			sizes[0], records = p.carryOut(p.r.Step(Event{Kind: EventRequest, NowMS: p.now, Msg: msg}))
			whole[i] = time.Since(began)
			require.Equal(b, putsAtOnce, records, "each write has a record")
			all := p.batches(of, 1)
			began = time.Now()
			sizes[1] = p.recorded(all)
			apart[i] = time.Since(began)
			all = p.batches(of, putsAtOnce)
			began = time.Now()
			sizes[2] = p.recorded(all)
			one[i] = time.Since(began)
		}
	}
	median := func(all []time.Duration) float64 {
		slices.Sort(all)
		return float64(all[len(all)/2]) / float64(time.Microsecond)
	}
	w, a, o := median(whole[:]), median(apart[:]), median(one[:])
	b.ReportMetric(w, "µs-whole")
	b.ReportMetric(a, "µs-16-records")
	b.ReportMetric(o, "µs-1-record")
	b.ReportMetric(100*(a-o)/w, "saved-%time")
	b.ReportMetric(float64(sizes[0]), "bytes-now")
	b.ReportMetric(100*float64(sizes[1]-sizes[2])/float64(sizes[0]), "saved-%bytes")
}
