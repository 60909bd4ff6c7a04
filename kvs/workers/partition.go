package workers

import (
	"fmt"
	"maps"
	"slices"
)

// Class is what the items of a stream are. Of each class there is a stream between any two
// of its ends.
type Class uint8

// The classes. Only [Finish] and [Answered] are taken whatever else waits.
const (
	Input    Class = iota // operations, from a source to the first of their partitions
	Request               // operations, from a partition to a later one
	Finish                // ends of transactions, from a partition to an earlier one
	Answered              // answers, from a partition to a source
	numClasses
)

// String is the class in a word.
func (c Class) String() string {
	if c < numClasses {
		return [...]string{"input", "request", "finish", "answer"}[c]
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// Stream is a sequence of items, numbered from 0, that are taken in order and once.
type Stream struct {
	Class    Class
	From, To uint32 // a source or a partition, as the class says
}

func (s *Stream) code(c *coder) {
	small(c, &s.Class, uint64(numClasses))
	small(c, &s.From, MaxPartitions)
	small(c, &s.To, MaxPartitions)
}

// valid reports whether both ends are there.
func (s Stream) valid(c *Config) bool {
	from, to := c.Partitions, c.Partitions
	switch s.Class {
	case Input:
		from = c.Sources
	case Answered:
		to = c.Sources
	}
	return int(s.From) < from && int(s.To) < to
}

// item is a message of a stream that is not acknowledged.
type item struct {
	version uint64 // in which it was sent
	body    []byte
}

// outbox is the end of a stream at its sender: channel state, which is part of every
// snapshot.
type outbox struct {
	low   uint64 // the number of the first item; those before are acknowledged
	items []item
}

func (o *outbox) high() uint64 { return o.low + uint64(len(o.items)) }

// acknowledge drops the items before next, and reports whether there were any.
func (o *outbox) acknowledge(next uint64) bool {
	if next <= o.low || next > o.high() {
		return false
	}
	o.items = slices.Clone(o.items[next-o.low:])
	o.low = next
	return true
}

func (o *outbox) code(c *coder) {
	c.uint(&o.low)
	list(c, &o.items, maxItems, func(i *item) {
		c.uint(&i.version)
		c.bytes(&i.body, maxBody)
	})
}

// partition is all of a partition but the values under its keys: as much as the windows
// allow, whatever the number of keys.
type partition struct {
	id    uint32
	dirty bool // since it was last written to the engine

	input, request, finish []uint64 // what comes next, by sender
	outRequest, outFinish  []outbox // by partition
	outAnswer              []outbox // by source
	locks                  map[string]OpID
}

func newPartition(c *Config, id uint32) *partition {
	return &partition{
		id:    id,
		input: make([]uint64, c.Sources), request: make([]uint64, c.Partitions), finish: make([]uint64, c.Partitions),
		outRequest: make([]outbox, c.Partitions), outFinish: make([]outbox, c.Partitions), outAnswer: make([]outbox, c.Sources),
		locks: make(map[string]OpID),
	}
}

// next is the number of the item that a stream has next, at its receiver.
func (p *partition) next(s Stream) *uint64 {
	switch s.Class {
	case Input:
		return &p.input[s.From]
	case Request:
		return &p.request[s.From]
	case Finish:
		return &p.finish[s.From]
	}
	panic("workers: a partition receives no " + s.Class.String())
}

// out is the end of a stream at its sender.
func (p *partition) out(s Stream) *outbox {
	switch s.Class {
	case Request:
		return &p.outRequest[s.To]
	case Finish:
		return &p.outFinish[s.To]
	case Answered:
		return &p.outAnswer[s.To]
	}
	panic("workers: a partition sends no " + s.Class.String())
}

// lock is a key that a transaction holds.
type lock struct {
	key string
	id  OpID
}

func (p *partition) code(c *coder) {
	for _, counts := range [][]uint64{p.input, p.request, p.finish} {
		for i := range counts {
			c.uint(&counts[i])
		}
	}
	for _, boxes := range [][]outbox{p.outRequest, p.outFinish, p.outAnswer} {
		for i := range boxes {
			boxes[i].code(c)
		}
	}
	var locks []lock
	for _, key := range slices.Sorted(maps.Keys(p.locks)) {
		locks = append(locks, lock{key, p.locks[key]})
	}
	list(c, &locks, MaxWindow*maxKeys, func(l *lock) {
		c.string(&l.key, maxKey)
		l.id.code(c)
	})
	for _, l := range locks {
		p.locks[l.key] = l.id
	}
}

// encode is the record of the partition, the same for equal ones.
func (p *partition) encode() []byte { return encode(nil, p.code) }

// loadPartition reads a partition's record; none is that of an empty partition.
func loadPartition(c *Config, id uint32, record []byte) (*partition, error) {
	p := newPartition(c, id)
	if record == nil {
		return p, nil
	}
	if err := decode(fmt.Sprintf("partition %d", id), record, p.code); err != nil {
		return nil, err
	}
	return p, nil
}
