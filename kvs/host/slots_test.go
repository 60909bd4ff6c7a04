package host_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/store"
)

// fake is an engine in a map, whose reads fail as told.
type fake struct {
	store.Engine
	held  map[string][]byte
	fails []error // of the next reads
	syncs int
	full  error
}

func (f *fake) Get(key []byte) ([]byte, error) {
	if len(f.fails) > 0 {
		err := f.fails[0]
		if f.fails = f.fails[1:]; err != nil {
			return nil, err
		}
	}
	return f.held[string(key)], nil
}

func (f *fake) Set(key, value []byte) error {
	if f.full != nil {
		return f.full
	}
	f.held[string(key)] = append([]byte(nil), value...)
	return nil
}

func (f *fake) Sync() error {
	f.syncs++
	return f.full
}

func TestSlots(t *testing.T) {
	f := &fake{held: map[string][]byte{}}
	s, err := host.NewSlots(f, nil, 17)
	require.NoError(t, err)
	assert.Equal(t, uint64(17), s.ID())
	assert.Equal(t, 1, f.syncs, "the number is durable")
	s, err = host.NewSlots(f, nil, 33)
	require.NoError(t, err)
	assert.Equal(t, uint64(17), s.ID(), "it is the first one for ever")

	require.NoError(t, s.Keep(5, []byte("five")))
	require.NoError(t, s.Keep(1<<40, []byte("more")))
	b, err := s.Get(5)
	require.NoError(t, err)
	assert.Equal(t, "five", string(b))
	b, err = s.Get(6)
	require.NoError(t, err)
	assert.Empty(t, b)
	require.NoError(t, s.Sync())
	assert.Equal(t, 2, f.syncs)
}

// TestSlotsTellLossFromFailure: what is damaged twice is lost, what fails for another
// reason is not.
func TestSlotsTellLossFromFailure(t *testing.T) {
	f := &fake{held: map[string][]byte{}}
	s, err := host.NewSlots(f, nil, 1)
	require.NoError(t, err)
	require.NoError(t, s.Keep(5, []byte("five")))
	cable := errors.New("the cable is loose")
	within := func(err error) error { return fmt.Errorf("lsm: get: %w", err) }
	for _, c := range []struct {
		fails []error
		lost  bool
		err   error
	}{
		{nil, false, nil},
		{[]error{store.ErrCorrupt}, false, nil},
		{[]error{store.ErrMissing, nil}, false, nil},
		{[]error{store.ErrCorrupt, store.ErrCorrupt}, true, store.ErrCorrupt},
		{[]error{store.ErrMissing, store.ErrMissing}, true, store.ErrMissing},
		{[]error{store.ErrMissingSegment, store.ErrMissingSegment}, true, store.ErrMissingSegment},
		{[]error{within(store.ErrCorrupt), within(store.ErrMissing)}, true, store.ErrMissing},
		{[]error{within(store.ErrMissing), within(store.ErrMissingSegment)}, true, store.ErrMissingSegment},
		{[]error{within(store.ErrMissingSegment), within(store.ErrCorrupt)}, true, store.ErrCorrupt},
		{[]error{cable}, false, cable},
		{[]error{store.ErrCorrupt, cable}, false, cable},
	} {
		f.fails = c.fails
		b, err := s.Get(5)
		assert.Equal(t, c.lost, errors.Is(err, kvs.ErrValueLost), "%v", c.fails)
		require.ErrorIs(t, err, c.err)
		if c.err == nil {
			assert.Equal(t, "five", string(b))
		}
		assert.Empty(t, f.fails)
	}

	f.fails = []error{cable}
	_, err = host.NewSlots(f, nil, 1)
	require.ErrorIs(t, err, cable)
	f.held["id"] = []byte("short")
	_, err = host.NewSlots(f, nil, 1)
	require.ErrorIs(t, err, store.ErrCorrupt)
	f.held, f.full = map[string][]byte{}, cable
	_, err = host.NewSlots(f, nil, 1)
	require.ErrorIs(t, err, cable)
}

// keeping is a memory that also keeps values.
type keeping struct {
	*memory
	slots    *host.Slots
	hardens  []uint64
	failKeep error
	failHard error
}

func (k *keeping) Keep(slot uint64, value []byte) error {
	if k.failKeep != nil {
		return k.failKeep
	}
	return k.slots.Keep(slot, value)
}

func (k *keeping) Harden(token uint64) error {
	k.hardens = append(k.hardens, token)
	return k.failHard
}

// startKeeping starts a node that writes a checkpoint with every write.
func startKeeping(t *testing.T, env host.Env, values kvs.Values, records [][]byte, origin uint64) *host.Host {
	r, err := ring.New([]ring.NodeID{0}, 1, 1)
	require.NoError(t, err)
	core, err := kvs.New(kvs.Config{
		Origin: origin, First: origin == 1, Ring: r, Kinds: kind.Default(), Secret: []byte("0123456789abcdef"), CheckpointBytes: 1, Values: values,
	}, records)
	require.NoError(t, err)
	h := host.New(core, env)
	require.NoError(t, h.Start())
	return &h
}

// TestKeeping: values are put where the core says, the sessions that make the checkpoint
// count wait for the engine, and a failure stops the node.
func TestKeeping(t *testing.T) {
	f := &fake{held: map[string][]byte{}}
	s, err := host.NewSlots(f, nil, 1)
	require.NoError(t, err)
	env := &keeping{memory: new(memory), slots: s}
	h := startKeeping(t, env, s, nil, 1)
	require.NoError(t, h.Do(write(1)))
	env.take()
	persisted := func() []string {
		require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: env.last}))
		return env.take()
	}
	assert.Equal(t, []string{"respond ok to 7", "persist"}, persisted(), "the partition")
	assert.Len(t, f.held, 2, "the number and the value")
	assert.Empty(t, persisted(), "the sessions wait")
	require.Len(t, env.hardens, 1)
	require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventHardened, NowMS: 1000, Token: env.hardens[0] + 1}))
	assert.Empty(t, env.take(), "for this and no other")
	require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventHardened, NowMS: 1000, Token: env.hardens[0]}))
	assert.Equal(t, []string{"persist"}, env.take())
	require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventHardened, NowMS: 1000, Token: env.hardens[0]}), "said twice")
	assert.Equal(t, []string{"truncate before 2"}, persisted())
	assert.NotNil(t, h.Core().Look("k", "set"))

	full := errors.New("no space left")
	env.failHard, err = full, nil
	for req := uint64(2); req < 20 && err == nil; req++ { // until as much is written as the last checkpoint had
		require.NoError(t, h.Do(write(req)))
		err = h.Do(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: env.last})
	}
	require.ErrorIs(t, err, host.ErrPersist)
	require.ErrorIs(t, err, full)

	env.failHard, env.failKeep = nil, full
	h = startKeeping(t, env, s, env.records, 2)
	require.NoError(t, h.Do(write(30)))
	err = h.Do(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: env.last})
	require.ErrorIs(t, err, full)
	require.ErrorIs(t, h.Do(write(31)), host.ErrStopped)

	h = startKeeping(t, new(memory), s, nil, 3)
	require.NoError(t, h.Do(write(1)))
	require.ErrorContains(t, h.Do(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: 1}), "Keeper")
}

// TestRestartOverALostValue: the error says why.
func TestRestartOverALostValue(t *testing.T) {
	f := &fake{held: map[string][]byte{}}
	s, err := host.NewSlots(f, nil, 1)
	require.NoError(t, err)
	env := &keeping{memory: new(memory), slots: s}
	h := startKeeping(t, env, s, nil, 1)
	require.NoError(t, h.Do(write(1)))
	for range 2 {
		require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: env.last}))
	}
	require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventHardened, NowMS: 1000, Token: env.hardens[0]}))
	require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: env.last}))
	f.fails = []error{store.ErrCorrupt, store.ErrCorrupt}
	require.NoError(t, h.Do(kvs.Event{Kind: kvs.EventTick, NowMS: 1000}), "it writes down what is lost")
	err = h.Do(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: env.last})
	require.ErrorIs(t, err, host.ErrRestart)
	require.ErrorIs(t, err, kvs.ErrValueLost)
	require.ErrorIs(t, err, store.ErrCorrupt)
	require.ErrorIs(t, h.Start(), host.ErrStopped)
}

// behind is an engine that refuses values until its background work is done.
type behind struct {
	fake
	queue   *store.Queue
	left    int   // steps
	fault   error // of a step, for so many of them
	faults  int
	offered bool
	never   bool // it is not offered
}

func (b *behind) Set(key, value []byte) error {
	if b.left == 0 {
		return b.fake.Set(key, value)
	}
	if !b.offered && !b.never {
		b.offered = true
		if err := b.queue.Offer("merge", b.step); err != nil {
			return err
		}
	}
	return fmt.Errorf("set: %w", store.ErrBackpressure)
}

func (b *behind) step() (more bool, err error) {
	if b.faults > 0 {
		b.faults--
		b.offered = false
		return false, b.fault
	}
	b.left--
	b.offered = b.left > 0
	return b.offered, nil
}

// TestKeepingBehind: a value is kept though the engine is behind with its background work, which
// is done for it; if that fails again and again, or there is none, the error says so.
func TestKeepingBehind(t *testing.T) {
	q, err := store.NewQueue(1)
	require.NoError(t, err)
	b := &behind{fake: fake{held: map[string][]byte{}}, queue: q, fault: errors.New("no space left"), left: 2}
	s, err := host.NewSlots(b, q, 17)
	require.NoError(t, err, "the number, too")
	keep := func(value string) error {
		err := s.Keep(5, []byte(value))
		got, failed := s.Get(5)
		require.NoError(t, failed)
		assert.Equal(t, err == nil, string(got) == value)
		return err
	}
	b.left = 4000
	require.NoError(t, keep("one"))
	assert.Zero(t, b.left)

	b.left, b.faults = 2, 2
	require.NoError(t, keep("two"), "work that fails is tried again")
	b.left, b.faults = 2, 3
	err = keep("three")
	require.ErrorIs(t, err, store.ErrBackpressure)
	require.ErrorIs(t, err, b.fault)
	assert.Equal(t, 2, b.left)
	require.NoError(t, keep("three"))

	b.left, b.never = 1, true
	err = keep("four")
	require.ErrorIs(t, err, store.ErrBackpressure)
	require.ErrorContains(t, err, "no work")
	s, err = host.NewSlots(b, nil, 17)
	require.NoError(t, err)
	require.ErrorIs(t, s.Keep(5, []byte("four")), store.ErrBackpressure, "nor without a queue")
	ran, err := s.Step()
	require.NoError(t, err)
	assert.False(t, ran)
}

// TestSteps: background work is done by Step, where nothing has to wait for it.
func TestSteps(t *testing.T) {
	q, err := store.NewQueue(1)
	require.NoError(t, err)
	b := &behind{fake: fake{held: map[string][]byte{}}, queue: q, fault: errors.New("no space left")}
	s, err := host.NewSlots(b, q, 17)
	require.NoError(t, err)
	b.left = 3
	require.NoError(t, q.Offer("merge", b.step))
	for range 3 {
		ran, err := s.Step()
		require.NoError(t, err)
		assert.True(t, ran)
	}
	ran, err := s.Step()
	require.NoError(t, err)
	assert.False(t, ran)
	b.faults = 1
	require.NoError(t, q.Offer("merge", b.step))
	ran, err = s.Step()
	require.ErrorIs(t, err, b.fault)
	assert.True(t, ran)
}

// scripted is an engine that refuses values while a script of its background work lasts: of each letter
// 'w' is a step that does some, 'f' one that fails, and '-' a time at which there is none.
type scripted struct {
	fake
	queue  *store.Queue
	script string
	at     int
	sets   int
	fault  error
}

func (s *scripted) Set(key, value []byte) error {
	s.sets++
	if s.at >= len(s.script) {
		return s.fake.Set(key, value)
	}
	if s.script[s.at] == '-' {
		s.at++
	} else if err := s.queue.Offer("merge", s.step); err != nil {
		return err
	}
	return fmt.Errorf("set: %w", store.ErrBackpressure)
}

func (s *scripted) step() (more bool, err error) {
	s.at++
	if s.script[s.at-1] == 'f' {
		return false, s.fault
	}
	return false, nil
}

// TestKeepingByTheScript: work that fails is counted in all, times without any work in a row, and after
// each step, also one that failed, the value is tried again: the engine may take it by then.
func TestKeepingByTheScript(t *testing.T) {
	idle := func(n int) string { return strings.Repeat("-", n) }
	for _, c := range []struct {
		script string
		kept   bool
		says   string
	}{
		{"", true, ""}, {"w", true, ""}, {"wwwwwwww", true, ""},
		{"f", true, ""}, {"ff", true, ""}, {"wfwwfw", true, ""},
		{"fff", false, "failed 3 times"}, {"wfwfwwwf", false, "failed 3 times"}, {"f-f-fw", false, "failed 3 times"},
		{idle(2047), true, ""}, {idle(2048) + "w", false, "no work"}, {"w" + idle(2048) + "w", false, "no work"},
		{idle(2000) + "w" + idle(2000) + "ww" + idle(2047), true, ""},
	} {
		q, err := store.NewQueue(1)
		require.NoError(t, err)
		e := &scripted{fake: fake{held: map[string][]byte{}}, queue: q, fault: errors.New("no space left")}
		s, err := host.NewSlots(e, q, 17)
		require.NoError(t, err)
		e.script, e.sets = c.script, 0
		err = s.Keep(5, []byte("five"))
		name := strings.ReplaceAll(c.script, idle(100), "=")
		if c.kept {
			require.NoError(t, err, name)
			require.Equal(t, len(c.script)+1, e.sets, "%s: once, and again after each step and each time without", name)
			continue
		}
		require.ErrorIs(t, err, store.ErrBackpressure, name)
		require.ErrorContains(t, err, c.says, name)
		require.Equal(t, c.says != "no work", errors.Is(err, e.fault), name)
	}
}

// TestKeepingAfterOthersFailed has work of others in the queue, all of which fails: the value is tried
// again after each of it, and kept once the engine takes it.
func TestKeepingAfterOthersFailed(t *testing.T) {
	q, err := store.NewQueue(5)
	require.NoError(t, err)
	e := &scripted{fake: fake{held: map[string][]byte{}}, queue: q, script: "--"}
	s, err := host.NewSlots(e, q, 17)
	require.NoError(t, err)
	e.at = 0
	for range 5 {
		require.NoError(t, q.Offer("another's", func() (bool, error) { return false, errors.New("no space left") }))
	}
	require.NoError(t, s.Keep(5, []byte("five")))
	require.Equal(t, 3, q.Len(), "of the others' work")
}

// TestStepsOneByOne: who asks for a step while another does one waits for it, and is not told that there
// is no work.
func TestStepsOneByOne(t *testing.T) {
	q, err := store.NewQueue(1)
	require.NoError(t, err)
	s, err := host.NewSlots(&fake{held: map[string][]byte{}}, q, 17)
	require.NoError(t, err)
	const work = 200
	var steps atomic.Int64
	require.NoError(t, q.Offer("merge", func() (bool, error) {
		for range 100 {
			runtime.Gosched()
		}
		return steps.Add(1) < work, nil
	}))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for ran := true; ran; {
				var err error
				ran, err = s.Step()
				assert.NoError(t, err)
			}
			assert.Equal(t, int64(work), steps.Load(), "work was left")
		})
	}
	all.Wait()
}
