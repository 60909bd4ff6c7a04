package workers

import (
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	kw "github.com/joinery-go/joinery/kvs/workers"
	"github.com/joinery-go/joinery/sim/engines"
)

var benchKeys = flag.Int("workers-keys", 100_000, "keys of the benchmark")

const (
	benchWorkers = 4
	valueBytes   = 100
	rounds       = 20
)

// metered is a bucket that counts the bytes that go in and out.
type metered struct {
	store.Bucket
	in, out int64
}

func (m *metered) Put(name string, size int64, r io.Reader) error {
	m.in += size
	return m.Bucket.Put(name, size, r)
}

func (m *metered) Get(name string) (io.ReadCloser, error) {
	r, err := m.Bucket.Get(name)
	if err != nil {
		return nil, err
	}
	return &meteredReader{r, m}, nil
}

type meteredReader struct {
	io.ReadCloser
	m *metered
}

func (r *meteredReader) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	r.m.out += int64(n)
	return n, err
}

// pump is a system in one loop, on the files of the machine: messages arrive at once, and
// cost what it costs to encode, decode and execute them.
type pump struct {
	b       *testing.B
	cfg     kw.Config
	bucket  *metered
	workers []*kw.Worker
	spaces  []*kw.Local
	life    uint64
	k       *kw.Coordinator
	s       *kw.Source
	queue   []kw.Message
	got     int // answers
}

func newPump(b *testing.B, engine string) *pump {
	folder := func() *snapshot.Folder {
		f, err := snapshot.NewFolder(b.TempDir(), snapshot.FolderOptions{})
		require.NoError(b, err)
		return f
	}
	p := &pump{b: b, bucket: &metered{Bucket: folder()}, life: 1}
	p.cfg = kw.Config{
		Partitions: 8, Sources: 1, Interval: 1, Pending: 8, Window: kw.MaxWindow, Retain: 1,
		Procedures: map[string]kw.Procedure{"put": func(args []byte, values [][]byte) ([][]byte, []byte, bool) {
			writes := make([][]byte, len(values))
			for i := range writes {
				writes[i] = args
			}
			return writes, nil, true
		}},
	}
	var err error
	p.k, err = kw.NewCoordinator(p.cfg, 0, 1, benchWorkers, folder(), kw.Archives{Bucket: p.bucket})
	require.NoError(b, err)
	p.s, err = kw.NewSource(p.cfg, 0, nil)
	require.NoError(b, err)
	for i := range benchWorkers {
		p.spaces = append(p.spaces, &kw.Local{
			Archives: kw.Archives{Bucket: p.bucket}, Options: store.Options{Dir: b.TempDir(), FS: store.Private},
			New: func(o store.Options) (store.Engine, error) { return engines.Open(engine, o, 0) },
		})
		p.workers = append(p.workers, p.worker(i))
	}
	return p
}

func (p *pump) worker(i int) *kw.Worker {
	w, err := kw.NewWorker(p.cfg, uint32(i), p.life, p.spaces[i])
	require.NoError(p.b, err)
	return w
}

func (p *pump) step(s kw.Step) {
	p.queue = append(p.queue, s.Messages...)
	for _, d := range s.Deliveries {
		if d.Global == 0 {
			p.got++
		}
	}
	if n := len(s.Records); n > 0 { // logging is not what is measured
		p.step(p.s.Persisted(s.Records[n-1].Number))
	}
}

func (p *pump) drain() {
	for len(p.queue) > 0 {
		m, err := kw.DecodeMessage(p.queue[0].Append(nil))
		require.NoError(p.b, err)
		p.queue = p.queue[1:]
		switch m.To.Role {
		case kw.WorkerRole:
			out, err := p.workers[m.To.N].Receive(m)
			require.NoError(p.b, err)
			p.queue = append(p.queue, out...)
		case kw.CoordinatorRole:
			p.queue = append(p.queue, p.k.Receive(m)...)
		default:
			p.step(p.s.Receive(m))
		}
	}
}

// round passes a tick, and says how long each worker's took.
func (p *pump) round() (took []time.Duration) {
	for _, w := range p.workers {
		begin := time.Now()
		out, err := w.Tick()
		took = append(took, time.Since(begin))
		require.NoError(p.b, err)
		p.queue = append(p.queue, out...)
	}
	p.drain()
	p.k.Tick()
	p.step(p.s.Tick())
	p.drain()
	return took
}

// rest passes ticks until all that was submitted is in a global version.
func (p *pump) rest() {
	for n := 0; p.s.Open() > 0; n++ {
		require.Less(p.b, n, 1000)
		p.round()
	}
}

func (p *pump) put(keys ...int) time.Duration {
	value := make([]byte, valueBytes)
	binary.LittleEndian.PutUint64(value, uint64(p.got+1))
	o := kw.Op{Procedure: "put", Args: value}
	for _, k := range keys {
		o.Keys = append(o.Keys, fmt.Appendf(nil, "key%08d", k))
	}
	want := p.got + 1
	begin := time.Now()
	_, s, err := p.s.Submit(o, kw.Executed)
	require.NoError(p.b, err)
	p.step(s)
	p.drain()
	took := time.Since(begin)
	require.Equal(p.b, want, p.got)
	return took
}

func (p *pump) load() {
	for i := range *benchKeys {
		if p.put(i); i%2000 == 1999 {
			p.rest()
		}
	}
	p.rest()
}

// report reports what is at the half and at 99 in 100 of durations.
func report(b *testing.B, what string, list []time.Duration) {
	slices.Sort(list)
	b.ReportMetric(float64(list[len(list)/2].Microseconds()), what+"-p50-µs")
	b.ReportMetric(float64(list[len(list)*99/100].Microseconds()), what+"-p99-µs")
}

// BenchmarkSystem measures transactions on one key and on three, snapshots after changes to
// 1% of the keys, and the recovery of all workers after one has lost its state, on every
// engine; memory writes and reads everything each time, and is the naive full dump.
func BenchmarkSystem(b *testing.B) {
	for _, engine := range engines.Names() {
		b.Run(engine, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				measure(b, newPump(b, engine))
				b.StartTimer()
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func measure(b *testing.B, p *pump) {
	for range 3 {
		p.round()
	}
	p.load()
	var one, three, snapshots, recoveries []time.Duration
	var in, out int64
	next := 0
	key := func() int { next = (next + 7919) % *benchKeys; return next }
	for range rounds {
		before := p.bucket.in
		for range *benchKeys / 100 / 4 {
			one = append(one, p.put(key()))
			three = append(three, p.put(key(), key(), key()))
		}
		snapshots = append(snapshots, p.round()...)
		in += p.bucket.in - before
		p.rest()
	}
	for range 5 {
		before := p.bucket.out
		p.life++
		require.NoError(b, p.workers[0].Close())
		p.workers[0] = p.worker(0)
		line := p.workers[1].Line()
		begin := time.Now()
		for n := 0; n == 0 || slices.ContainsFunc(p.workers, func(w *kw.Worker) bool { return w.Line() <= line }); n++ {
			require.Less(b, n, 100)
			p.round()
		}
		recoveries = append(recoveries, time.Since(begin))
		out += p.bucket.out - before
	}
	for _, w := range p.workers {
		require.NoError(b, w.Close())
	}
	report(b, "tx1", one)
	report(b, "tx3", three)
	report(b, "snapshot", snapshots)
	report(b, "recovery", recoveries)
	b.ReportMetric(float64(in)/rounds/1024, "snapshot-KiB")
	b.ReportMetric(float64(out)/5/1024, "recovery-KiB")
}
