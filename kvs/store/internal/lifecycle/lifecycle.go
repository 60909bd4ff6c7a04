// Package lifecycle is whether an engine takes an operation: until it is closed, and,
// where the operation changes something, as long as its disk has failed nothing.
package lifecycle

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
)

// State is where an engine is in its life. The zero value is open and whole. It is
// guarded by its engine's lock.
type State struct {
	closed bool
	failed error
}

// Usable is nil if op can be done. Else it wraps [store.ErrClosed].
func (s *State) Usable(op string) error {
	if s.closed {
		return fmt.Errorf("%s: %w", op, store.ErrClosed)
	}
	return nil
}

// Ready is nil if op, which changes something, can be done. Else it wraps
// [store.ErrClosed] or [store.ErrFailed].
func (s *State) Ready(op string) error {
	if err := s.Usable(op); err != nil {
		return err
	}
	if s.failed != nil {
		return fmt.Errorf("%s: %w", op, s.failed)
	}
	return nil
}

// Live reports that the engine is neither closed nor failed.
func (s *State) Live() bool { return !s.closed && s.failed == nil }

// Fail makes the engine take no more changes and returns the error that says so, which
// wraps [store.ErrFailed] and the cause. The first failure stays.
func (s *State) Fail(cause error) error {
	if s.failed == nil {
		s.failed = fmt.Errorf("%w: %w", store.ErrFailed, cause)
	}
	return s.failed
}

// Failed is what the engine failed with, nil if it did not.
func (s *State) Failed() error { return s.failed }

// Close ends the engine's life.
func (s *State) Close() { s.closed = true }

// Closed reports that it has ended.
func (s *State) Closed() bool { return s.closed }
