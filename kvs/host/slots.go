package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/store"
)

// Slots has a storage engine keep the values of a replica: it is the [kvs.Values] that
// the core reads from, and what an Env's Keep and Harden come down to. A slot is a key of
// eight bytes. The level [store.None] of durability will do, since all that has to be
// durable is what was put there before Sync. It is as safe for concurrent use as the
// engine.
//
// An engine whose background work is queued ([store.Queue]) has it done by Step, which the
// host calls between events or on a goroutine of its own, as long as there is any. Where it
// is not called often enough, and the engine refuses a value for that (store.ErrBackpressure),
// Keep does the work first, and whoever keeps the value waits for it.
type Slots struct {
	engine store.Engine
	id     uint64

	stepping sync.Mutex
	queue    *store.Queue // nil if the engine does its background work by itself
}

var _ kvs.Values = (*Slots)(nil)

var idKey = []byte("id") // shorter than a slot's

// NewSlots returns the slots in an engine that has been opened, and whose background work
// is in the queue; nil is for [store.Inline]. An engine that has no slots yet gets the number
// fresh, which must be unlike all that were given to engines of the node before: the number of
// the incarnation will do. Errors are those of the engine.
//
// An engine that cannot be opened, or here, since its files are damaged (store.ErrCorrupt,
// store.ErrMissing), is best replaced by an empty one: under the new number the replica
// sees that what it had kept is gone, and has its peers bring it up.
func NewSlots(e store.Engine, queue *store.Queue, fresh uint64) (*Slots, error) {
	s := &Slots{engine: e, queue: queue}
	b, err := e.Get(idKey)
	switch {
	case err != nil:
		return nil, fmt.Errorf("host: the number of the engine: %w", err)
	case len(b) == 8:
		s.id = binary.BigEndian.Uint64(b)
		return s, nil
	case b != nil:
		return nil, fmt.Errorf("host: the number of the engine: %w: %d bytes, want 8; is it an engine of something else?", store.ErrCorrupt, len(b))
	}
	if err = s.set(idKey, binary.BigEndian.AppendUint64(nil, fresh)); err == nil {
		err = e.Sync()
	}
	if err != nil {
		return nil, fmt.Errorf("host: give the engine a number: %w", err)
	}
	s.id = fresh
	return s, nil
}

// ID is the number of the engine.
func (s *Slots) ID() uint64 { return s.id }

// Get returns what is kept in a slot. What is damaged or missing is lost; a read that may
// only have failed is tried once more before it is called that.
func (s *Slots) Get(slot uint64) ([]byte, error) {
	b, err := s.engine.Get(slotKey(slot))
	if lost(err) {
		b, err = s.engine.Get(slotKey(slot))
	}
	if lost(err) {
		return nil, fmt.Errorf("%w: %w", kvs.ErrValueLost, err)
	}
	return b, err
}

func lost(err error) bool {
	return errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrMissing) || errors.Is(err, store.ErrMissingSegment)
}

// Keep carries out [Keeper.Keep]. It has background work done while the engine is behind with
// that. An error then wraps store.ErrBackpressure: the work failed several times while the value
// waited, or none is left that could help.
func (s *Slots) Keep(slot uint64, value []byte) error { return s.set(slotKey(slot), value) }

// How long a value is tried to be set. Work that has failed is offered again after some tries,
// at most 1024 in package store.
const (
	maxFailed = 3       // times that background work fails
	maxIdle   = 1 << 11 // tries in a row between which there is none
	maxTries  = 1 << 20 // tries, and steps between them
)

func (s *Slots) set(key, value []byte) error {
	err := s.engine.Set(key, value)
	failed, idle := 0, 0
	for range maxTries {
		if !errors.Is(err, store.ErrBackpressure) {
			return err
		}
		ran, fault := s.Step()
		switch {
		case fault != nil:
			if failed++; failed == maxFailed {
				return fmt.Errorf("%w; catching up failed %d times: %w", err, failed, fault)
			}
		case ran:
			idle = 0
		default:
			if idle++; idle == maxIdle {
				return fmt.Errorf("%w; there is no work that could be done about it", err)
			}
		}
		err = s.engine.Set(key, value)
	}
	if errors.Is(err, store.ErrBackpressure) {
		return fmt.Errorf("%w, after %d steps", err, maxTries)
	}
	return err
}

// Step does a bounded part of the engine's background work and reports whether there was any.
// An error is that of the work: the engine tries it again after some operations, and says
// store.ErrFailed if it cannot go on. Nobody else may run steps of the queue.
func (s *Slots) Step() (ran bool, err error) {
	if s.queue == nil {
		return false, nil
	}
	s.stepping.Lock()
	defer s.stepping.Unlock()
	return s.queue.Step()
}

// Sync makes all that is kept durable, and returns when it is.
func (s *Slots) Sync() error { return s.engine.Sync() }

func slotKey(slot uint64) []byte { return binary.BigEndian.AppendUint64(nil, slot) }
