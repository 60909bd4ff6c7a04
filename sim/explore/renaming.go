package explore

import (
	"fmt"
	"slices"
)

// renamer knows what states of nodes and symbols are renamed to, without knowing
// what is in them: by replay. The image of a node's start is the start of the node
// that it is renamed to; the image of what a step comes to is what the image of the
// state comes to by the image of the event, and of what it sends to each node, in
// order, what that sends to the image of the node. A renaming is a symmetry if this
// gives each state and each message one image, however it is come by; register
// holds every step to that. Then image and step commute by construction, for
// whatever the search meets: nothing is left to sampling but the check of ends.
//
// A renaming is a permutation of the nodes followed by the inputs.
type renamer struct {
	group   [][]int
	inverse [][]int
	index   map[*int]int // position in group by where its memory is
	product [][]int      // product[p][q] is the position of p after q
	nodes   images       // of nodes' states
	names   images       // of symbols
}

// images has a row for each number, with its image under each of the group.
type images struct {
	rows  []uint32
	order int
}

const noImage = ^uint32(0)

func (im *images) image(id uint32, p int) uint32 { return im.rows[int(id)*im.order+p] }

func (im *images) known(id uint32) bool {
	at := int(id) * im.order
	return at < len(im.rows) && im.rows[at] != noImage
}

// enter records that ids[p] is the image of ids[0] under p, with all that follows:
// ids[product[p][q]] is that of ids[q]. It reports whether this agrees with what is
// on record.
func (im *images) enter(ids []uint32, product [][]int) bool {
	for q, id := range ids {
		for int(id)*im.order >= len(im.rows) {
			im.rows = append(im.rows, slices.Repeat([]uint32{noImage}, im.order)...)
		}
		row := im.rows[int(id)*im.order:][:im.order]
		fresh := row[0] == noImage
		for p := range row {
			want := ids[product[p][q]]
			if fresh {
				row[p] = want
			} else if row[p] != want {
				return false
			}
		}
	}
	return true
}

// newRenamer takes a group sorted with the identity first; fewer than two renamings
// are none.
func newRenamer(group [][]int) renamer {
	r := renamer{group: group, index: map[*int]int{}}
	r.nodes.order, r.names.order = len(group), len(group)
	for i, p := range group {
		r.index[&p[0]] = i
		r.inverse = append(r.inverse, invert(p))
		row := make([]int, len(group))
		for j, q := range group {
			row[j], _ = slices.BinarySearchFunc(group, compose(p, q), slices.Compare[[]int])
		}
		r.product = append(r.product, row)
	}
	return r
}

// position is that of p in the group.
func (r *renamer) position(p []int) int {
	if i, ok := r.index[&p[0]]; ok {
		return i
	}
	i, _ := slices.BinarySearchFunc(r.group, p, slices.Compare[[]int])
	return i
}

// renameInputs enters the first symbols: the inputs, and the crash.
func (r *renamer) renameInputs(nodes, inputs int) error {
	for i := range inputs + 1 {
		ids := make([]uint32, len(r.group))
		for p := range ids {
			ids[p] = uint32(i)
			if i < inputs {
				ids[p] = uint32(r.group[p][nodes+i] - nodes)
			}
		}
		if !r.names.enter(ids, r.product) {
			return fmt.Errorf("%w: renamings of inputs are no group", ErrModel)
		}
	}
	return nil
}

// register enters the reactions rs, of which rs[p] is the image of rs[0] under p.
func (k *packed[N]) register(rs []reaction) error {
	if len(k.group) < 2 {
		return nil
	}
	ids := make([]uint32, len(rs))
	for p := range rs {
		ids[p] = rs[p].node
	}
	if err := k.alike(ids); err != nil {
		return err
	}
	// Timers keep their names.
	for _, n := range ids {
		for _, t := range k.timers[n] {
			if !k.names.known(t.symbol) && !k.names.enter(slices.Repeat([]uint32{t.symbol}, len(rs)), k.product) {
				return fmt.Errorf("%w: timer %d has two names", ErrSymmetry, k.symbols[t.symbol].id)
			}
		}
	}
	if !k.nodes.enter(ids, k.product) {
		return fmt.Errorf("%w: a state of node %d that is come by in two ways is renamed to two states", ErrSymmetry, k.self[ids[0]])
	}
	for j := range k.cluster.Nodes {
		if err := k.registerSends(rs, j, ids); err != nil {
			return err
		}
	}
	return nil
}

// alike asks that nodes be renamed to ones with the same timers, and as right.
func (k *packed[N]) alike(ids []uint32) error {
	for p, id := range ids {
		same := (k.wrong[id] == "") == (k.wrong[ids[0]] == "") && k.self[id] == int32(k.group[p][k.self[ids[0]]]) &&
			slices.EqualFunc(k.timers[id], k.timers[ids[0]], func(a, b move) bool { return a.symbol == b.symbol })
		if !same {
			return fmt.Errorf("%w: a state of node %d differs from what it is renamed to by %v, in its timers or in being right",
				ErrSymmetry, k.self[ids[0]], k.group[p])
		}
	}
	return nil
}

// registerSends enters what is sent to node to, and its images.
func (k *packed[N]) registerSends(rs []reaction, to int, ids []uint32) error {
	for nth := 0; ; nth++ {
		found := 0
		for p := range rs {
			if m, ok := k.nthTo(rs[p].sends, k.group[p][to], nth); ok {
				ids[p] = m
				found++
			}
		}
		switch {
		case found == 0:
			return nil
		case found < len(rs):
			return fmt.Errorf("%w: a step of node %d sends more, or less, than what it is renamed to", ErrSymmetry, k.self[rs[0].node])
		case !k.names.enter(ids, k.product):
			return fmt.Errorf("%w: a message of node %d that is come by in two ways is renamed to two messages", ErrSymmetry, k.self[rs[0].node])
		}
	}
}

// nthTo is the n-th of the messages to a node.
func (k *packed[N]) nthTo(sends []uint32, to, n int) (uint32, bool) {
	for _, m := range sends {
		if int(k.symbols[m].to) != to {
			continue
		}
		if n == 0 {
			return m, true
		}
		n--
	}
	return 0, false
}

// renamed writes to dst what s is renamed to by p.
func (k *packed[N]) renamedTuple(dst, tuple []uint32, p int) []uint32 {
	n := k.cluster.Nodes
	dst = append(dst[:0], tuple...)
	clear(dst[k.firedAt():k.boundsAt()])
	clear(dst[k.takenAt():])
	for i, to := range k.group[p][:n] {
		dst[to] = k.nodes.image(tuple[i], p)
		dst[k.firedAt()+to/4] |= k.fired(tuple, i) << (8 * (to % 4))
	}
	for i := range k.cluster.Inputs {
		if k.taken(tuple, i) {
			to := k.group[p][n+i] - n
			dst[k.takenAt()+to/32] |= 1 << (to % 32)
		}
	}
	return dst
}

func (k *packed[N]) renamedNet(dst, net []uint32, p int) []uint32 {
	dst = dst[:0]
	for _, m := range net {
		dst = append(dst, k.names.image(m, p))
	}
	slices.Sort(dst)
	return dst
}

func (k *packed[N]) permute(s compact, p []int) compact {
	at := k.position(p)
	k.alt.tuple = k.renamedTuple(k.alt.tuple, k.lists.at(s.tuple), at)
	k.alt.net = k.renamedNet(k.alt.net, k.lists.at(s.net), at)
	return k.intern(k.alt)
}

func (k *packed[N]) permuteMove(m move, p []int) move {
	at := k.position(p)
	return move{m.kind, uint8(p[m.node]), k.names.image(m.symbol, at)}
}

// next is the state after m, renamed to the least of its orbit.
func (k *packed[N]) next(s compact, m move) (successor[compact], error) {
	if err := k.after(s, m); err != nil {
		return successor[compact]{}, err
	}
	best := &k.best
	best.tuple, best.net = append(best.tuple[:0], k.now.tuple...), append(best.net[:0], k.now.net...)
	which, same := 0, 1
	for p := 1; p < len(k.group); p++ {
		first := k.nodes.image(k.now.tuple[k.inverse[p][0]], p)
		if first > best.tuple[0] {
			continue
		}
		k.alt.tuple = k.renamedTuple(k.alt.tuple, k.now.tuple, p)
		order := slices.Compare(k.alt.tuple, best.tuple)
		if order > 0 {
			continue
		}
		k.alt.net = k.renamedNet(k.alt.net, k.now.net, p)
		if order == 0 {
			order = slices.Compare(k.alt.net, best.net)
		}
		if order == 0 {
			same++
		} else if order < 0 {
			k.best, k.alt = k.alt, k.best
			which, same = p, 1
		}
	}
	return successor[compact]{state: k.intern(k.best), perm: which, orbit: len(k.group) / same}, nil
}
