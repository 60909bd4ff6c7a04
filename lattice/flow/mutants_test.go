package flow_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutant is a fault put into one place of the package's own source.
type mutant struct {
	name     string
	file     string
	old, new string
}

// fromDocs are faults in what the doc comments promise, whatever the code.
var fromDocs = []mutant{
	{"Unique hands an element on again", "unique.go", "			o.seen[v] = struct{}{}\n", "			o.seen[v] = struct{}{}\n			if len(o.seen)%3 == 0 {\n				delete(o.seen, v)\n			}\n"},
	{"a join hands a pair on each time it comes", "join.go", "		if _, dup := s.seen[e]; dup {\n			continue\n		}\n", ""},
	{"a bimorphism lets a delta meet the other side twice", "joined.go", "			*out = append(*out, f(v, other.all))\n", "			*out = append(*out, f(v, other.all))\n			*out = append(*out, f(v, other.all))\n"},
	{"a new subscriber is not told the value there is", "subscribe.go", "	sub.tell()\n", "	sub.seen = c.ver\n"},
	{"a new subscriber is told the value there is twice", "subscribe.go", "	sub.tell()\n	return", "	sub.tell()\n	sub.seen = 0\n	sub.tell()\n	return"},
	{"a canceled subscriber is still told", "subscribe.go", "	s.gone = true\n", ""},
	{"Cancel takes the next subscriber along", "subscribe.go", "		s.prev.next = s.next\n", "		s.prev.next = nil\n"},
	{"who leaves while others are told ends the telling", "subscribe.go", "	if c.cursor == s {\n		c.cursor = s.next\n	}\n", "	if c.cursor == s {\n		c.cursor = nil\n	}\n"},
	{"the last packet wins, not the largest", "network.go", "		in.m.MergeIn(&in.val, v)\n", "		in.val = v\n"},
	{"an acknowledgement of another life counts", "network.go", "case h.incarnation == o.incarnation && h.number", "case h.number"},
	{"a late acknowledgement takes an earlier one back", "network.go", "		o.acked = max(o.acked, h.number)\n", "		o.acked = h.number\n"},
	{"what is final here is not final there", "network.go", "	if o.cell.done {\n		number++\n	}\n", ""},
	{"a packet is not sent again", "network.go", "	return seal4(p), true\n", "	o.acked = o.number()\n	return seal4(p), true\n"},
	{"a seal opens at the first value", "seal.go", "	if !o.up.done && (o.when == nil || !o.when.val) {\n", "	if !o.up.has {\n"},
	{"growth after a seal goes unseen", "seal.go", "			return o.n.stop(ErrSealBroken, \"make the condition wait for all that the value needs\")\n", "			return o.after()\n"},
	{"a threshold must be passed, not reached", "reactive.go", "		reached = t.up.m.Compare(t.at, t.up.val).Leq()\n", "		reached = t.up.m.Compare(t.at, t.up.val) == lattice.Less\n"},
	{"a long burst is not cut", "reactive.go", "d.up.ver-d.seen < d.growths && ", ""},
	{"an edge at ⊤ is not final", "reactive.go", "	full := t.cell.has && t.up.m.Compare(t.top, t.cell.val).Leq()\n", "	full := false\n"},
	{"a state that falls goes unseen", "state.go", "		case !o.Leq():\n			return c.n.stop(ErrFell, \"the function is not monotone on these values; check it with laws.Classify\")\n", ""},
	{"Close drops what an input has accepted", "source.go", "	in.closed = true\n", "	in.closed = true\n	in.back = nil\n"},
	{"a full input takes one more", "source.go", "	k := min(len(vs), in.room-len(in.back)-in.taken)\n", "	k := min(len(vs), in.room+1-len(in.back)-in.taken)\n"},
}

// fromDocsOnceMore are faults from the doc comments by a third reader.
var fromDocsOnceMore = []mutant{
	{"Unique drops only what is equal to the element before", "unique.go", "			o.seen[v] = struct{}{}\n", "			clear(o.seen)\n			o.seen[v] = struct{}{}\n"},
	{"an edge that ends, ends all of a Union", "fanout.go", "			u.ins = append(u.ins[:u.from], u.ins[u.from+1:]...)\n", "			u.ins = nil\n"},
	{"Split deals by turns too", "fanout.go", "		b := s.branches[s.key(v)%uint64(len(s.branches))]\n", "		b := s.branches[(s.key(v)+uint64(len(s.rest)))%uint64(len(s.branches))]\n"},
	{"the edge of a Tee that asks later misses the first of a batch", "fanout.go", "		b.turn, b.counted = t.turn, false\n		return t.cur, ready\n", "		b.turn, b.counted = t.turn, false\n		if len(t.cur) > 1 {\n			return t.cur[1:], ready\n		}\n		return t.cur, ready\n"},
	{"a key of a join remembers its newest value only", "join.go", "		s.by[e.First] = append(s.by[e.First], e.Second)", "		s.by[e.First] = []V{e.Second}"},
	{"a delta meets the newest delta of the other side only", "joined.go", "	return h.m.MergeIn(&h.all, v)", "	grew := h.m.MergeIn(&h.all, v)\n	h.all = h.m.Clone(v)\n	return grew"},
	{"the rest of what was taken, less than a batch, is dropped", "joined.go", "		k := min(len(o.rest), o.size)\n		v := o.m", "		k := min(len(o.rest), o.size)\n		if k < o.size && len(o.out) > 0 {\n			o.rest = nil\n			break\n		}\n		v := o.m"},
	{"changes begin with what a late reader did not miss", "changes.go", "	case o.diff == nil || !o.some:\n		o.out[0] = o.up.m.Clone(o.up.val)", "	case o.diff != nil && !o.some && o.up.ver > 1:\n		o.base, o.some = o.up.m.Clone(o.up.val), true\n		o.out[0] = o.diff(o.base, o.up.val)\n	case o.diff == nil || !o.some:\n		o.out[0] = o.up.m.Clone(o.up.val)"},
	{"Debounce waits for growths where nothing else can run", "reactive.go", "!d.up.done && !t.atRest {", "!d.up.done {"},
	{"Explode loses the largest of many", "joined.go", "		slices.Sort(o.buf)\n", "		slices.Sort(o.buf)\n		if len(o.buf) > 2 {\n			o.buf = o.buf[:len(o.buf)-1]\n		}\n"},
	{"Zip keeps the first value of the second", "reactive.go", "		if z.seenB != z.b.ver {", "		if z.seenB == 0 {"},
}

// ofDeadlock are faults in telling who waits for ever from who does not.
var ofDeadlock = []mutant{
	{"nobody looks who waits for ever", "around.go", "	if err := s.stuck(); err != nil {\n		return false, err\n	}\n", ""},
	{"one sender without room is enough", "deadlock.go", "	w.discard()\n	for _, n", "	for _, n"},
	{"a scheduler that was woken counts as at rest", "deadlock.go", "	return len(s.woken)+len(s.calls) == 0\n", "	return true\n"},
	{"a scheduler that takes its mail counts as at rest", "scheduler.go", "		s.mu.Unlock()\n		s.stir()\n		s.mu.Lock()\n", ""},
	{"a scheduler that was never at rest counts as it", "deadlock.go", "	if !g.atRest {\n		return false\n	}\n", "	if g.sched == nil {\n		return false\n	}\n"},
	{"the others are not told", "deadlock.go", "		s.g.rouseBeside()\n", ""},
	{"one sender that waits for ever is enough", "deadlock.go", "			if w.next[n] != nil && slices.ContainsFunc(w.next[n], free) {\n", "			if w.next[n] != nil && free(w.next[n][0]) {\n"},
	{"a sender is not looked for behind what hands on", "deadlock.go", "				been[r] = true\n				stack = append(stack, r)\n", "				been[r] = true\n				if r.rule == sendRule {\n					stack = append(stack, r)\n				}\n"},
}

// ofNames are faults in telling merges apart that have different names.
var ofNames = []mutant{
	{"merges that differ on a pair are alike", "alike.go", "			case !ok:\n			case equal:\n", "			case !ok:\n			case equal || true:\n"},
	{"a pair outside of one domain counts", "alike.go", "			if !okA || !okB {\n", "			if !okA && !okB {\n"},
	{"slices, maps and structs have no values", "alike.go", "	if depth == 0 {\n", "	if depth < mostDepth {\n"},
	{"nothing says that merges have other names", "verify_lattice.go", "	u.Evidence = u.Evidence.besides(a, b, like.pairs)\n", ""},
	{"Strict takes merges for another", "verify_lattice.go", "	case n.g.opt.Strict && !same:\n", "	case n.g.opt.Strict && !same && like.pairs > 999:\n"},
	{"evidence between other merges counts", "evidence.go", "	if elsewhere(f.From, h.from) || elsewhere(f.To, h.to) {\n", "	if elsewhere(f.From, h.from) && elsewhere(f.To, h.to) {\n"},
}

// ofLoops are faults in what ends when.
var ofLoops = []mutant{
	{"a loop ends with the one that feeds it", "scheduler.go", "			over = append(over, l)\n", "			over = append(over, l)\n			l.n.ends = true\n"},
	{"Unique is not blamed", "unique.go", "		o.n.busy.Store(true) // an element behind an interface may be none that is compared\n", ""},
}

// fromDocsAgain are faults that somebody wrote down from the doc comments alone, before
// reading either code or tests. What they are called is what was written down; where the
// tests did not see one, there is a test now.
var fromDocsAgain = []mutant{
	{"Filter loses the last element of a full batch", "elementwise.go", "		out[k] = v\n		if keep(v) {\n", "		out[k] = v\n		if i+1 == o.n.g.opt.Batch && i > 0 {\n			continue\n		}\n		if keep(v) {\n"},
	{"a join's right side does not meet what came on the left in the same turn", "join.go", "meet(j, &j.left, j.right.by, j.f) && meet(j, &j.right, j.left.by, j.flip)", "meet(j, &j.right, j.left.by, j.flip) && meet(j, &j.left, nil, j.f)"},
	{"a bimorphism forgets that deltas of one turn meet", "joined.go", "		cross(&o.out, o.n.g.opt.Batch, &o.right, &o.left, o.flip)\n", "		had := o.left\n		had.has = had.has && len(o.out) > 0\n		cross(&o.out, o.n.g.opt.Batch, &o.right, &had, o.flip)\n"},
	{"Union ends with its first edge", "fanout.go", "	if len(u.ins) == 0 {\n		return nil, done\n	}\n	return nil, pending\n}", "	if len(u.ins) <= 1 {\n		return nil, done\n	}\n	return nil, pending\n}"},
	{"Debounce waits for one growth too many", "reactive.go", "d.up.ver-d.seen < d.growths && ", "d.up.ver-d.seen <= d.growths && "},
	{"Debounce drops the last value where its input has ended", "reactive.go", "		if st := d.cell.rise(d.up.val); st != ready {\n			return st\n		}\n		d.seen = ver\n	}\n	return follow(d.up.done, d.cell)", "		d.seen = ver\n		if d.up.done {\n			return follow(true, d.cell)\n		}\n		if st := d.cell.rise(d.up.val); st != ready {\n			return st\n		}\n	}\n	return follow(d.up.done, d.cell)"},
	{"Threshold is not final when it is true", "reactive.go", "	return follow(reached || t.up.done, t.cell)\n", "	return follow(t.up.done, t.cell)\n"},
	{"Zip is final once one side is", "reactive.go", "	return follow(z.a.done && z.b.done, z.cell)\n", "	return follow(z.a.done || z.b.done, z.cell)\n"},
	{"Switch keeps what only the second has gained", "reactive.go", "		if st := w.b.rise(w.up.val.Second); st != ready {\n", "		if w.seen > 0 && w.a.ver == w.seen {\n			return ready\n		}\n		if st := w.b.rise(w.up.val.Second); st != ready {\n"},
	{"Explode does not sort", "joined.go", "		slices.Sort(o.buf)\n", "		slices.Sort(o.buf)\n		slices.Reverse(o.buf)\n"},
	{"Debottom hands on the zero of None", "joined.go", "func(o lattice.Option[T]) (T, bool) { return o.Val, o.Some }", "func(o lattice.Option[T]) (T, bool) { return o.Val, true }"},
	{"Read lends the value", "subscribe.go", "	return s.cell.m.Clone(s.cell.val), true\n", "	return s.cell.val, true\n"},
	{"one element may yield more than Held", "elementwise.go", "		if len(o.buf) == o.n.g.opt.Held {\n			fits = false\n", "		if len(o.buf) == o.n.g.opt.Held+1 {\n			fits = false\n"},
	{"a line of exactly the length is refused", "source.go", "	s.lines.Buffer(make([]byte, 0, min(maxLine+2, 4096)), maxLine+2)\n		s.maxLine = maxLine\n", "	s.lines.Buffer(make([]byte, 0, min(maxLine+2, 4096)), maxLine+2)\n		s.maxLine = maxLine - 1\n"},
	{"Fold has no value before the first element", "fold.go", "	if bottom := lattice.CapsOf(m).Bottom; bottom != nil {\n		f.cell.begin(bottom())\n	}\n", ""},
	{"Take hands out what it writes to again", "sink.go", "	o.buf, o.next = nil, 0\n	return vs\n", "	o.buf, o.next = o.buf[:0], 0\n	return vs\n"},
	{"DebottomState publishes None", "reactive.go", "		if d.up.val.Some {\n", "		if true {\n"},
	{"a call of Do wakes nobody", "scheduler.go", "	s.calls = append(s.calls, f)\n	s.mu.Unlock()\n	s.rouse()\n", "	s.calls = append(s.calls, f)\n	s.mu.Unlock()\n"},
	{"what is behind Batch counts as elements", "verify.go", "	case batchRule, biRule:\n		return true\n", "	case batchRule, biRule:\n		return n.rule == biRule\n"},
	{"a subscription never says that it is final", "subscribe.go", "return s.gone || s.c.done }", "return s.gone }"},
	{"Fold publishes one growth a batch although it is 1", "single.go", "		limit = 1 // each growth goes on before the next\n", ""},
	{"a loop loses what is beyond a batch", "loop.go", "	l.front = l.front[k:]\n", "	l.front = nil\n"},
	{"PushAll says that all were accepted", "source.go", "		return k, in.n.err(ErrFull", "		return len(vs), in.n.err(ErrFull"},
	{"an iterator that panics loses what it yielded", "source.go", "	case len(s.buf) > 0:\n		s.handed = true\n		return s.buf, ready\n	case s.broken", "	case len(s.buf) > 0 && !s.broken:\n		s.handed = true\n		return s.buf, ready\n	case s.broken"},
	{"Top is not final where its input is", "reactive.go", "	return follow(full || t.up.done, t.cell)\n", "	return follow(full, t.cell)\n"},
	{"Reset does nothing", "network.go", "func (o *Outbox[T]) Reset() { o.acked = 0 }", "func (o *Outbox[T]) Reset() { o.acked += 0 }"},
	{"a batch joins more than it may", "joined.go", "		k := min(len(o.rest), o.size)\n", "		k := min(len(o.rest), o.size+1)\n"},
	{"a cycle through channels ends while its input is open", "around.go", "		if !n.ends {\n			return false", "		if !n.ends && false {\n			return false"},
	{"a cycle through channels never ends", "around.go", "	return len(a.cycles) > 0 && a.rest() && a.end(), nil\n", "	return len(a.cycles) > 9 && a.rest() && a.end(), nil\n"},
	{"a cycle ends while another scheduler works", "around.go", "		if !g.atRest {\n			return false", "		if !g.atRest && false {\n			return false"},
	{"evidence of another function counts", "evidence.go", "	case !e.checked.Supports(subject):\n", "	case !e.checked.Supports(subject) && f.Of != of:\n"},
	{"a statement counts as evidence", "evidence.go", "	case e.Support != Assumed:\n		return Evidence{Scope: e.String()}\n", "	case e.Support != Assumed:\n		return e\n"},
}

// fromCode are faults in how the package does it.
var fromCode = []mutant{
	{"a tee does not wait for its slowest branch", "fanout.go", "	if t.behind > 0 {\n		b.waiting = true\n		return nil, pending\n	}\n", ""},
	{"a tee wakes nobody", "fanout.go", "		t.wakeOthers(b)\n		return vs, ready\n", "		return vs, ready\n"},
	{"a split's key is ignored", "fanout.go", "s.branches[s.key(v)%uint64(len(s.branches))]", "s.branches[(s.key(v)+uint64(len(s.rest)))%uint64(len(s.branches))]"},
	{"a union skips an edge after another has ended", "fanout.go", "			u.ins = append(u.ins[:u.from], u.ins[u.from+1:]...)\n", "			u.ins = append(u.ins[:u.from], u.ins[min(u.from+2, len(u.ins)):]...)\n"},
	{"the last elements of an iterator are lost", "source.go", "	case len(s.buf) > 0:\n		s.handed = true\n		return s.buf, ready\n	case s.broken", "	case len(s.buf) > 0 && !s.n.ends:\n		s.handed = true\n		return s.buf, ready\n	case s.broken"},
	{"the last deltas of a batch are lost", "joined.go", "		k := min(len(o.rest), o.size)\n", "		k := min(len(o.rest), o.size)\n		if k < o.size {\n			break\n		}\n"},
	{"a batch merges into what it was given", "joined.go", "		v := o.m.Clone(o.rest[0])\n", "		v := o.rest[0]\n"},
	{"a fold keeps its first delta", "fold.go", "		f.cell.val, f.cell.has = f.m.Clone(v), true\n", "		f.cell.val, f.cell.has = v, true\n"},
	{"a state keeps what it was given", "state.go", "	c.val, c.has = c.m.Clone(v), true\n", "	c.val, c.has = v, true\n"},
	{"what is in a channel when it closes is lost", "channel.go", "	c.closed = true\n", "	c.closed = true\n	c.back = nil\n"},
	{"a channel has no bound", "channel.go", "	k := min(len(o.rest), max(0, c.room-len(c.back)-c.taken))\n", "	k := len(o.rest)\n"},
	{"a sender is not woken when there is room", "channel.go", "	if wake {\n		c.sender.post()\n	}\n", "	_ = wake\n"},
	{"a loop ends while others may still feed it", "scheduler.go", "		if l.n.ends || !s.fedOut(l.n) {\n", "		if l.n.ends {\n"},
	{"a loop never ends", "loop.go", "	l.end, l.n.ends = true, true\n", "	l.n.ends = true\n"},
	{"a zip does not wait for both", "reactive.go", "	if z.a.has && z.b.has && (z", "	if (z.a.has || z.b.has) && (z"},
	{"a panic loses what was mapped", "elementwise.go", "		o.i = i\n		out[i]", "		o.rest = in[i:]\n		out[i]"},
	{"a panic loses what was joined", "join.go", "	if j.handed {\n		j.out, j.handed = j.out[:0], false\n	}\n", "	j.out, j.handed = j.out[:0], false\n"},
	{"a merge that panics hides its growth", "fold.go", "	f.owed = true // should the merge panic, it may have grown\n", ""},
	{"whom a panic kept from being told is not told", "state.go", "	if c.telling {\n		c.tell()\n	}\n", ""},
	{"a subscriber that panics keeps a growth from the operators", "state.go", "	for _, r := range c.readers {\n		r.wake()\n	}\n	c.tell()\n", "	c.tell()\n	for _, r := range c.readers {\n		r.wake()\n	}\n"},
	{"Debounce forgets a growth that panics", "reactive.go", "		ver := d.up.ver\n		if st := d.cell.rise(d.up.val); st", "		ver := d.up.ver\n		d.seen = ver\n		if st := d.cell.rise(d.up.val); st"},
	{"Top forgets a growth that panics", "reactive.go", "	if t.up.has && t.seen != t.up.ver {\n		ver := t.up.ver\n", "	if t.up.has && t.seen != t.up.ver {\n		ver := t.up.ver\n		t.seen = ver\n"},
	{"changes forget a growth that panics", "changes.go", "	ver := o.up.ver\n", "	ver := o.up.ver\n	o.seen = ver\n"},
	{"changes count as handed on what panics", "changes.go", "		o.some = false // should the merge panic, base may have more than was handed on\n", ""},
	{"a bimorphism forgets a delta whose merge panics", "joined.go", "		s.take(v)\n		s.rest = s.rest[1:]\n", "		s.rest = s.rest[1:]\n		s.take(v)\n"},
	{"changes forget what they handed on", "changes.go", "		o.up.m.MergeIn(&o.base, o.out[0])\n", ""},
	{"joined deltas are forgotten behind a channel", "verify.go", "	case receiveRule:\n		n = n.far\n", ""},
	{"half a seal is enough", "verify.go", "			if !v.final[e.from] {\n				return false\n			}\n		}\n		return len(n.ins) > 0\n", "			if v.final[e.from] {\n				return true\n			}\n		}\n		return false\n"},
	{"a merge beside a cycle is enough", "verify.go", "		if up.rule.merges() || been[up] {\n			continue\n		}\n", "		if been[up] {\n			continue\n		}\n		if up.rule.merges() {\n			return nil\n		}\n"},
	{"a monotone function may stand on deltas", "verify.go", "(!n.claimed || u.Class != lattice.IsMorphism)", "(!n.claimed || u.Class == lattice.NonMonotone)"},
}

func everyMutant() []mutant {
	return slices.Concat(fromDocs, fromDocsAgain, fromDocsOnceMore, fromCode, ofDeadlock, ofNames, ofLoops)
}

// against are the tests that a fault in a file is set against: those that are about
// the file, so that a fault costs seconds.
var against = map[string]string{
	"alike.go":          "Readers",
	"around.go":         "Cycle|Wake|Deadlock",
	"changes.go":        "Unary|PanicKeeps|Twin$",
	"channel.go":        "Backpressure|Deadlock|Twin$",
	"deadlock.go":       "Deadlock",
	"elementwise.go":    "Panic|Unary|Bounds|MapFilter",
	"evidence.go":       "Evidence|Refused",
	"fanout.go":         "Unary|Twin$",
	"fold.go":           "Panic|Unchanged|Twin$",
	"join.go":           "Binary|Panic|Twin$",
	"joined.go":         "Bimorphism|Panic|Unchanged|Unary|Order|BatchBound|Twin$",
	"loop.go":           "Loop|Unary|Twin$",
	"network.go":        "Network|Packets",
	"reactive.go":       "StateOp|Top|Debounce|EachStep|PanicKeeps|Twin$",
	"scheduler.go":      "Do|Debounce|Deadlock|Loop|Unary|Wake|Twin$",
	"seal.go":           "Seal|StateOp",
	"single.go":         "MapFilter|EachStep|OneByOne|Twin$",
	"sink.go":           "Loop|Iterators|Unary",
	"source.go":         "Input|Iterator|Reader|Bounds|Unary|Twin$",
	"state.go":          "Falling|Panic|StateOp|Twin$",
	"subscribe.go":      "Subscri|MapFilter|Unchanged|EachStep",
	"unique.go":         "Unary|Unique|Twin$",
	"verify.go":         "Refused",
	"verify_lattice.go": "Readers",
}

// TestMutantsApply: each fault has one place in the source.
func TestMutantsApply(t *testing.T) {
	require.GreaterOrEqual(t, len(fromDocs), 10)
	for _, m := range everyMutant() {
		src, err := os.ReadFile(m.file)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(src), m.old), "%s: %s", m.name, m.file)
		require.NotEqual(t, m.old, m.new)
		require.NotEmpty(t, against[m.file])
	}
}

// TestMutants puts the faults into the package and demands of each that the tests it
// is set against fail. It takes half a minute of processor time, and so is asked for. The
// variable is 1 for all, or a part of names:
//
//	FLOW_MUTANTS=1 go test -run 'TestMutants$' -v ./lattice/flow
func TestMutants(t *testing.T) {
	wanted := os.Getenv("FLOW_MUTANTS")
	if wanted == "" {
		t.Skip("half a minute of processor time: FLOW_MUTANTS=1 puts each fault into the package and runs the tests set against it")
	}
	all := everyMutant()
	binary := buildMutants(t, all)
	killedBy := make([]string, len(all))
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	var runs sync.WaitGroup
	tried := 0
	for i, m := range all {
		if wanted != "1" && !strings.Contains(m.name, wanted) {
			killedBy[i] = "not tried"
			continue
		}
		tried++
		turns <- struct{}{}
		runs.Go(func() {
			killedBy[i] = failingTest(t, binary, i+1, against[m.file])
			<-turns
		})
	}
	runs.Wait()
	require.Positive(t, tried, "no fault has a name with %q in it", wanted)
	killed := tried
	for i, m := range all {
		t.Logf("%-60s %s", m.name, killedBy[i])
		if killedBy[i] == "" {
			t.Errorf("survives: %s", m.name)
			killed--
		}
	}
	t.Logf("%d of %d killed", killed, tried)
}

// failingTest is the name of a test that fails with a fault, or empty.
func failingTest(t *testing.T, binary string, number int, pattern string) string {
	cmd := exec.CommandContext(t.Context(), binary, "-test.short", "-test.failfast", "-test.timeout=5m", "-test.run", pattern)
	cmd.Env = append(os.Environ(), "FLOW_MUTANT="+strconv.Itoa(number), "FLOW_MUTANTS=")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return ""
	}
	for line := range bytes.Lines(out) {
		if name, ok := bytes.CutPrefix(line, []byte("--- FAIL: ")); ok {
			return string(bytes.Fields(name)[0])
		}
	}
	return "crash: " + string(bytes.SplitN(out, []byte("\n"), 2)[0])
}

// buildMutants is one test binary with all faults, each in a copy of its function;
// FLOW_MUTANT says which of them runs. The sources are untouched: the compiler is
// given others in their place.
func buildMutants(t *testing.T, all []mutant) string {
	dir := t.TempDir()
	replace := make(map[string]string)
	put := func(file, text string) {
		path, err := filepath.Abs(file)
		require.NoError(t, err)
		replace[path] = filepath.Join(dir, file)
		require.NoError(t, os.WriteFile(replace[path], []byte(text), 0o600))
	}
	for file := range against {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		put(file, withFaults(t, file, string(src), all))
	}
	put("mutant.go", `package flow

import (
	"os"
	"strconv"
)

var mutant, _ = strconv.Atoi(os.Getenv("FLOW_MUTANT"))
`)
	spec, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	overlay, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "flow.test")
	require.NoError(t, os.WriteFile(overlay, spec, 0o600))
	out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", overlay, "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

// withFaults adds to a file, for each fault in it, a copy of the function that it is
// in, and lets the function call the copy where the fault is asked for.
func withFaults(t *testing.T, file, src string, all []mutant) string {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	require.NoError(t, err)
	at := func(p token.Pos) int { return fset.Position(p).Offset }
	var copies strings.Builder
	dispatch := make(map[int]string) // by the place where a function's body begins
	for i, m := range all {
		if m.file != file {
			continue
		}
		place := strings.Index(src, m.old)
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || place < at(f.Pos()) || place >= at(f.End()) {
				continue
			}
			body, name := at(f.Body.Pos()), at(f.Name.Pos())
			text := src[at(f.Pos()):at(f.End())]
			changed := strings.Replace(text, m.old, m.new, 1)
			require.NotEqual(t, text, changed, m.name)
			k := name - at(f.Pos()) + len(f.Name.Name)
			fmt.Fprintf(&copies, "\n%sMutant%d%s\n", changed[:k], i+1, changed[k:])
			dispatch[body] += fmt.Sprintf("\nif mutant == %d {\n%s\n}\n", i+1, callOf(f, i+1))
		}
	}
	var out strings.Builder
	last := 0
	for _, body := range slices.Sorted(maps.Keys(dispatch)) {
		out.WriteString(src[last:body+1] + dispatch[body])
		last = body + 1
	}
	return out.String() + src[last:] + copies.String()
}

// callOf calls the copy of a function with the function's own arguments.
func callOf(f *ast.FuncDecl, number int) string {
	var args []string
	for _, field := range f.Type.Params.List {
		for _, name := range field.Names {
			arg := name.Name
			if _, ok := field.Type.(*ast.Ellipsis); ok {
				arg += "..."
			}
			args = append(args, arg)
		}
	}
	call := fmt.Sprintf("%sMutant%d(%s)", f.Name.Name, number, strings.Join(args, ", "))
	if f.Recv != nil {
		call = f.Recv.List[0].Names[0].Name + "." + call
	}
	if f.Type.Results != nil {
		return "return " + call
	}
	return call + "\nreturn"
}
