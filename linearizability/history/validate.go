package history

import (
	"fmt"
	"slices"
)

// Validate checks the invariants that every checker builds on and returns an
// error wrapping ErrInvalid that names the first operation to break one:
//
//   - Index is the position, and operations are ordered by Call;
//   - Call < Return, and an OK operation has returned;
//   - the OK operations of one session do not overlap (one may begin at the
//     instant another ends; a session may go on after a Failed or Unknown one);
//   - in a tagged history every put that is not Failed has a tag, tags are
//     unique, and Saw is strictly ascending; in an untagged one there are none;
//   - a CAS has an Arg of two values, Inc an integer one;
//   - fences ascend.
//
// O(n log n) in the number of operations plus the tags seen.
func (h *History) Validate() error {
	if !slices.IsSorted(h.Fences) {
		return fmt.Errorf("%w: fences do not ascend", ErrInvalid)
	}
	tags := newIndex(h, func(o *Op) uint64 { return o.Tag })
	busy := newIndex(h, func(o *Op) uint64 { return uint64(o.Session) }) // its latest OK operation
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Index != i {
			return fmt.Errorf("%w: operation %d has index %d", ErrInvalid, i, o.Index)
		}
		if i > 0 && o.Call < h.Ops[i-1].Call {
			return fmt.Errorf("%w: %v is called before its predecessor", ErrInvalid, o)
		}
		if err := o.validate(h.Tagged); err != nil {
			return err
		}
		if o.Tag != 0 {
			if first, dup := tags.get(o.Tag); dup {
				return fmt.Errorf("%w: %v repeats the tag of #%d", ErrInvalid, o, first)
			}
			tags.set(o.Tag, i)
		}
		if o.Outcome != OK {
			continue
		}
		if last, ok := busy.get(uint64(o.Session)); ok && o.Call < h.Ops[last].Return {
			return fmt.Errorf("%w: %v overlaps #%d of the same session", ErrInvalid, o, last)
		}
		busy.set(uint64(o.Session), i)
	}
	return nil
}

// index maps numbers to positions: by a table where the numbers are small, as
// recorders give them, else by a map.
type index struct {
	dense  []int32 // 1 + position
	sparse map[uint64]int
}

func newIndex(h *History, number func(*Op) uint64) (x index) {
	top := uint64(0)
	for i := range h.Ops {
		top = max(top, number(&h.Ops[i]))
	}
	if top <= 8*uint64(len(h.Ops)) {
		x.dense = make([]int32, top+1)
	} else {
		x.sparse = make(map[uint64]int)
	}
	return x
}

func (x *index) get(n uint64) (int, bool) {
	if x.dense != nil {
		return int(x.dense[n]) - 1, x.dense[n] != 0
	}
	i, ok := x.sparse[n]
	return i, ok
}

func (x *index) set(n uint64, i int) {
	if x.dense != nil {
		x.dense[n] = int32(i) + 1
	} else {
		x.sparse[n] = i
	}
}

// validate checks what can be seen from one operation alone.
func (o *Op) validate(tagged bool) error {
	bad := func(why string) error { return fmt.Errorf("%w: %v: %s", ErrInvalid, o, why) }
	switch {
	case o.Outcome > Unknown:
		return bad("no such outcome")
	case o.Return <= o.Call:
		return bad("returns no later than it is called")
	case o.Outcome == OK && o.Return == Pending:
		return bad("ok, but never returned")
	case o.Func == "" || o.Type == "":
		return bad("type or func missing")
	case o.IsPut() && o.Saw != nil:
		return bad("a put with tags seen")
	case !o.IsPut() && o.Tag != 0:
		return bad("a read with a tag")
	case !tagged && (o.Tag != 0 || o.Saw != nil):
		return bad("tags in an untagged history")
	case tagged && o.IsPut() && o.Outcome != Failed && o.Tag == 0:
		return bad("a put without a tag in a tagged history")
	case o.Func == CAS && (o.Arg.Kind() != KindList || o.Arg.Len() != 2):
		return bad("cas needs a list of two values")
	case o.Func == Inc && o.Arg.Kind() != KindInt:
		return bad("inc needs an integer")
	}
	for i := 1; i < len(o.Saw); i++ {
		if o.Saw[i] <= o.Saw[i-1] {
			return bad("tags seen do not ascend")
		}
	}
	return nil
}
