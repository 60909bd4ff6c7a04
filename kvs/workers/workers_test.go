package workers

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

func config() Config { return Config{Partitions: 5, Sources: 1, Interval: 2, Pending: 4, Window: 8} }

// TestExactlyOnce: operations on one key and on several are executed once, rollbacks write
// nothing, and answers come at the level that was asked for, whatever crashes.
func TestExactlyOnce(t *testing.T) {
	r := newRig(t, config(), 3, 3)
	r.ticks(3)
	r.submit(0, add("a", 5), Executed)
	require.Len(t, r.got, 1, "executed at once")
	assert.Equal(t, Delivery{Answer{OpID{0, 1}, true, []byte("0 ")}, 0}, r.got[0])
	r.submit(0, add("a,b,c,d", -2, 1, 1, 0), Recoverable)
	r.submit(0, add("b,c", 3, -7), Recoverable)
	require.Len(t, r.got, 1, "not recoverable yet")
	r.ticks(6)
	require.Len(t, r.got, 4)
	for _, d := range r.got[1:] {
		assert.Equal(t, d.ID.Offset != 3, d.OK)
		assert.NotZero(t, d.Global)
	}
	for crash := range 3 {
		r.submit(0, add("a,e", 1, 1), Executed)
		r.restart(crash)
		r.ticks(12)
		assert.Equal(t, int64(4+crash), r.value("a"))
		assert.Equal(t, int64(1+crash), r.value("e"))
	}
	assert.Equal(t, []int64{1, 1}, []int64{r.value("b"), r.value("c")})
	assert.Zero(t, r.s[0].Open())
}

// TestNobodyWaits: a worker that hears nothing of others, nor of coordinators, takes
// snapshots of its own accord, up to the bound, and executes beyond it.
func TestNobodyWaits(t *testing.T) {
	r := newRig(t, config(), 2, 2)
	r.ticks(3)
	key := ""
	for i := 0; key == ""; i++ {
		if k := fmt.Sprint("k", i); r.workers[0].parts[r.cfg.PartitionOf([]byte(k))] != nil {
			key = k
		}
	}
	r.lose = func(m *Message) bool { // all but between the source and worker 0
		return m.To.Role == CoordinatorRole || m.From.Role == CoordinatorRole || m.To.N == 1 || m.From.N == 1
	}
	for i := range 8 { // as many as a stream of answers holds that are in no global version
		r.submit(0, add(key, 1), Executed)
		assert.Len(t, r.got, i+1)
		r.ticks(2)
		assert.Equal(t, min(i+1, config().Pending), r.workers[0].Pending())
	}
	r.lose = nil
	r.ticks(12)
	assert.Zero(t, r.workers[0].Pending())
	assert.Equal(t, int64(8), r.value(key))
	assert.Zero(t, r.s[0].Open())
}

// TestMovesOnFirst: what a message of a later version brings is in no snapshot of an earlier
// one, and neither is what an ack of a later version takes away.
func TestMovesOnFirst(t *testing.T) {
	r := newRig(t, Config{Partitions: 1, Sources: 1}, 1, 1)
	r.ticks(3)
	w := r.workers[0]
	require.Equal(t, uint64(1), w.Version())
	in := Stream{Class: Input}
	q := request{op: add("a", 7), values: make([][]byte, 1)}
	q.op.ID = OpID{0, 1}
	out, err := w.Receive(Message{Kind: ItemKind, Line: 1, Version: 9, Stream: in, Body: encode(nil, q.code)})
	require.NoError(t, err)
	require.Len(t, out, 2) // the answer and the ack
	assert.Equal(t, []Report{{1, 8, 1}}, w.reports)
	assert.Equal(t, uint64(9), w.Version())
	held := r.shelf.branches[w.branch][1]
	assert.NotContains(t, held, string(dataKey(0, []byte("a"))))

	answer := Stream{Class: Answered}
	_, err = w.Receive(Message{Kind: AckKind, Line: 1, Version: 12, Stream: answer, Seq: 1})
	require.NoError(t, err)
	assert.Equal(t, []Report{{1, 8, 1}, {9, 11, 2}}, w.reports)
	p, err := loadPartition(&w.cfg, 0, []byte(r.shelf.branches[w.branch][2][string(metaKey(0))]))
	require.NoError(t, err)
	assert.Len(t, p.out(answer).items, 1, "it is in the snapshot of the version before")
	assert.Zero(t, w.Unacknowledged())
}

// TestSnapshotFails: the version goes on, and a message of a later one is not taken.
func TestSnapshotFails(t *testing.T) {
	r := newRig(t, Config{Partitions: 1, Sources: 1}, 1, 1)
	r.ticks(3)
	w := r.workers[0]
	q := request{op: add("a", 7), values: make([][]byte, 1)}
	m := Message{Kind: ItemKind, Line: 1, Version: 9, Body: encode(nil, q.code)}
	r.shelf.fail = errors.New("no network")
	out, err := w.Receive(m)
	require.NoError(t, err)
	assert.Empty(t, out)
	assert.Equal(t, uint64(1), w.Version())
	require.ErrorContains(t, w.Trouble(), "no network")
	out, err = w.Receive(m)
	require.NoError(t, err)
	assert.Len(t, out, 2)
	assert.NoError(t, w.Trouble())
}

// TestRollback: all go back to an older global version, and what came after is executed
// again; answers come again.
func TestRollback(t *testing.T) {
	c := config()
	c.Retain = 8
	r := newRig(t, c, 2, 2)
	r.ticks(3)
	for range 3 {
		r.submit(0, add("a,b", 1, 1), Recoverable)
		r.ticks(6)
	}
	require.Len(t, r.got, 3)
	first := r.k.Catalog().Globals[0]
	require.NoError(t, r.k.Rollback(first.ID))
	r.k.Tick()
	cat := r.k.Catalog()
	assert.Equal(t, uint64(2), cat.Line)
	assert.Equal(t, first, cat.Base)
	assert.Equal(t, []Global{first}, cat.Globals)
	r.ticks(12)
	assert.Equal(t, []int64{3, 3}, []int64{r.value("a"), r.value("b")})
	again := 0
	for _, d := range r.got[3:] {
		if d.Global > cat.Last {
			again++
		}
	}
	assert.Equal(t, 3-countUpTo(r.got[:3], first.ID), again, "what was given up is answered again, and only that")
	assert.Zero(t, r.s[0].Open())
	require.ErrorIs(t, r.k.Rollback(99), ErrCommand)
}

func countUpTo(list []Delivery, id uint64) (n int) {
	for _, d := range list {
		if d.Global <= id {
			n++
		}
	}
	return n
}

// TestRescale goes through all numbers of workers, with operations in between.
func TestRescale(t *testing.T) {
	r := newRig(t, config(), 5, 1)
	r.ticks(3)
	for i, k := range []int{2, 5, 3, 1, 4, 4} {
		for j := range 5 {
			r.submit(0, add(fmt.Sprintf("k%d,k%d", j, j+1), 1, 1), Executed)
		}
		require.NoError(t, r.k.Rescale(k))
		r.ticks(12)
		require.Len(t, r.k.Catalog().Members, k)
		assert.Equal(t, int64(i+1), r.value("k0"))
		assert.Equal(t, int64(2*i+2), r.value("k3"))
	}
	require.ErrorIs(t, r.k.Rescale(6), ErrCommand)
	require.ErrorIs(t, r.k.Rescale(0), ErrCommand)
	assert.Zero(t, r.s[0].Open())
	branches, err := r.shelf.Branches()
	require.NoError(t, err)
	assert.LessOrEqual(t, len(branches), 4+3*5, "those of the line, and of what is kept")
}

// TestSourceRestarts: a source goes on from its log, of which the beginning may be gone.
func TestSourceRestarts(t *testing.T) {
	c := config()
	c.Retain = 1
	r := newRig(t, c, 2, 2)
	r.ticks(3)
	for i := range 20 {
		r.submit(0, add("a", 1), Recoverable)
		if i%3 == 2 {
			r.ticks(4)
		}
	}
	r.ticks(8)
	keep := r.s[0].Tick().Keep
	require.Greater(t, keep, uint64(1))
	for _, from := range []uint64{1, keep} {
		s, err := NewSource(r.cfg, 0, r.logs[0][from-1:])
		require.NoError(t, err)
		r.s[0] = s
		assert.Equal(t, uint64(20), s.Offset())
		assert.Zero(t, s.Open())
		r.ticks(3)
	}
	id := r.submit(0, add("a", 1), Recoverable)
	assert.Equal(t, OpID{0, 21}, id)
	r.ticks(8)
	assert.Equal(t, int64(21), r.value("a"))
	assert.Less(t, r.s[0].Logged(), 21, "what the oldest global version has is forgotten")
}

func TestRefused(t *testing.T) {
	r := newRig(t, config(), 1, 1)
	for _, o := range []Op{
		{}, {Procedure: "add"}, {Procedure: "mul", Keys: [][]byte{{1}}}, add("a,a", 1, 1), add("", 1),
		{Procedure: "add", Keys: [][]byte{make([]byte, maxKey+1)}},
	} {
		_, _, err := r.s[0].Submit(o, Executed)
		require.ErrorIs(t, err, ErrOp)
	}
	for range config().Window * config().Partitions {
		_, _, err := r.s[0].Submit(add("a", 1), Executed)
		require.NoError(t, err)
	}
	_, _, err := r.s[0].Submit(add("a", 1), Executed)
	require.ErrorIs(t, err, ErrFull)
	for _, c := range []Config{{}, {Partitions: 1}, {Partitions: 300, Sources: 1}, {Partitions: 1, Sources: 1}, {Partitions: 1, Sources: 1, Window: -1}} {
		_, err := c.WithDefaults()
		require.ErrorIs(t, err, ErrConfig)
	}
	_, err = NewCoordinator(r.cfg, 0, 1, 6, r.head, r.shelf)
	require.ErrorIs(t, err, ErrConfig)
}

// TestProcedureBreaksContract: the process ends, and says which procedure it was.
func TestProcedureBreaksContract(t *testing.T) {
	r := newRig(t, Config{Partitions: 1, Sources: 1}, 1, 1)
	r.ticks(3)
	w := r.workers[0]
	w.cfg.Procedures = map[string]Procedure{"add": func([]byte, [][]byte) ([][]byte, []byte, bool) { return nil, nil, true }}
	q := request{op: add("a", 7), values: make([][]byte, 1)}
	_, err := w.Receive(Message{Kind: ItemKind, Line: 1, Body: encode(nil, q.code)})
	require.ErrorIs(t, err, ErrProcedure)
	require.ErrorContains(t, err, `"add"`)
}

// withOther has another coordinator that knows what the first one knows, and snapshots that
// are in no global version yet.
func withOther(t *testing.T) *rig {
	r := newRig(t, config(), 2, 2)
	r.ticks(3)
	r.submit(0, add("a,b", 1, 1), Recoverable)
	r.ticks(8)
	var err error
	r.other, err = NewCoordinator(r.cfg, 1, 1, 2, r.head, r.shelf)
	require.NoError(t, err)
	r.submit(0, add("a,b", 1, 1), Executed)
	for range 3 {
		for _, w := range r.workers {
			out, err := w.Tick()
			require.NoError(t, err)
			r.queue = append(r.queue, out...)
		}
		r.drain()
	}
	return r
}

// TestBeginsOverPublished: a world-line does not begin with what was the last global version
// when its branches were made, if another coordinator has published since.
func TestBeginsOverPublished(t *testing.T) {
	r := withOther(t)
	other := r.other
	r.other = nil // does not hear of what follows
	r.restart(1)
	out, err := r.workers[1].Tick()
	require.NoError(t, err)
	r.queue = append(r.queue, out...)
	r.drain()
	before := r.k.Catalog()
	r.shelf.forking = func(int) { other.Tick() }
	r.k.Tick()
	require.ErrorIs(t, r.k.Trouble(), store.ErrConflict)
	assert.Equal(t, before.Line, r.k.Catalog().Line)
	require.Greater(t, r.k.Catalog().Last, before.Last, "the other has published")
	r.k.Tick()
	require.NoError(t, r.k.Trouble())
	cat := r.k.Catalog()
	assert.Equal(t, before.Line+1, cat.Line)
	assert.Equal(t, cat.Last, cat.Base.ID)
}

// TestPublishesOverBegun: what workers of a world-line have is not published in the next.
func TestPublishesOverBegun(t *testing.T) {
	r := withOther(t)
	other := r.other
	require.NoError(t, other.load())
	require.NoError(t, other.Rollback(other.cat.Globals[0].ID))
	first := r.head.reads
	r.head.reading = func(nth int) {
		if nth == first+2 { // between the coordinator's look and its write
			r.head.reading = nil
			other.Tick()
		}
	}
	r.k.Tick()
	require.ErrorIs(t, r.k.Trouble(), store.ErrConflict)
	cat := r.k.Catalog()
	assert.Equal(t, uint64(2), cat.Line)
	assert.Equal(t, cat.Base.ID, cat.latest().ID)
}

// TestKeepsWhatBegins: a coordinator drops no branches of a world-line that another is about
// to begin.
func TestKeepsWhatBegins(t *testing.T) {
	r := withOther(t)
	r.ticks(8)
	other := r.other
	require.NoError(t, other.load())
	other.tidied, r.other = "", nil
	r.restart(1)
	out, err := r.workers[1].Tick()
	require.NoError(t, err)
	r.queue = append(r.queue, out...)
	r.drain()
	r.shelf.forks = 0
	r.shelf.forking = func(nth int) {
		if nth == 2 { // there is one branch of the line already
			other.Tick()
		}
	}
	r.k.Tick()
	require.NoError(t, r.k.Trouble())
	require.NoError(t, other.Trouble())
	r.shelf.forking = nil
	for _, m := range r.k.Catalog().Members {
		assert.Contains(t, r.shelf.branches, m.Branch)
	}
}

// TestLineToldOnceLogged: a source says that it is in a world-line once its log does: else
// what that has given up could be forgotten everywhere before a source knows it for good.
func TestLineToldOnceLogged(t *testing.T) {
	r := newRig(t, config(), 1, 1)
	s := r.s[0]
	step := s.Receive(Message{Kind: PlanKind, Plan: &Plan{Line: 5}})
	require.Len(t, step.Records, 1)
	require.Len(t, step.Messages, 0)
	assert.Zero(t, s.Tick().Messages[0].Line)
	s.Persisted(step.Records[0].Number)
	assert.Equal(t, uint64(5), s.Tick().Messages[0].Line)
	again, err := NewSource(r.cfg, 0, [][]byte{step.Records[0].Bytes})
	require.NoError(t, err)
	assert.Equal(t, uint64(5), again.Tick().Messages[0].Line)
}

// TestAttemptsDoNotPileUp: attempts at a world-line that fail leave no more than the last one.
func TestAttemptsDoNotPileUp(t *testing.T) {
	r := newRig(t, config(), 2, 2)
	r.ticks(3)
	r.submit(0, add("a,b", 1, 1), Recoverable)
	r.ticks(8)
	before := len(r.shelf.branches)
	r.restart(1)
	r.shelf.forks, r.shelf.forkErr = 0, errors.New("no network")
	r.ticks(10)
	require.ErrorContains(t, r.k.Trouble(), "no network")
	assert.LessOrEqual(t, len(r.shelf.branches), before+2)
	r.shelf.forkErr = nil
	r.ticks(8)
	assert.Equal(t, uint64(2), r.k.Catalog().Line)
	assert.Equal(t, int64(1), r.value("a"))
}

// TestKeepsLastDurable: the log keeps an operation, which says how many there were, until a
// later one is durable.
func TestKeepsLastDurable(t *testing.T) {
	c := config()
	c.Retain = 1
	r := newRig(t, c, 1, 1)
	r.ticks(3)
	r.submit(0, add("a", 1), Recoverable)
	r.ticks(8)
	r.submit(0, add("a", 1), Recoverable)
	r.ticks(8)
	keep := r.s[0].Tick().Keep
	_, step, err := r.s[0].Submit(add("a", 1), Recoverable)
	require.NoError(t, err)
	assert.Equal(t, keep, step.Keep)
	r.s[0].Persisted(step.Records[0].Number)
	s, err := NewSource(r.cfg, 0, r.logs[0][keep-1:])
	require.NoError(t, err)
	assert.Equal(t, uint64(2), s.Offset())
}
