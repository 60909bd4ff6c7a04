// Package yardstick is what storage engines are measured against: a Go map under a
// lock, and Pebble with nothing around it. Neither is an engine: they have no versions,
// and the map is gone with its process.
package yardstick

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/joinery-go/joinery/kvs/store"
)

// Map is a Go map that is used as an engine is: from several goroutines, with keys and
// values that are checked, and copied on their way in and out.
type Map struct {
	mu     sync.Mutex
	opts   store.Options
	values map[string][]byte
}

// NewMap returns an empty map.
func NewMap() (*Map, error) {
	o, err := store.Options{Dir: "none"}.WithDefaults()
	if err != nil {
		return nil, err
	}
	return &Map{opts: o, values: map[string][]byte{}}, nil
}

// Get returns a copy of the value under key, nil if there is none.
func (m *Map) Get(key []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.opts.CheckKey("get", key); err != nil {
		return nil, err
	}
	return append([]byte(nil), m.values[string(key)]...), nil
}

// Set puts a copy of value under key; an empty one takes the key away.
func (m *Map) Set(key, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.opts.CheckKey("set", key); err != nil {
		return err
	}
	if err := m.opts.CheckValue(value); err != nil {
		return err
	}
	if len(value) == 0 {
		delete(m.values, string(key))
		return nil
	}
	m.values[string(key)] = append([]byte(nil), value...)
	return nil
}

// Close forgets everything.
func (m *Map) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values = nil
	return nil
}

// Pebble is a database of Pebble's own, with its default options, whose sets are not
// synced.
type Pebble struct{ db *pebble.DB }

// OpenPebble opens the database in dir.
func OpenPebble(dir string) (*Pebble, error) {
	db, err := pebble.Open(dir, &pebble.Options{Logger: silent{}})
	if err != nil {
		return nil, fmt.Errorf("open Pebble in %s: %w", dir, err)
	}
	return &Pebble{db}, nil
}

// Get returns a copy of the value under key, nil if there is none.
func (p *Pebble) Get(key []byte) ([]byte, error) {
	v, done, err := p.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v = append([]byte(nil), v...)
	return v, done.Close()
}

// Set puts value under key; an empty one takes the key away.
func (p *Pebble) Set(key, value []byte) error {
	if len(value) == 0 {
		return p.db.Delete(key, pebble.NoSync)
	}
	return p.db.Set(key, value, pebble.NoSync)
}

// Close closes the database.
func (p *Pebble) Close() error { return p.db.Close() }

// silent passes over what Pebble reports and stops where Pebble cannot go on.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}

// Fatalf must not return, by Pebble's contract.
func (silent) Fatalf(format string, args ...any) {
	panic("pebble cannot go on: " + fmt.Sprintf(format, args...))
}
