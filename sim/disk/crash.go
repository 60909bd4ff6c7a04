package disk

import (
	"cmp"
	"path"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// PowerCut crashes the machine: what was synced stays, of what was not the
// decisions keep an arbitrary part, and handles and locks of before are dead. The
// file system can be used again at once, as after a restart.
func (f *FS) PowerCut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.powerCut(f.life)
}

var _ sim.Device = (*FS)(nil)

// Complete has nothing to do: a Sync is durable when it returns.
func (f *FS) Complete(uint64) {}

// Crash is a PowerCut by a node's crash, under whose lineage it decides.
func (f *FS) Crash(c *sim.CrashContext) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.stats.Kept + f.stats.Torn + f.stats.NamesKept + f.stats.Rotten
	f.powerCut(c.Hash(f.life))
	if f.stats.Kept+f.stats.Torn+f.stats.NamesKept+f.stats.Rotten > kept {
		c.Survived()
	}
}

// powerCut decides under keys made from salt.
func (f *FS) powerCut(salt uint64) {
	for i, c := range f.changes {
		key := choice.Mix(choice.MixString(choice.MixString(salt, c.from), c.to), uint64(i))
		if f.ask("fs.crash.name", key, f.opts.Crash, f.opts.CrashPermille, 2) != 0 {
			f.stats.NamesKept++
			c.apply(f.durable)
		} else {
			f.stats.NamesLost++
		}
	}
	f.changes = nil
	f.names = map[string]*inode{}
	var nodes []*inode
	unit := map[*inode]string{} // its first name
	for _, name := range sortedNames(f.durable) {
		node := f.durable[name]
		f.names[name] = node
		f.mkdir(path.Dir(name)) // whose removal was no more durable than that of what was in it
		if _, known := unit[node]; !known {
			unit[node] = name
			nodes = append(nodes, node)
		}
	}
	slices.SortStableFunc(nodes, func(a, b *inode) int { return cmp.Compare(a.key, b.key) })
	for _, node := range nodes {
		f.settle(node, choice.Mix(salt, node.key))
		f.rot(node, unit[node], choice.Mix(salt, node.key+1))
	}
	f.locks = map[string]bool{}
	f.life++
	f.stopAt = 0
}

// settle decides what of a file's unsynced writes a crash keeps. Each is decided
// on its own, so a later one may survive without an earlier.
func (f *FS) settle(node *inode, key uint64) {
	for i, e := range node.pending {
		k := choice.Mix(key, uint64(i))
		switch f.ask("fs.crash.write", k, f.opts.Crash, f.opts.CrashPermille, 3) {
		case 0:
			f.stats.Lost++
		case 1:
			f.stats.Kept++
			node.durable = e.apply(node.durable)
		case 2:
			f.stats.Torn++
			for _, part := range f.tear(e, k) {
				node.durable = part.apply(node.durable)
			}
		}
	}
	node.pending = nil
	node.data = append([]byte(nil), node.durable...)
}

// tear keeps, by lineage, some of the sectors that a write covers, and of one of
// them only the first bytes.
func (f *FS) tear(e extent, key uint64) (parts []extent) {
	sector := int64(f.opts.Sector)
	for off := e.off; off < e.off+int64(len(e.data)); {
		end := min((off/sector+1)*sector, e.off+int64(len(e.data)))
		if choice.Mix(key, uint64(off))&1 == 1 {
			parts = append(parts, extent{off, e.data[off-e.off : end-e.off]})
		}
		off = end
	}
	if n := uint64(len(parts)); n > 0 {
		p := &parts[choice.Mix(key, 1)%n]
		p.data = p.data[:choice.Mix(key, 2)%uint64(len(p.data)+1)]
		if len(p.data) == 0 {
			parts = slices.DeleteFunc(parts, func(e extent) bool { return len(e.data) == 0 })
		}
	}
	return parts
}

// rot flips a bit of a file, if a decision and the budget have it so.
func (f *FS) rot(node *inode, name string, key uint64) {
	if len(node.durable) == 0 {
		return
	}
	bits := 8 * uint64(len(node.durable))
	v := f.ask("fs.rot", key, f.opts.Rot, f.opts.RotPermille, 1+bits)
	if v == 0 || !f.granted(name) {
		return
	}
	f.stats.Rotten++
	node.durable[(v-1)/8] ^= 1 << ((v - 1) % 8)
	node.data = append([]byte(nil), node.durable...)
}

// granted reports whether the budget allows the file to be spoiled.
func (f *FS) granted(name string) bool {
	if f.opts.Budget == nil || f.opts.Budget.take(f.opts.Disk, name) {
		return true
	}
	f.stats.Spared++
	return false
}

// Budget keeps damage repairable: of each unit, at least Keep of the copies on
// different disks are never spoiled. It is shared by the disks of all copies, and
// not safe for use by several at once.
type Budget struct {
	// Copies is the number of disks that hold a copy, Keep how many stay intact,
	// 1 by default.
	Copies, Keep int
	// Unit names what a file is a copy of; nil takes a disk for one unit, so that
	// damage is confined to Copies-Keep disks.
	Unit func(name string) string

	spoiled map[string][]int // disks by unit
}

// take reports whether a disk may spoil a file, and if so notes that it did.
func (b *Budget) take(disk int, name string) bool {
	unit := ""
	if b.Unit != nil {
		unit = b.Unit(name)
	}
	if b.spoiled == nil {
		b.spoiled = map[string][]int{}
	}
	disks := b.spoiled[unit]
	switch {
	case slices.Contains(disks, disk):
		return true
	case len(disks) >= b.Copies-max(b.Keep, 1):
		return false
	}
	b.spoiled[unit] = append(disks, disk)
	return true
}
