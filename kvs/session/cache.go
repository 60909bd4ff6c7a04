package session

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
)

// Cache is an option of a session, Anna's client cache: what the session has read lately,
// from which it may answer its own reads without asking a replica. What may be answered so
// is the level's to say:
//
//   - eventual, mw, wfr: anything. At mw and wfr each read stands by itself, and what was
//     read was complete.
//   - mr: anything, since it is what the session has seen last of the key, as long as
//     each answer to a read of the key is kept ([Cache.Keep]).
//   - ryw, pram, causal: what was read when the part of the session's past that names
//     the partition of the key was what it is now. The replica that answered had
//     all of that then, so that the answer is one which a replica might still give.
//
// What is older than MaxAgeMS is not used, so that what others write is seen in the end.
// At mr it may be used all the same where no replica can answer ([Cache.Stale]): so a
// session with a cache reads what it has read before whatever is cut off from what, which
// Bailis et al. show of this guarantee (VLDB'14, section 5.1.3).
//
// A cache is for one session. It is not safe for concurrent use.
type Cache struct {
	MaxAgeMS uint64 // of what is used, in milliseconds
	Max      int    // values that are kept, at least 1; of more the one read longest ago goes
	entries  []cacheEntry
}

type cacheEntry struct {
	key, kind string
	partition ring.Partition
	value     []byte
	found     bool
	at        uint64
	past      Matrix // of the session, as far as it names the partition
}

// Reset forgets all.
func (c *Cache) Reset() { c.entries = c.entries[:0] }

// Keep takes note of an answer that s has observed: the value under a key of a partition.
func (c *Cache) Keep(s *Session, p ring.Partition, key, kind string, value []byte, found bool, nowMS uint64) {
	x := cacheEntry{key, kind, p, slices.Clone(value), found, nowMS, s.naming(p)}
	if at := c.find(key, kind); at >= 0 {
		c.entries = slices.Delete(c.entries, at, at+1)
	} else if len(c.entries) >= max(c.Max, 1) {
		c.entries = slices.Delete(c.entries, 0, 1)
	}
	c.entries = append(c.entries, x)
}

func (c *Cache) find(key, kind string) int {
	return slices.IndexFunc(c.entries, func(x cacheEntry) bool { return x.key == key && x.kind == kind })
}

// Get is what s may be answered with for a read; ok is false if a replica is to be asked.
// The value must not be changed.
func (c *Cache) Get(s *Session, key, kind string, nowMS uint64) (value []byte, found, ok bool) {
	at := c.find(key, kind)
	if at < 0 {
		return nil, false, false
	}
	x := &c.entries[at]
	if nowMS >= x.at+c.MaxAgeMS || s.Level.Guarantees()&RYW != 0 && !slices.Equal(x.past, s.naming(x.partition)) {
		return nil, false, false
	}
	return x.value, x.found, true
}

// Stale is what s may be answered with where no replica can, however old it is; ok is false
// if the read fails.
func (c *Cache) Stale(s *Session, key, kind string) (value []byte, found, ok bool) {
	at := c.find(key, kind)
	if at < 0 || s.Level != MonotonicReads {
		return nil, false, false
	}
	return c.entries[at].value, c.entries[at].found, true
}

// naming is the part of the past that a read of p must see: its row, and all cuts.
func (s *Session) naming(p ring.Partition) (part Matrix) {
	if !s.Level.Requires() {
		return nil
	}
	for _, m := range s.seen {
		if m.Partition == p || m.Partition >= Cuts {
			part = append(part, m)
		}
	}
	return part
}
