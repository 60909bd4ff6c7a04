package workers

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/joinery-go/joinery/kvs/store"
)

// Forks makes branches of others, by names and ranges of keys alone; [Archives] does it.
type Forks interface {
	Branches() ([]string, error)
	Drop(branch string) error
	// Clone makes a branch that begins with a version of another.
	Clone(branch string, v store.Version, to string) error
	// Split makes a branch of a range of keys of a version of another.
	Split(branch string, v store.Version, to string, keys store.KeyRange) error
	// Merge makes a branch of the latest versions of others, each for a range of keys.
	Merge(to string, from []string, keys []store.KeyRange) error
}

// branchName is that of a worker's branch in a world-line. An attempt to begin a line that
// came to nothing has left branches, so no two attempts have names in common.
func branchName(line uint64, coordinator uint32, incarnation, try uint64, worker int) string {
	return fmt.Sprintf("l%d-%d-%d-%d.w%d", line, coordinator, incarnation, try, worker)
}

// lineOf is the world-line that a branch was made for, false for one that was not made here.
func lineOf(branch string) (uint64, bool) {
	rest, ok := strings.CutPrefix(branch, "l")
	number, _, more := strings.Cut(rest, "-")
	line, err := strconv.ParseUint(number, 10, 64)
	return line, ok && more && err == nil
}

// advanceLine begins a world-line if one is needed: there is none, a member is another
// incarnation than it was, there are to be more workers or fewer, or all are to go back.
// It waits until all that are to be members have been heard of.
func (k *Coordinator) advanceLine() (bool, error) {
	want := len(k.cat.Members)
	switch {
	case k.cat.Line == 0:
		want = k.want
	case k.cat.Want > 0:
		want = k.cat.Want
	}
	needed := k.roll > 0 || want != len(k.cat.Members)
	lives := make([]uint64, want)
	for i := range lives {
		s, ok := k.workers[uint32(i)]
		if !ok {
			return false, nil
		}
		lives[i] = s.Incarnation
		if i < len(k.cat.Members) {
			needed = needed || s.Incarnation > k.cat.Members[i].Incarnation
			lives[i] = max(lives[i], k.cat.Members[i].Incarnation)
		}
	}
	if !needed {
		return false, nil
	}
	return true, k.begin(lives)
}

// base is the global version that the next line begins with.
func (k *Coordinator) base() (Global, error) {
	if k.roll == 0 {
		return k.cat.latest(), nil
	}
	for _, g := range k.cat.Globals {
		if g.ID == k.roll {
			return g, nil
		}
	}
	err := fmt.Errorf("%w: global version %d is not kept any more", ErrCommand, k.roll)
	k.roll = 0
	return Global{}, err
}

// begin begins a world-line with workers of some incarnations: first their branches, then
// the catalog. Until that is written nobody knows of either.
func (k *Coordinator) begin(lives []uint64) error {
	base, err := k.base()
	if err != nil {
		return err
	}
	seen := k.cat.latest().ID
	undo := base.ID < seen
	if undo && len(k.cat.Undone) >= maxUndone {
		return fmt.Errorf("%w: sources have not heard of %d rollbacks: bring them back first", ErrCommand, maxUndone)
	}
	line := k.cat.Line + 1
	if err := k.dropAttempts(line); err != nil {
		return fmt.Errorf("begin line %d: %w", line, err)
	}
	k.tries++
	members := make([]Member, len(lives))
	for i, life := range lives {
		members[i] = Member{
			life, branchName(line, k.self, k.incarnation, k.tries, i),
			uint32(i * k.cfg.Partitions / len(lives)), uint32((i + 1) * k.cfg.Partitions / len(lives)),
		}
		if err := k.fork(&base, members[i]); err != nil {
			return fmt.Errorf("begin line %d: %w", line, err)
		}
	}
	err = k.change(func(c *Catalog) error {
		if c.Line != line-1 || c.latest().ID != seen {
			return fmt.Errorf("begin line %d: %w: the catalog has changed", line, store.ErrConflict)
		}
		if undo {
			c.Undone = append(c.Undone, Undo{line, base.ID + 1, c.Last})
			c.Globals = slices.DeleteFunc(c.Globals, func(g Global) bool { return g.ID > base.ID })
		}
		c.Line, c.Base, c.Members, c.Want = line, base, members, 0
		return nil
	})
	if err == nil {
		k.roll = 0
	}
	return err
}

// dropAttempts drops the branches that this coordinator, in this process or an earlier one,
// has made for a world-line that has not begun: else attempts that fail would pile up.
func (k *Coordinator) dropAttempts(line uint64) error {
	branches, err := k.forks.Branches()
	if err != nil {
		return err
	}
	for _, b := range branches {
		if !strings.HasPrefix(b, fmt.Sprintf("l%d-%d-", line, k.self)) {
			continue
		}
		if err := k.forks.Drop(b); err != nil && !errors.Is(err, store.ErrBranch) {
			return err
		}
	}
	return nil
}

// fork makes a member's branch of a global version: of the very branch that was of its
// partitions, or of pieces of several. No segment is read or written.
func (k *Coordinator) fork(base *Global, m Member) error {
	var pieces []string
	var ranges []store.KeyRange
	for i, cut := range base.Cuts {
		from, to := max(cut.From, m.From), min(cut.To, m.To)
		switch {
		case from >= to:
			continue
		case cut.From == m.From && cut.To == m.To:
			return k.forks.Clone(cut.Branch, cut.Store, m.Branch)
		case from == m.From && to == m.To:
			return k.forks.Split(cut.Branch, cut.Store, m.Branch, k.cfg.KeysOf(from, to))
		}
		piece := fmt.Sprintf("%s.p%d", m.Branch, i)
		if err := k.forks.Split(cut.Branch, cut.Store, piece, k.cfg.KeysOf(from, to)); err != nil {
			return err
		}
		pieces, ranges = append(pieces, piece), append(ranges, k.cfg.KeysOf(from, to))
	}
	if len(pieces) == 0 {
		return nil // the empty state, of which there is no branch yet
	}
	return k.forks.Merge(m.Branch, pieces, ranges)
}
