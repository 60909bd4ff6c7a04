package deep

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// Difference is a place at which two values differ.
type Difference struct {
	Path string // as a Go expression, from the value: .Docs["k"].Rev; empty for the value itself
	A, B string // what is there, as short literals, or in words
}

// Differences is what tells two values apart.
type Differences struct {
	Places       []Difference // the first few, those that fewer references lead to first
	More         int          // how many there are beyond these
	Channels     int          // how many of all are channels, which are equal where they are the same
	SizeA, SizeB int          // of the values, in words (see [Type.Size]), at most SizeLimit
}

// SizeLimit is up to where sizes in Differences count.
const SizeLimit = 1 << 24

// DifferenceOptions say which differences are looked for. The zero value stands for
// those that [Type.Equal] sees, and for three places.
type DifferenceOptions struct {
	// Memory asks for what a fingerprint sees of two versions of one value: methods Equal
	// are not asked, spare capacities count, and so does what is shared.
	Memory bool
	Places int // how many places are described
}

// Differences compares two boxed values place by place. Types with an equality of
// their own are compared by it first, and then by structure, to say where they
// differ; if structure shows nothing, that is what is reported. The time is linear in the sizes of the
// values, and in the sorting of maps.
func (t *Type) Differences(a, b any, o DifferenceOptions) Differences {
	return t.DifferencesAt(t.at(a), t.at(b), o)
}

// DifferencesAt is Differences of the values at two addresses.
func (t *Type) DifferencesAt(a, b unsafe.Pointer, o DifferenceOptions) Differences {
	if o.Places == 0 {
		o.Places = 3
	}
	d := differ{t: t, a: a, b: b, o: o, w: walk{record: true}, seen: make(map[pair]struct{}), sharedBy: make(map[unsafe.Pointer]unsafe.Pointer)}
	d.w.regions = append(d.w.regions, regionPair{a, b, t.size})
	d.value(t, a, b, nil)
	d.rest()
	if len(d.found.Places) == 0 && d.ruled {
		d.report(nil, "not equal", "by the method Equal of its type, or of a part")
	}
	d.found.SizeA, d.found.SizeB = t.SizeAt(a, SizeLimit), t.SizeAt(b, SizeLimit)
	return d.found
}

// String is a few lines, one a place.
func (d Differences) String() string {
	if len(d.Places) == 0 {
		return "no difference"
	}
	var b strings.Builder
	for _, p := range d.Places {
		path := p.Path
		if path == "" {
			path = "the value"
		}
		fmt.Fprintf(&b, "%s: %s against %s\n", path, p.A, p.B)
	}
	if d.More > 0 {
		fmt.Fprintf(&b, "and %d more; ", d.More)
	}
	fmt.Fprintf(&b, "%d words against %d", d.SizeA, d.SizeB)
	return b.String()
}

// The lengths of the parts of a report, in bytes.
const (
	pathBytes  = 80
	keyBytes   = 32
	valueBytes = 48
)

// differ finds what differs. What references lead to is left for later, so that the
// depth of a value does not matter.
type differ struct {
	o        DifferenceOptions
	w        walk // which knows what corresponds
	scratch  walk // for comparisons of their own
	found    Differences
	ruled    bool // a method Equal said no
	seen     map[pair]struct{}
	sharedBy map[unsafe.Pointer]unsafe.Pointer
	todo     []func()
	unsure   []unsureMap // maps whose keys may correspond

	t    *Type // of the two values
	a, b unsafe.Pointer
}

// place is a path from the value to here.
type place struct {
	up   *place
	step func() string
}

func (p *place) then(step func() string) *place { return &place{up: p, step: step} }

func (p *place) field(name string) *place { return p.then(func() string { return "." + name }) }

func (p *place) index(i int) *place { return p.then(func() string { return fmt.Sprintf("[%d]", i) }) }

func (p *place) key(k reflect.Value) *place {
	return p.then(func() string { return "[" + literal(k, keyBytes) + "]" })
}

// String is the path, cut in the middle of what is too long.
func (p *place) String() string {
	var steps []string
	n, depth := 0, 0
	for at := p; at != nil; at = at.up {
		if depth++; n < pathBytes {
			steps = append(steps, at.step())
			n += len(steps[len(steps)-1])
		}
	}
	var b strings.Builder
	if left := depth - len(steps); left > 0 {
		fmt.Fprintf(&b, "(%d steps)…", left)
	}
	for i := len(steps) - 1; i >= 0; i-- {
		b.WriteString(steps[i])
	}
	return b.String()
}

func (d *differ) report(at *place, a, b string) {
	if len(d.found.Places) >= d.o.Places {
		d.found.More++
		return
	}
	d.found.Places = append(d.found.Places, Difference{Path: at.String(), A: a, B: b})
}

// rest does what was left for later.
func (d *differ) rest() {
	for len(d.todo) > 0 || len(d.unsure) > 0 {
		if len(d.todo) == 0 {
			unsure := d.unsure
			d.unsure = nil
			d.match(unsure)
			continue
		}
		do := d.todo[0]
		d.todo = d.todo[1:]
		do()
	}
}

// same compares two values by themselves. Memory is compared as fingerprints are: bit
// by bit.
func (d *differ) same(t *Type, a, b unsafe.Pointer) bool {
	if d.o.Memory && len(t.slots) == 0 {
		return t.fingerprintAt(&d.scratch, a) == t.fingerprintAt(&d.scratch, b)
	}
	return t.equalAt(&d.scratch, a, b)
}

// equalByOwn reports whether values of a type with a method Equal are equal by it. A
// method that panics says no.
func (d *differ) equalByOwn(t *Type, a, b unsafe.Pointer) (equal, asked bool) {
	if _, own := equalMethodOf(t.t); !own || d.o.Memory {
		return false, false
	}
	text, ok := calmly(func() string { return fmt.Sprint(t.equalAt(&d.scratch, a, b)) })
	equal = ok && text == "true"
	d.ruled = d.ruled || !equal
	if equal {
		d.w.relate(t, func(w *walk, a, b unsafe.Pointer, _ int) bool { return t.same(w, a, b) }, a, b, -1)
	}
	return equal, true
}

// value compares the values at two addresses. Both stay where they are until rest
// is done.
func (d *differ) value(t *Type, a, b unsafe.Pointer, at *place) {
	if equal, asked := d.equalByOwn(t, a, b); asked && equal {
		return
	}
	switch t.t.Kind() {
	case reflect.Struct:
		d.fields(t, a, b, at)
	case reflect.Array:
		d.elements(t.elem, a, b, t.length, at)
	case reflect.Slice:
		d.slices(Of(t.t.Elem()), (*sliceHeader)(a), (*sliceHeader)(b), at)
	case reflect.Pointer:
		d.pointers(t, *(*unsafe.Pointer)(a), *(*unsafe.Pointer)(b), at)
	case reflect.Interface:
		d.interfaces(t, a, b, at)
	case reflect.Map:
		x, y := *(*unsafe.Pointer)(a), *(*unsafe.Pointer)(b)
		d.later(t, x, y, -1, func() { d.maps(t.entries, x, y, at) })
	default:
		if !d.same(t, a, b) {
			d.leaf(t, a, b, at)
			if t.t.Kind() == reflect.Chan {
				d.found.Channels++
			}
		}
	}
}

// leaf reports two values as a whole.
func (d *differ) leaf(t *Type, a, b unsafe.Pointer, at *place) {
	d.report(at, short(t, a), short(t, b))
}

func short(t *Type, p unsafe.Pointer) string { return literal(t.value(p), valueBytes) }

func (d *differ) fields(t *Type, a, b unsafe.Pointer, at *place) {
	switch p, ok := atomicPointee(t.t); {
	case isSync(t.t):
		return
	case ok:
		offset := atomicWord(t.t)
		d.value(Of(p), unsafe.Add(a, offset), unsafe.Add(b, offset), at)
		return
	case isSyncMap(t.t):
		x, y := snapshot(a), snapshot(b)
		d.value(Of(syncedType), unsafe.Pointer(&x), unsafe.Pointer(&y), at)
		return
	case isWord(t.t):
		if !d.same(t, a, b) {
			d.leaf(t, a, b, at)
		}
		return
	}
	for i := range t.t.NumField() {
		f := t.t.Field(i)
		if !ignored(t.t, f) {
			d.value(Of(f.Type), unsafe.Add(a, f.Offset), unsafe.Add(b, f.Offset), at.field(f.Name))
		}
	}
}

// elements compares n adjacent values.
func (d *differ) elements(elem *Type, a, b unsafe.Pointer, n int, at *place) {
	if elem == nil || elem.size == 0 {
		return
	}
	for i := range n {
		x, y := unsafe.Add(a, uintptr(i)*elem.size), unsafe.Add(b, uintptr(i)*elem.size)
		if len(elem.slots) > 0 || !d.same(elem, x, y) {
			d.value(elem, x, y, at.index(i))
		}
	}
}

// later compares what references lead to, if it was not compared yet.
func (d *differ) later(t *Type, x, y unsafe.Pointer, n int, compare func()) {
	key := pair{a: x, b: y, n: n, t: t}
	if _, again := d.seen[key]; again {
		return
	}
	d.seen[key] = struct{}{}
	if x != nil && y != nil {
		d.w.regions = append(d.w.regions, regionPair{x, y, t.size * uintptr(max(n, 1))})
		d.w.sorted = false
	}
	d.todo = append(d.todo, compare)
}

func (d *differ) slices(elem *Type, x, y *sliceHeader, at *place) {
	if x.len != y.len {
		d.report(at, count(x.len, "element"), count(y.len, "element"))
	}
	if d.o.Memory && x.cap != y.cap {
		d.report(at.then(func() string { return " (capacity)" }), fmt.Sprint(x.cap), fmt.Sprint(y.cap))
	}
	if x.len == y.len {
		d.w.relateSpare(elem, x, y)
	}
	n, whole := min(x.len, y.len), min(x.cap, y.cap)
	if n == 0 && whole == 0 {
		return
	}
	a, b := x.data, y.data
	d.later(elem, a, b, n, func() { d.elements(elem, a, b, n, at) })
	if from := max(x.len, y.len); d.o.Memory && from < whole {
		// By a key of its own: other slices of this memory may have less of it to spare.
		spare := at.then(func() string { return fmt.Sprintf("[%d:] (spare capacity)", from) })
		skip := uintptr(from) * elem.size
		s, t := unsafe.Add(a, skip), unsafe.Add(b, skip)
		d.later(elem, s, t, whole-from, func() { d.elements(elem, s, t, whole-from, spare) })
	}
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func (d *differ) pointers(t *Type, x, y unsafe.Pointer, at *place) {
	elem := Of(t.t.Elem())
	switch hold := tenureOf(elem.t); {
	case x == nil || y == nil || hold == machine || hold == derived || hold == lent && d.o.Memory:
		if x != y {
			d.leaf(t, unsafe.Pointer(&x), unsafe.Pointer(&y), at)
		}
		return
	}
	if known, ok := d.sharedBy[x]; d.o.Memory && ok && known != y && elem.size > 0 {
		d.report(at, "shared with another place", "memory of its own")
	}
	d.sharedBy[x] = y
	d.later(elem, x, y, -1, func() { d.value(elem, x, y, at) })
}

func (d *differ) interfaces(t *Type, a, b unsafe.Pointer, at *place) {
	held, x := heldBy(t.t, a)
	other, y := heldBy(t.t, b)
	switch {
	case held != other:
		d.leaf(t, a, b, at)
	case held == nil:
	case held.direct || len(held.slots) == 0:
		d.value(held, x, y, at)
	default:
		d.later(held, x, y, -1, func() { d.value(held, x, y, at) })
	}
}

// maps compares two maps, in the order of the keys.
func (d *differ) maps(m *mapType, x, y unsafe.Pointer, at *place) {
	xs, ys := m.t.value(unsafe.Pointer(&x)), m.t.value(unsafe.Pointer(&y))
	rest := &unmatched{m: m}
	for _, e := range newPrinter(0, m.t.t).sortedKeys(xs) {
		v := ys.MapIndex(e.key)
		if !v.IsValid() {
			rest.left = append(rest.left, &item{key: e.key.Addr().UnsafePointer(), val: e.val.Addr().UnsafePointer()})
			continue
		}
		d.value(m.val, e.val.Addr().UnsafePointer(), held2(v), at.key(e.key))
	}
	for _, e := range newPrinter(0, m.t.t).sortedKeys(ys) {
		if !xs.MapIndex(e.key).IsValid() {
			rest.right = append(rest.right, &item{key: e.key.Addr().UnsafePointer(), val: e.val.Addr().UnsafePointer()})
		}
	}
	switch {
	case len(rest.left)+len(rest.right) == 0:
	case m.uncertain:
		d.unsure = append(d.unsure, unsureMap{rest, at})
	default:
		d.absent(unsureMap{rest, at}, nil, "absent")
	}
}

// held2 is where a copy of v lies.
func held2(v reflect.Value) unsafe.Pointer { return held(v).Addr().UnsafePointer() }

// unsureMap is a map whose entries have keys that are not found on the other side.
type unsureMap struct {
	*unmatched
	at *place
}

// match finds out which entries of maps belong together, by the search that equality
// asks too. What was reported before counts as equal here. If not all entries have an equal
// one, each is tried by itself, and those that have none are compared with one
// whose key corresponds, or else reported as absent.
func (d *differ) match(unsure []unsureMap) {
	w := d.matching()
	whole := w.fork()
	for _, u := range unsure {
		whole.deferred = append(whole.deferred, u.unmatched)
	}
	whole.chosen = false
	if whole.settle() {
		w.adopt(whole)
	}
	w.search.marking, w.search.lenient, w.search.steps, w.search.spent = false, true, 0, false
	for _, u := range unsure {
		for _, l := range u.left {
			d.matchOne(w, u, l)
		}
	}
	d.w.regions, d.w.sorted = w.regions, false
	missing := "absent"
	if w.search.spent {
		missing = "not found among equal ones in the steps that a search may take"
	}
	for _, u := range unsure {
		d.absent(u, w.taken, missing)
	}
	if d.o.Memory {
		d.within(w.matched, unsure)
	}
}

// matching is a walk that knows what was compared, and what corresponds.
func (d *differ) matching() *walk {
	w := &walk{record: true, structural: d.o.Memory, seen: maps.Clone(d.seen), regions: slices.Clone(d.w.regions)}
	w.search = &search{t: d.t, a: d.a, b: d.b, marking: true, lenient: len(d.found.Places) > 0 || d.o.Memory}
	return w
}

// matchOne matches one entry, if it is not.
func (d *differ) matchOne(w *walk, u unsureMap, l *item) {
	if w.taken[l] {
		return
	}
	candidates := w.candidates(u.unmatched, l)
	for _, r := range slices.Concat(candidates, u.right) {
		if w.taken[r] || !w.search.step(1+len(w.seen)) {
			continue
		}
		inner := w.fork()
		if inner.assign(u.unmatched, l, r) && inner.settle() {
			w.adopt(inner)
			return
		}
	}
	if len(candidates) == 0 {
		return
	}
	r := candidates[0]
	w.take(l, r)
	d.value(u.m.val, l.val, r.val, u.at.key(u.m.key.value(l.key)))
}

// within compares the memory of entries that belong together.
func (d *differ) within(matched []match, unsure []unsureMap) {
	at := make(map[*unmatched]*place, len(unsure))
	for _, u := range unsure {
		at[u.unmatched] = u.at
	}
	for _, m := range matched {
		if place, ok := at[m.u]; ok {
			d.value(m.u.m.val, m.l.val, m.r.val, place.key(m.u.m.key.value(m.l.key)))
		}
	}
}

// absent reports entries that only one side has.
func (d *differ) absent(u unsureMap, taken map[*item]bool, missing string) {
	for _, l := range u.left {
		if !taken[l] {
			d.report(u.at.key(u.m.key.value(l.key)), short(u.m.val, l.val), missing)
		}
	}
	for _, r := range u.right {
		if !taken[r] {
			d.report(u.at.key(u.m.key.value(r.key)), missing, short(u.m.val, r.val))
		}
	}
}
