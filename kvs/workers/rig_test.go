package workers

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

// shelf is branches and their versions as maps: the plain twin of [Archives] and engines.
type shelf struct {
	branches map[string]map[store.Version]map[string]string
	latest   map[string]store.Version
	fail     error         // of the next snapshot
	forks    int           // branches that were made of others
	forkErr  error         // of every second making of a branch
	forking  func(nth int) // is called before a branch is made of another
}

func newShelf() *shelf {
	return &shelf{branches: make(map[string]map[store.Version]map[string]string), latest: make(map[string]store.Version)}
}

type mapEngine struct {
	*shelf
	branch string
	data   map[string]string
}

func (e *mapEngine) Get(key []byte) ([]byte, error) {
	if v, ok := e.data[string(key)]; ok {
		return []byte(v), nil
	}
	return nil, nil
}

func (e *mapEngine) Set(key, value []byte) error {
	e.data[string(key)] = string(value)
	if len(value) == 0 {
		delete(e.data, string(key))
	}
	return nil
}

func (e *mapEngine) Snapshot() (store.Version, error) {
	if err := e.fail; err != nil {
		e.fail = nil
		return 0, err
	}
	e.put(e.branch, e.latest[e.branch]+1, maps.Clone(e.data))
	return e.latest[e.branch], nil
}

func (e *mapEngine) Close() error { return nil }

func (s *shelf) put(branch string, v store.Version, data map[string]string) {
	if s.branches[branch] == nil {
		s.branches[branch] = make(map[store.Version]map[string]string)
	}
	s.branches[branch][v], s.latest[branch] = data, v
}

func (s *shelf) Open(branch string) (Engine, error) {
	data := maps.Clone(s.branches[branch][s.latest[branch]])
	if data == nil {
		data = make(map[string]string)
	}
	return &mapEngine{s, branch, data}, nil
}

func (s *shelf) Collect(branch string, keep []store.Version) error {
	maps.DeleteFunc(s.branches[branch], func(v store.Version, _ map[string]string) bool {
		return v != s.latest[branch] && !slices.Contains(keep, v)
	})
	return nil
}

func (s *shelf) Branches() ([]string, error) { return slices.Sorted(maps.Keys(s.branches)), nil }

func (s *shelf) Drop(branch string) error {
	delete(s.branches, branch)
	delete(s.latest, branch)
	return nil
}

func (s *shelf) part(branch string, v store.Version, keys store.KeyRange) (map[string]string, error) {
	data, ok := s.branches[branch][v]
	if !ok {
		return nil, fmt.Errorf("%w: %v of %s", store.ErrVersion, v, branch)
	}
	out := make(map[string]string)
	for k, x := range data {
		if keys.Holds([]byte(k)) {
			out[k] = x
		}
	}
	return out, nil
}

func (s *shelf) Clone(branch string, v store.Version, to string) error {
	return s.Split(branch, v, to, store.KeyRange{})
}

func (s *shelf) Split(branch string, v store.Version, to string, keys store.KeyRange) error {
	if s.forks++; s.forking != nil {
		s.forking(s.forks)
	}
	data, err := s.part(branch, v, keys)
	if err == nil {
		s.put(to, v, data)
	}
	if s.forkErr != nil && s.forks%2 == 0 {
		return s.forkErr // having made it
	}
	return err
}

func (s *shelf) Merge(to string, from []string, keys []store.KeyRange) error {
	all, v := make(map[string]string), store.Version(0)
	for i, b := range from {
		data, err := s.part(b, s.latest[b], keys[i])
		if err != nil {
			return err
		}
		maps.Copy(all, data)
		v = max(v, s.latest[b])
	}
	s.put(to, v, all)
	return nil
}

// headCell is the catalog's place.
type headCell struct {
	data    []byte
	n       int
	reads   int
	reading func(nth int) // is called before each read
}

func (h *headCell) Head() ([]byte, string, error) {
	if h.reads++; h.reading != nil {
		h.reading(h.reads)
	}
	return h.data, fmt.Sprint(h.n), nil
}

func (h *headCell) SwapHead(tag string, data []byte) error {
	if tag != fmt.Sprint(h.n) {
		return store.ErrConflict
	}
	h.data, h.n = data, h.n+1
	return nil
}

// counters is a procedure that adds to numbers, unless one of them would be below zero; the
// result is what they were.
func counters(args []byte, values [][]byte) (writes [][]byte, result []byte, ok bool) {
	ok = true
	for _, v := range values {
		n, _ := binary.Varint(v)
		result = append(result, []byte(fmt.Sprint(n, " "))...)
		d, used := binary.Varint(args)
		args = args[used:]
		ok = ok && n+d >= 0
		writes = append(writes, binary.AppendVarint(nil, n+d))
	}
	return writes, result, ok
}

func add(keys string, by ...int64) Op {
	o := Op{Procedure: "add"}
	for k := range strings.SplitSeq(keys, ",") {
		o.Keys = append(o.Keys, []byte(k))
	}
	for _, d := range by {
		o.Args = binary.AppendVarint(o.Args, d)
	}
	return o
}

// rig is a system whose messages all arrive at once, in order, and of which a test can hold
// back some.
type rig struct {
	t       testing.TB
	cfg     Config
	shelf   *shelf
	head    *headCell
	workers []*Worker
	life    []uint64
	k       *Coordinator
	other   *Coordinator // hears what k hears, if there is one
	s       []*Source
	logs    [][][]byte
	got     []Delivery
	queue   []Message
	lose    func(*Message) bool
}

func newRig(t testing.TB, c Config, workers, begin int) *rig {
	c.Procedures = map[string]Procedure{"add": counters}
	r := &rig{t: t, cfg: c, shelf: newShelf(), head: new(headCell), logs: make([][][]byte, c.Sources), life: make([]uint64, workers)}
	var err error
	r.k, err = NewCoordinator(c, 0, 1, begin, r.head, r.shelf)
	require.NoError(t, err)
	for i := range workers {
		r.workers = append(r.workers, nil)
		r.restart(i)
	}
	for i := range c.Sources {
		s, err := NewSource(c, uint32(i), nil)
		require.NoError(t, err)
		r.s = append(r.s, s)
	}
	return r
}

// restart has a worker lose all it has.
func (r *rig) restart(i int) {
	r.life[i]++
	w, err := NewWorker(r.cfg, uint32(i), r.life[i], r.shelf)
	require.NoError(r.t, err)
	r.workers[i] = w
}

func (r *rig) submit(source int, o Op, l Level) OpID {
	id, step, err := r.s[source].Submit(o, l)
	require.NoError(r.t, err)
	r.step(source, step)
	r.drain()
	return id
}

func (r *rig) step(source int, s Step) {
	r.queue = append(r.queue, s.Messages...)
	r.got = append(r.got, s.Deliveries...)
	for _, record := range s.Records {
		r.logs[source] = append(r.logs[source], record.Bytes)
		r.step(source, r.s[source].Persisted(record.Number))
	}
}

// drain delivers, each message through its encoding.
func (r *rig) drain() {
	for len(r.queue) > 0 {
		m, err := DecodeMessage(r.queue[0].Append(nil))
		require.NoError(r.t, err)
		require.Equal(r.t, r.queue[0].Append(nil), m.Append(nil))
		r.queue = r.queue[1:]
		if r.lose != nil && r.lose(&m) {
			continue
		}
		switch m.To.Role {
		case WorkerRole:
			out, err := r.workers[m.To.N].Receive(m)
			require.NoError(r.t, err)
			r.queue = append(r.queue, out...)
		case CoordinatorRole:
			if r.queue = append(r.queue, r.k.Receive(m)...); r.other != nil {
				r.other.Receive(m)
			}
		default:
			r.step(int(m.To.N), r.s[m.To.N].Receive(m))
		}
	}
}

// ticks passes time for all.
func (r *rig) ticks(n int) {
	for range n {
		for _, w := range r.workers {
			out, err := w.Tick()
			require.NoError(r.t, err)
			r.queue = append(r.queue, out...)
		}
		r.k.Tick()
		for i, s := range r.s {
			r.step(i, s.Tick())
		}
		r.drain()
	}
}

// value is what the owner of a key has under it.
func (r *rig) value(key string) int64 {
	for _, w := range r.workers {
		v, locked, ok, err := w.Read([]byte(key))
		require.NoError(r.t, err)
		if ok {
			require.False(r.t, locked, key)
			n, _ := binary.Varint(v)
			return n
		}
	}
	r.t.Fatalf("nobody has key %s", key)
	return 0
}
