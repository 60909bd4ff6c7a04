package history

import (
	"fmt"
	"slices"
)

// Validate checks the invariants that every checker builds on and returns an
// error wrapping ErrInvalid that names the first operation to break one:
//
//   - Index is the position, and operations are ordered by Call;
//   - Call <= Return, and an OK operation has returned;
//   - the OK operations of one session do not overlap, unless they are of one
//     transaction, which may be sent as one request (one may begin at the
//     instant another ends; a session may go on after a Failed or Unknown one);
//   - a session has at most one name, and a name at most one session;
//   - in a tagged history every put that is not Failed has a tag, tags are
//     unique, and Saw is strictly ascending; in an untagged one there are none;
//   - a CAS has an Arg of two values, Inc an integer one;
//   - fences ascend.
//
// An error about one operation is an *OpError; one of time running backwards also
// wraps ErrClock. O(n) in the number of operations plus the tags seen.
func (h *History) Validate() error { return h.ValidateUntil(func() bool { return false }) }

// validateAtOnce is how many operations are validated between two questions whether to stop.
const validateAtOnce = 1 << 12

// ValidateUntil is Validate, but for stop, which is asked every few thousand operations:
// once it says yes, the error is ErrStopped and says nothing of the history.
func (h *History) ValidateUntil(stop func() bool) error {
	if !slices.IsSorted(h.Fences) {
		return fmt.Errorf("%w: %w: fences do not ascend", ErrInvalid, ErrClock)
	}
	v := &validator{
		h: h, tags: newIndex(h, func(o *Op) uint64 { return o.Tag }),
		busy: newIndex(h, func(o *Op) uint64 { return uint64(o.Session) }),
	}
	v.takeNames()
	for i := range h.Ops {
		if i%validateAtOnce == 0 && stop() {
			return ErrStopped
		}
		if err := v.next(i); err != nil {
			return err
		}
	}
	return nil
}

// validator validates operations one after the other.
type validator struct {
	h        *History
	tags     index          // tag -> the put that has it
	busy     index          // session -> of its OK operations the one that returned last
	names    map[int]string // session -> its name; nil if no session has one
	sessions map[string]int // the other way round
}

// takeNames prepares for names, if there are any.
func (v *validator) takeNames() {
	if slices.ContainsFunc(v.h.Ops, func(o Op) bool { return o.Client != "" }) {
		v.names, v.sessions = make(map[int]string), make(map[string]int)
	}
}

// name checks that sessions and their names match one to one.
func (v *validator) name(o *Op) error {
	if v.names == nil {
		return nil
	}
	if name, known := v.names[o.Session]; known && name != o.Client {
		return fmt.Errorf("%w: %v is of session %d, which has the name %q before", ErrInvalid, o, o.Session, name)
	}
	v.names[o.Session] = o.Client
	if s, known := v.sessions[o.Client]; known && o.Client != "" && s != o.Session {
		return fmt.Errorf("%w: %v is of session %d, but %q is the name of session %d", ErrInvalid, o, o.Session, o.Client, s)
	}
	v.sessions[o.Client] = o.Session
	return nil
}

// next validates the operation at i, after all before it.
func (v *validator) next(i int) error {
	o := &v.h.Ops[i]
	bad := func(err error) error { return &OpError{Index: i, Err: err} }
	if o.Index != i {
		return bad(fmt.Errorf("%w: operation %d has index %d", ErrInvalid, i, o.Index))
	}
	if i > 0 && o.Call < v.h.Ops[i-1].Call {
		return bad(fmt.Errorf("%w: %w: %v is called before its predecessor", ErrInvalid, ErrClock, o))
	}
	if err := o.validate(v.h.Tagged); err != nil {
		return bad(err)
	}
	if err := v.name(o); err != nil {
		return bad(err)
	}
	if o.Tag != 0 {
		if first, dup := v.tags.get(o.Tag); dup {
			return bad(fmt.Errorf("%w: %v repeats the tag of #%d", ErrInvalid, o, first))
		}
		v.tags.set(o.Tag, i)
	}
	if o.Outcome != OK {
		return nil
	}
	if last, ok := v.busy.get(uint64(o.Session)); ok && o.Call < v.h.Ops[last].Return {
		if w := &v.h.Ops[last]; o.Txn == 0 || w.Txn != o.Txn {
			return bad(fmt.Errorf("%w: %v overlaps #%d of the same session", ErrInvalid, o, last))
		}
		if o.Return < v.h.Ops[last].Return {
			return nil
		}
	}
	v.busy.set(uint64(o.Session), i)
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
	case o.Return < o.Call:
		return fmt.Errorf("%w: %w: %v returns before it is called", ErrInvalid, ErrClock, o)
	case o.Outcome == OK && o.Return == Pending:
		return bad("ok, but never returned (the outcome of what may have happened is unknown)")
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
