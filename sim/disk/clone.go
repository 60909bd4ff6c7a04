package disk

import (
	"maps"
	"slices"
)

// FSStats counts what happened to a file system.
type FSStats struct {
	Errors      int64 // operations that failed by a fault
	Full        int64 // operations that found no room
	Torn        int64 // writes of which a crash kept a part
	Kept, Lost  int64 // unsynced writes that a crash kept whole, or lost
	NamesKept   int64 // unsynced changes of names that a crash kept
	NamesLost   int64
	Rotten      int64 // files in which a bit flipped
	Misdirected int64 // writes that landed elsewhere
	Spared      int64 // damage that the budget did not grant
}

// Clone copies all that is, what is not durable included, and decisions still to be made
// excepted. Handles of f are none of the copy's.
func (f *FS) Clone() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.clone()
}

func (f *FS) clone() *FS {
	c := &FS{
		opts: f.opts, names: map[string]*inode{}, durable: map[string]*inode{}, dirs: maps.Clone(f.dirs),
		births: maps.Clone(f.births), locks: maps.Clone(f.locks), life: f.life, ops: f.ops, stats: f.stats,
	}
	copies := map[*inode]*inode{nil: nil}
	of := func(n *inode) *inode {
		if _, done := copies[n]; !done {
			copies[n] = &inode{
				key: n.key, ops: n.ops, data: slices.Clone(n.data), durable: slices.Clone(n.durable), pending: slices.Clone(n.pending),
			}
		}
		return copies[n]
	}
	for name, n := range f.names { //joinery:anyorder fills a map
		c.names[name] = of(n)
	}
	for name, n := range f.durable { //joinery:anyorder fills a map
		c.durable[name] = of(n)
	}
	for _, ch := range f.changes {
		c.changes = append(c.changes, change{ch.from, ch.to, of(ch.node)})
	}
	return c
}
