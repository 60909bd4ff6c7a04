package sim

import (
	"math"

	"github.com/joinery-go/joinery/gen/choice"
)

// storageLevel is the level of a class that devices ask for.
func (w *World) storageLevel(c Class) Level {
	switch c {
	case Disk:
		return w.opts.DiskFaults
	case DiskError:
		return w.opts.ProcessFaults.DiskError
	case Rot:
		return w.opts.ProcessFaults.Rot
	}
	return Off
}

// extremely is how much more often a device's fault strikes at the extreme level.
const extremely = 4

func scaled(l Level, rare uint32) uint32 {
	if l == Extreme {
		return uint32(min(uint64(rare)*extremely, math.MaxUint32))
	}
	return rare
}

// StorageFault asks for a decision of a class of storage faults (Disk, DiskError or
// Rot), in [0, n), 0 being benign. A random source answers 0 but for rare in 2^32
// at the low level, four times as often at the extreme one. Without
// the class in force it is 0 and not asked. What is decided counts as effective.
// For devices, as they act for the node.
func (c *Context) StorageFault(class Class, site string, n int, rare uint32) int {
	l := c.w.storageLevel(class)
	if !c.w.faulty || l == Off {
		return 0
	}
	v := c.ChooseRare(site, n, scaled(l, rare))
	if v != 0 {
		c.w.stats.Decided[class]++
		c.w.stats.Effective[class]++
	}
	return v
}

// StorageFault is [Context.StorageFault] under the lineage of the crash. What is
// decided counts as effective once [CrashContext.Struck] says so.
func (c *CrashContext) StorageFault(class Class, site string, n int, rare uint32) int {
	l := c.w.storageLevel(class)
	if !c.w.faulty || l == Off || n <= 1 {
		return 0
	}
	k := c.kids.key(c.key, choice.MixString(branchChoice, site))
	v := c.w.choose(choice.Point{Site: site, Key: k, N: uint64(n), Rare: scaled(l, rare)})
	if v != 0 {
		c.w.stats.Decided[class]++
	}
	return int(v)
}

// Struck counts a fault of the class as effective.
func (c *CrashContext) Struck(class Class) { c.w.stats.Effective[class]++ }
