package kvs

// clock is a hybrid logical clock (Kulkarni et al., OPODIS'14): milliseconds of
// the physical clock in the upper 48 bits, a counter in the lower 16. It follows
// the physical clock while that runs ahead, and never stands still or goes back
// when that does.
type clock struct{ last uint64 }

const logicalBits = 16

// next returns a time greater than any it returned or met before.
func (c *clock) next(physicalMS uint64) uint64 {
	c.last = max(c.last+1, physicalMS<<logicalBits)
	return c.last
}

// meet makes every later time greater than t.
func (c *clock) meet(t uint64) { c.last = max(c.last, t) }
