package workers

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/joinery-go/joinery/kvs/store"
)

// OpID names an operation: the source that logged it, and its offset there, from 1.
type OpID struct {
	Source uint32
	Offset uint64
}

// String is source/offset.
func (id OpID) String() string { return fmt.Sprintf("%d/%d", id.Source, id.Offset) }

func (id *OpID) code(c *coder) {
	small(c, &id.Source, MaxSources)
	c.uint(&id.Offset)
}

// Op is a transaction: a procedure, and all keys that it may read and write.
type Op struct {
	ID        OpID // given by the source
	Procedure string
	Args      []byte
	Keys      [][]byte // distinct
}

// Procedure computes a transaction from the values under its keys, in the order of the
// keys as the operation was submitted, nil where there is none. It returns what they are
// from then on, nil for a key that goes, and a result for who asked; or ok false: then the
// transaction is rolled back, nothing is written, and the result says why. It must be a
// function of what it is given, and change none of it.
type Procedure func(args []byte, values [][]byte) (writes [][]byte, result []byte, ok bool)

// Answer is what came of an operation.
type Answer struct {
	ID     OpID
	OK     bool // false: it was rolled back, and wrote nothing
	Result []byte
}

func (a *Answer) code(c *coder) {
	a.ID.code(c)
	c.bool(&a.OK)
	c.bytes(&a.Result, maxValue)
}

// PartitionOf is the partition of a key, by its hash (CRC-32C).
func (c *Config) PartitionOf(key []byte) uint32 {
	return crc32.Checksum(key, castagnoli) % uint32(c.Partitions)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// check refuses operations that no worker could execute.
func (c *Config) check(o *Op) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrOp, fmt.Sprintf(format, args...))
	}
	switch {
	case c.Procedures[o.Procedure] == nil:
		return bad("there is no procedure %q", o.Procedure)
	case len(o.Keys) == 0 || len(o.Keys) > maxKeys:
		return bad("%d keys, want 1 to %d", len(o.Keys), maxKeys)
	case len(o.Args) > maxValue:
		return bad("%d bytes of arguments, want at most %d", len(o.Args), maxValue)
	}
	for i, k := range o.Keys {
		if len(k) == 0 || len(k) > maxKey {
			return bad("key %d has %d bytes, want 1 to %d", i, len(k), maxKey)
		}
		for _, other := range o.Keys[:i] {
			if bytes.Equal(k, other) {
				return bad("key %q stands twice", k)
			}
		}
	}
	return nil
}

// request is an operation on its way through its partitions, in ascending order: keys of
// partitions before the present one are locked there, and their values are with it.
type request struct {
	op     Op
	values [][]byte // by key, as far as they were read
}

func (r *request) code(c *coder) {
	r.op.ID.code(c)
	c.string(&r.op.Procedure, maxKey)
	c.bytes(&r.op.Args, maxValue)
	list(c, &r.op.Keys, maxKeys, func(k *[]byte) { c.bytes(k, maxKey) })
	list(c, &r.values, maxKeys, func(v *[]byte) { c.bytes(v, maxValue) })
}

// check says whether the request is one that this configuration makes.
func (r *request) check(c *Config) error {
	if err := c.check(&r.op); err != nil {
		return err
	}
	if len(r.values) != len(r.op.Keys) {
		return fmt.Errorf("%w: %d values of %d keys", ErrDecode, len(r.values), len(r.op.Keys))
	}
	return nil
}

// route are the partitions of an operation, ascending.
func (c *Config) route(o *Op) []uint32 {
	var out []uint32
	for _, k := range o.Keys {
		out = append(out, c.PartitionOf(k))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// finish ends a transaction at a partition that it has locked: what is written there, if it
// was not rolled back.
type finish struct {
	id     OpID
	keys   [][]byte
	writes [][]byte // by key; none at all if it was rolled back
}

func (f *finish) code(c *coder) {
	f.id.code(c)
	list(c, &f.keys, maxKeys, func(k *[]byte) { c.bytes(k, maxKey) })
	list(c, &f.writes, maxKeys, func(v *[]byte) { c.bytes(v, maxValue) })
}

// The keys of an engine: a partition's number, then what it is. So the partitions of a
// worker are a range of keys.
const (
	kindMeta = 'm' // one record: see partition.code
	kindData = 'v' // and the key
)

func metaKey(partition uint32) []byte { return []byte{byte(partition), kindMeta} }

func dataKey(partition uint32, key []byte) []byte {
	return append([]byte{byte(partition), kindData}, key...)
}

// KeysOf is the range of an engine's keys that belongs to the partitions from from on and
// below to.
func (c *Config) KeysOf(from, to uint32) store.KeyRange {
	var r store.KeyRange
	if from > 0 {
		r.From = store.Key([]byte{byte(from)})
	}
	if int(to) < c.Partitions {
		r.To = store.Key([]byte{byte(to)})
	}
	return r
}
