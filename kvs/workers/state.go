package workers

import "fmt"

// State is what a snapshot holds of a partition, for oracles and tools: they can hold it
// against that of other partitions, and against what is restored.
type State struct {
	Record []byte // of all but the values; equal for equal states
	// Received is, of each stream to the partition that an item came by, the number of the
	// next one, and Sent, of each from it, those of the first item that is not acknowledged
	// and of the next one.
	Received map[Stream]uint64
	Sent     map[Stream][2]uint64
	Locks    map[string]OpID   // who holds a key
	Values   map[string][]byte // by key, of those asked for
}

// ReadState reads a partition, and the values under some keys of it, by the Get of an
// engine. Errors wrap those of get, or [ErrDecode].
func (c Config) ReadState(partition uint32, keys [][]byte, get func([]byte) ([]byte, error)) (*State, error) {
	record, err := get(metaKey(partition))
	if err != nil {
		return nil, fmt.Errorf("read partition %d: %w", partition, err)
	}
	p, err := loadPartition(&c, partition, record)
	if err != nil {
		return nil, err
	}
	s := &State{
		Record: p.encode(), Locks: p.locks,
		Received: make(map[Stream]uint64), Sent: make(map[Stream][2]uint64), Values: make(map[string][]byte),
	}
	for _, of := range []struct {
		class Class
		next  []uint64
	}{{Input, p.input}, {Request, p.request}, {Finish, p.finish}} {
		for from, next := range of.next {
			if next > 0 {
				s.Received[Stream{of.class, uint32(from), partition}] = next
			}
		}
	}
	for _, of := range []struct {
		class Class
		boxes []outbox
	}{{Request, p.outRequest}, {Finish, p.outFinish}, {Answered, p.outAnswer}} {
		for to := range of.boxes {
			if box := &of.boxes[to]; box.high() > 0 {
				s.Sent[Stream{of.class, partition, uint32(to)}] = [2]uint64{box.low, box.high()}
			}
		}
	}
	for _, k := range keys {
		if c.PartitionOf(k) != partition {
			continue
		}
		if s.Values[string(k)], err = get(dataKey(partition, k)); err != nil {
			return nil, fmt.Errorf("read %q: %w", k, err)
		}
	}
	return s, nil
}
