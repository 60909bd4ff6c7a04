package deep

import "sync"

// maxDepth is the depth of references at which a walk goes on from a list of what is
// left, so that the length of a chain is no matter of the stack.
const maxDepth = 200

// rememberFrom is the number of references from which on a walk remembers where it
// was. Before, remembering would cost more than going there again.
const rememberFrom = 1 << 10

// walk is the state of one comparison or fingerprint, and what is kept from one to
// the next: where the entries of maps are put.
type walk struct {
	depth, work int
	idle        map[*mapType][]*entry

	// comparisons
	seen     map[pair]struct{}
	pending  []task
	compared int              // elements of slices
	spans    map[spanKey]span // stretches of memory that are being compared
	keys     bool             // keys are compared: by ==, but for pointers that correspond
	record   bool             // which pointers correspond is recorded
	unknown  bool             // and it should have been
	regions  []regionPair     // memory that corresponds
	ends     []uintptr        // how far any of the regions up to here reaches
	sorted   bool             // regions are, and ends are known

	// the matching of entries
	aside      bool // what corresponds is all that is asked
	structural bool // methods Equal are not asked
	supposing  bool // keys are equal where pointers may yet be found to correspond
	chosen     bool // something was, so that the steps count
	search     *search
	marks      map[int]uint64 // of pieces of memory, by what was chosen
	now        []uint64       // their colours
	deferred   []*unmatched
	taken      map[*item]bool
	matched    []match
	supposed   []match // of these the keys must be found to correspond in the end

	// fingerprints
	budget int
	over   bool
	mode   hashMode
	canon  *canon
}

func (w *walk) begin() {
	w.depth, w.work, w.compared = 0, 0, 0
	w.keys, w.record, w.unknown, w.sorted, w.over = false, false, false, false, false
	w.mode, w.canon = unfold, nil
	w.aside, w.structural, w.supposing, w.chosen, w.search = false, false, false, false, nil
	w.seen, w.spans, w.deferred, w.taken, w.matched, w.supposed = nil, nil, nil, nil, nil, nil
	w.marks, w.now = nil, nil
	w.pending, w.regions = w.pending[:0], w.regions[:0]
}

// walks are at rest here between the uses of a [Type].
var walks = sync.Pool{New: func() any { return new(walk) }}

func newWalk() *walk {
	w := walks.Get().(*walk)
	w.begin()
	return w
}

// end lets go of what the walk held. A walk that a panic ended is not used again.
func (w *walk) end() {
	w.begin()
	walks.Put(w)
}

// borrow returns a place for the entries of a map. Maps of one type may hold each
// other, so there can be several at a time.
func (w *walk) borrow(m *mapType) *entry {
	idle := w.idle[m]
	if last := len(idle) - 1; last >= 0 {
		w.idle[m] = idle[:last]
		return idle[last]
	}
	return newEntry(m)
}

func (w *walk) giveBack(m *mapType, e *entry) {
	e.clear()
	if w.idle == nil {
		w.idle = make(map[*mapType][]*entry)
	}
	w.idle[m] = append(w.idle[m], e)
}
