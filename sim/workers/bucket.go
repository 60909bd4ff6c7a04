package workers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/sim"
)

// errBucket is a request to the object store that failed: it may have been carried out.
var errBucket = errors.New("sim/workers: the object store failed a request")

// objects is an object store that all nodes share and that outlives them.
type objects struct {
	data    map[string][]byte
	head    []byte
	swaps   int
	swapped func(head []byte) // is told of each swap
	stored  func(n sim.NodeID, name string)
}

func newObjects() *objects { return &objects{data: make(map[string][]byte)} }

// client is the object store as a node sees it: requests fail, before or after they are
// carried out, and a node that crashes makes no more.
type client struct {
	*objects
	node *attached
}

// attached is what a node's storage knows of the event that the node handles.
type attached struct{ c *sim.Context }

// bucketPermille is how often a request fails at the low level of disk errors.
const bucketPermille = 4

// ask carries out a request that changes something.
func (b client) ask(do func()) error {
	c := b.node.c
	if c == nil || !c.Effect() {
		return errBucket
	}
	fault := c.StorageFault(sim.DiskError, "disk.bucket", 3, permille(bucketPermille))
	if fault == 1 {
		return errBucket
	}
	do()
	if fault == 2 {
		return fmt.Errorf("%w, having carried it out", errBucket)
	}
	return nil
}

func permille(n uint32) uint32 { return n * (1 << 32 / 1000) }

// Put implements [store.Bucket].
func (b client) Put(name string, size int64, r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, size+1))
	if err != nil {
		return err
	}
	if int64(len(data)) != size {
		return fmt.Errorf("put %s: %d bytes, want %d", name, len(data), size)
	}
	return b.ask(func() {
		b.data[name] = data
		if b.stored != nil {
			b.stored(b.node.c.Self(), name)
		}
	})
}

// Get implements [store.Bucket].
func (b client) Get(name string) (io.ReadCloser, error) {
	data, ok := b.data[name]
	if !ok {
		return nil, fmt.Errorf("get %s: %w", name, store.ErrNoObject)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// Delete implements [store.Bucket].
func (b client) Delete(name string) error { return b.ask(func() { delete(b.data, name) }) }

// List implements [store.Bucket].
func (b client) List(prefix string) ([]string, error) {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(b.data)), func(s string) bool { return !strings.HasPrefix(s, prefix) }), nil
}

// Head implements [store.Bucket].
func (b client) Head() ([]byte, string, error) {
	if b.swaps == 0 {
		return nil, "", nil
	}
	return bytes.Clone(b.head), strconv.Itoa(b.swaps), nil
}

// SwapHead implements [store.Bucket].
func (b client) SwapHead(tag string, data []byte) error {
	if _, now, _ := b.Head(); now != tag {
		return fmt.Errorf("swap head %s: %w: it is %s", tag, store.ErrConflict, now)
	}
	return b.ask(func() {
		b.head, b.swaps = bytes.Clone(data), b.swaps+1
		if b.swapped != nil {
			b.swapped(b.head)
		}
	})
}
