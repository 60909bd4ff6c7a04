package measure

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/kvs/store/workload"
	"github.com/joinery-go/joinery/kvs/workers"
)

var (
	errNoRest = errors.New("the workers do not come to rest")
	errValue  = errors.New("a key has not the value that was set last")
)

// mostRounds is how many ticks anything may take.
const mostRounds = 1000

// metered is a bucket that counts the bytes that go in and out.
type metered struct {
	store.Bucket
	in, out int64
}

// Put counts what goes in.
func (m *metered) Put(name string, size int64, r io.Reader) error {
	m.in += size
	return m.Bucket.Put(name, size, r)
}

// Get counts what comes out, as it is read.
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

// pump is workers, a coordinator and a source in one loop, on the files of the machine:
// messages arrive at once, and cost what it costs to encode, decode and execute them.
type pump struct {
	ctx     context.Context
	cfg     workers.Config
	bucket  *metered
	workers []*workers.Worker
	spaces  []*workers.Local
	life    uint64
	k       *workers.Coordinator
	s       *workers.Source
	queue   []workers.Message
	got     int    // answers
	result  []byte // of the last one
	keys    [][]byte
	last    []uint64 // by key: the number of the put that has set it last
	bytes   int
	puts    uint64
}

func newPump(ctx context.Context, w GlobalWork, keys int, engine, dir string) (p *pump, err error) {
	at := func(name string) string { return filepath.Join(dir, engine, name) }
	p = &pump{
		ctx: ctx, life: 1, keys: workload.Keys(keys), last: make([]uint64, keys), bytes: w.ValueBytes,
		cfg: workers.Config{
			Partitions: 2 * w.Workers, Sources: 1, Interval: 1, Pending: 8, Window: workers.MaxWindow, Retain: 1,
			Procedures: map[string]workers.Procedure{"put": putAll, "get": getOne},
		},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	for _, name := range []string{"bucket", "log"} {
		if err := os.MkdirAll(at(name), 0o700); err != nil {
			return p, err
		}
	}
	folder, err := snapshot.NewFolder(at("bucket"), snapshot.FolderOptions{})
	if err != nil {
		return p, err
	}
	p.bucket = &metered{Bucket: folder}
	log, err := snapshot.NewFolder(at("log"), snapshot.FolderOptions{})
	if err != nil {
		return p, err
	}
	if p.k, err = workers.NewCoordinator(p.cfg, 0, 1, w.Workers, log, workers.Archives{Bucket: p.bucket}); err != nil {
		return p, err
	}
	if p.s, err = workers.NewSource(p.cfg, 0, nil); err != nil {
		return p, err
	}
	for i := range w.Workers {
		own := at(fmt.Sprint("worker-", i))
		if err := os.MkdirAll(own, 0o700); err != nil {
			return p, err
		}
		p.spaces = append(p.spaces, &workers.Local{
			Archives: workers.Archives{Bucket: p.bucket}, Options: store.Options{Dir: own, FS: store.Private},
			New: func(o store.Options) (store.Engine, error) { return Open(engine, o, Parameters{}) },
		})
		x, err := workers.NewWorker(p.cfg, uint32(i), p.life, p.spaces[i])
		if err != nil {
			return p, err
		}
		p.workers = append(p.workers, x)
	}
	return p, nil
}

// putAll sets every key of a transaction to its argument.
func putAll(args []byte, values [][]byte) (writes [][]byte, result []byte, ok bool) {
	writes = make([][]byte, len(values))
	for i := range writes {
		writes[i] = args
	}
	return writes, nil, true
}

// getOne changes nothing, and gives the value of its key.
func getOne(_ []byte, values [][]byte) (writes [][]byte, result []byte, ok bool) {
	return slices.Clone(values), values[0], true
}

func (p *pump) close() error {
	var err error
	for _, w := range p.workers {
		err = errors.Join(err, w.Close())
	}
	return err
}

// lose has a worker start again, as after a crash.
func (p *pump) lose(i int) (err error) {
	if err = p.workers[i].Close(); err != nil {
		return err
	}
	p.life++
	w, err := workers.NewWorker(p.cfg, uint32(i), p.life, p.spaces[i])
	if err == nil {
		p.workers[i] = w
	}
	return err
}

// behind reports whether a worker is on no later line than that.
func (p *pump) behind(line uint64) bool {
	return slices.ContainsFunc(p.workers, func(w *workers.Worker) bool { return w.Line() <= line })
}

func (p *pump) step(s workers.Step) {
	p.queue = append(p.queue, s.Messages...)
	for _, d := range s.Deliveries {
		if d.Global == 0 {
			p.got++
			p.result = d.Result
		}
	}
	if n := len(s.Records); n > 0 { // a log of inputs is not what is measured
		p.step(p.s.Persisted(s.Records[n-1].Number))
	}
}

// drain carries messages until none is under way.
func (p *pump) drain() error {
	for len(p.queue) > 0 {
		m, err := workers.DecodeMessage(p.queue[0].Append(nil))
		if err != nil {
			return err
		}
		p.queue = p.queue[1:]
		switch m.To.Role {
		case workers.WorkerRole:
			out, err := p.workers[m.To.N].Receive(m)
			if err != nil {
				return err
			}
			p.queue = append(p.queue, out...)
		case workers.CoordinatorRole:
			p.queue = append(p.queue, p.k.Receive(m)...)
		default:
			p.step(p.s.Receive(m))
		}
	}
	return nil
}

// round passes a tick, and says how long each worker's took.
func (p *pump) round() (took []time.Duration, err error) {
	if p.ctx.Err() != nil {
		return nil, context.Cause(p.ctx)
	}
	for _, w := range p.workers {
		begin := time.Now()
		out, err := w.Tick()
		took = append(took, time.Since(begin))
		if err != nil {
			return nil, err
		}
		p.queue = append(p.queue, out...)
	}
	if err := p.drain(); err != nil {
		return nil, err
	}
	p.k.Tick()
	p.step(p.s.Tick())
	return took, p.drain()
}

// rest passes ticks until all that was submitted is in a global version.
func (p *pump) rest() error {
	for n := 0; p.s.Open() > 0; n++ {
		if n > mostRounds {
			return errNoRest
		}
		if _, err := p.round(); err != nil {
			return err
		}
	}
	return nil
}

// submit has an operation executed, and says how long that took.
func (p *pump) submit(o workers.Op) (time.Duration, error) {
	want := p.got + 1
	begin := time.Now()
	_, s, err := p.s.Submit(o, workers.Executed)
	if err != nil {
		return 0, err
	}
	p.step(s)
	if err := p.drain(); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	for n := 0; p.got < want; n++ { // it waits for room, or for a lock
		if n > mostRounds {
			return 0, errNoRest
		}
		if _, err := p.round(); err != nil {
			return 0, err
		}
		took = time.Since(begin)
	}
	return took, nil
}

// value is what the put of that number sets: as many bytes as values have, or the eight of
// the number.
func (p *pump) value(put uint64) []byte {
	v := binary.LittleEndian.AppendUint64(make([]byte, 0, max(8, p.bytes)), put)
	for i := 8; i < p.bytes; i++ {
		v = append(v, byte(put*uint64(i)>>3))
	}
	return v
}

func (p *pump) put(keys ...int) (time.Duration, error) {
	p.puts++
	o := workers.Op{Procedure: "put", Args: p.value(p.puts)}
	for _, k := range keys {
		o.Keys = append(o.Keys, p.keys[k])
		p.last[k] = p.puts
	}
	return p.submit(o)
}

// get compares what a key has with what it was set to last.
func (p *pump) get(key int) error {
	if _, err := p.submit(workers.Op{Procedure: "get", Keys: [][]byte{p.keys[key]}}); err != nil {
		return err
	}
	if !bytes.Equal(p.result, p.value(p.last[key])) {
		return fmt.Errorf("%w: %q", errValue, p.keys[key])
	}
	return nil
}
