package kvs

import (
	"iter"
	"slices"
	"strings"
)

// cells are the keys of a partition, in order. A few are found by looking at each, more by
// a table. They lie in runs of at most maxRun, so that a key more moves no more than that
// many, however many there are.
type cells struct {
	runs  [][]*cell // none is empty
	count int
	free  []*cell          // cleared ones, to be used again
	table map[string]*cell // nil while there are few
}

const (
	fewCells = 8
	maxRun   = 32
)

func (c *cells) find(key string) *cell {
	if c.table != nil {
		return c.table[key]
	}
	for _, run := range c.runs {
		for _, x := range run {
			if x.key == key {
				return x
			}
		}
	}
	return nil
}

// add adds a key that is not there. The cost is O(log n + maxRun), and O(n / maxRun) where a run is
// full, which is at most once for maxRun/2 keys.
func (c *cells) add(key string) *cell {
	var x *cell
	if n := len(c.free); n > 0 {
		x = c.free[n-1]
		c.free = c.free[:n-1]
	} else {
		x = new(cell)
	}
	x.key, x.slots = key, x.one[:0]
	c.insert(x)
	c.count++
	switch {
	case c.table != nil:
		c.table[key] = x
	case c.count > fewCells:
		c.table = make(map[string]*cell, 2*c.count)
		for y := range c.from("") {
			c.table[y.key] = y
		}
	}
	return x
}

// remove takes a cell out. The cost is O(log n + maxRun).
func (c *cells) remove(x *cell) {
	at := c.runOf(x.key)
	i, found := slices.BinarySearchFunc(c.runs[at], x.key, (*cell).compare)
	if !found {
		panic("kvs: a cell that is not among those of its partition")
	}
	if c.runs[at] = slices.Delete(c.runs[at], i, i+1); len(c.runs[at]) == 0 && len(c.runs) > 1 {
		c.runs = slices.Delete(c.runs, at, at+1)
	} else if len(c.runs[at]) == 0 {
		c.runs = c.runs[:0]
	}
	delete(c.table, x.key)
	c.count--
	if len(c.free) < fewCells {
		*x = cell{}
		c.free = append(c.free, x)
	}
}

func (c *cells) insert(x *cell) {
	at := 0
	switch {
	case len(c.runs) > 0:
		at = c.runOf(x.key)
	case cap(c.runs) > 0: // the memory of one that was cleared
		c.runs = c.runs[:1]
	default:
		c.runs = append(c.runs, nil)
	}
	run := c.runs[at]
	if len(run) == maxRun {
		keep := maxRun / 2
		if at == len(c.runs)-1 && run[maxRun-1].key < x.key {
			keep = maxRun // keys that come in order fill their runs
		}
		c.runs = slices.Insert(c.runs, at+1, append(make([]*cell, 0, maxRun), run[keep:]...))
		clear(run[keep:])
		c.runs[at] = run[:keep]
		if keep == maxRun || run[keep-1].key < x.key {
			at++
		}
		run = c.runs[at]
	}
	i, _ := slices.BinarySearchFunc(run, x.key, (*cell).compare)
	c.runs[at] = slices.Insert(run, i, x)
}

func (x *cell) compare(key string) int { return strings.Compare(x.key, key) }

// runOf is the run in which key is, if it is there, or would be.
func (c *cells) runOf(key string) int {
	at, found := slices.BinarySearchFunc(c.runs, key, func(run []*cell, key string) int { return run[0].compare(key) })
	if !found && at > 0 {
		at--
	}
	return at
}

// from are the cells whose keys are key or above, in the order of keys. None may be added
// meanwhile.
func (c *cells) from(key string) iter.Seq[*cell] {
	return func(yield func(*cell) bool) {
		if len(c.runs) == 0 {
			return
		}
		at := c.runOf(key)
		i, _ := slices.BinarySearchFunc(c.runs[at], key, (*cell).compare)
		for ; at < len(c.runs); at, i = at+1, 0 {
			for _, x := range c.runs[at][i:] {
				if !yield(x) {
					return
				}
			}
		}
	}
}

// sooner is the key of the first cell that is not before key, if there is one and it is before
// next, and else next; ok says whether there is a next.
func (c *cells) sooner(key, next string, ok bool) (string, bool) {
	for x := range c.from(key) {
		if !ok || x.key < next {
			return x.key, true
		}
		break
	}
	return next, ok
}

// clear takes all out, and has the memory of some of them used again. It costs the same however
// many there are.
func (c *cells) clear(vs *valuePool) {
	n := 0
	for x := range c.from("") {
		if n++; n > maxRun {
			break
		}
		for _, s := range x.slots {
			if s.val != nil {
				vs.give(s.val, s.kind)
			}
		}
		if len(c.free) < fewCells {
			*x = cell{}
			c.free = append(c.free, x)
		}
	}
	if len(c.runs) > 0 {
		clear(c.runs[0])
		c.runs = [][]*cell{c.runs[0][:0]}
	}
	c.runs, c.table, c.count = c.runs[:0], nil, 0
}
