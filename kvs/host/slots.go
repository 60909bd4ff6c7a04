package host

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/store"
)

// Slots has a storage engine keep the values of a replica: it is the [kvs.Values] that
// the core reads from, and what an Env's Keep and Harden come down to. A slot is a key of
// eight bytes. The level [store.None] of durability will do, since all that has to be
// durable is what was put there before Sync. It is as safe for concurrent use as the
// engine.
type Slots struct {
	engine store.Engine
	id     uint64
}

var _ kvs.Values = (*Slots)(nil)

var idKey = []byte("id") // shorter than a slot's

// NewSlots returns the slots in an engine that has been opened. An engine that has no
// slots yet gets the number fresh, which must be unlike all that were given to engines of
// the node before: the number of the incarnation will do. Errors are those of the engine.
//
// An engine that cannot be opened, or here, since its files are damaged (store.ErrCorrupt,
// store.ErrMissing), is best replaced by an empty one: under the new number the replica
// sees that what it had kept is gone, and has its peers bring it up.
func NewSlots(e store.Engine, fresh uint64) (*Slots, error) {
	b, err := e.Get(idKey)
	switch {
	case err != nil:
		return nil, fmt.Errorf("host: the number of the engine: %w", err)
	case len(b) == 8:
		return &Slots{e, binary.BigEndian.Uint64(b)}, nil
	case b != nil:
		return nil, fmt.Errorf("host: the number of the engine: %w: %d bytes, want 8; is it an engine of something else?", store.ErrCorrupt, len(b))
	}
	if err = e.Set(idKey, binary.BigEndian.AppendUint64(nil, fresh)); err == nil {
		err = e.Sync()
	}
	if err != nil {
		return nil, fmt.Errorf("host: give the engine a number: %w", err)
	}
	return &Slots{e, fresh}, nil
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

// Keep carries out [Keeper.Keep].
func (s *Slots) Keep(slot uint64, value []byte) error { return s.engine.Set(slotKey(slot), value) }

// Sync makes all that is kept durable, and returns when it is.
func (s *Slots) Sync() error { return s.engine.Sync() }

func slotKey(slot uint64) []byte { return binary.BigEndian.AppendUint64(nil, slot) }
