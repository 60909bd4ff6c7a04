package explore

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// packed is the transition system of a cluster in numbers. The states of a cluster
// are combinations of far fewer states of single nodes and messages: each of those
// is kept once and numbered, and each step of a node is taken once, however many
// combinations it occurs in.
type packed[N any] struct {
	cluster *Cluster[N]
	renamer

	states  []N      // by number
	self    []int32  // which node it is of
	timers  [][]move // those armed in it
	wrong   []string // what CheckNode says of it
	byBytes map[string]uint32

	symbols  []symbol // by number
	bySymbol map[symbol]uint32

	steps  map[uint64]outcome // by node's state and symbol
	lists  lists              // of tuples and nets
	judged map[uint32]string  // what CheckEnd says of nodes, by their list
	broken error              // what kept CheckEnd from saying

	// Scratch: the state at hand, and one that it is renamed to.
	now, alt, best content
	buf            []byte
}

// compact is a state of a cluster: the numbers of two lists. Two states are equal
// exactly if these are.
type compact struct{ tuple, net uint32 }

// content is those lists. A tuple has the states of the nodes, the timers fired at
// each in bytes, what is left of the bounds, and the inputs taken. A net has the
// symbols of the messages under way, ascending.
type content struct{ tuple, net []uint32 }

// symbol is anything that can happen at a node: a message with its target, a timer,
// an input by its position, or a crash.
type symbol struct {
	kind     ActionKind
	from, to int32
	payload  string
	id       uint64
}

// move is an action in numbers: what happens at a node, and the symbol of it.
type move struct {
	kind   ActionKind
	node   uint8
	symbol uint32
}

// outcome is what a node comes to, and the list of what it sends, ascending.
type outcome struct{ node, sends uint32 }

func newPacked[N any](c *Cluster[N], group [][]int) (*packed[N], error) {
	k := &packed[N]{
		cluster: c, byBytes: map[string]uint32{}, bySymbol: map[symbol]uint32{}, steps: map[uint64]outcome{},
		judged: map[uint32]string{}, renamer: newRenamer(group),
	}
	for i := range c.Inputs {
		k.symbol(symbol{kind: Take, id: uint64(i)}) // so that inputs have the first numbers
	}
	k.symbol(symbol{kind: Crash})
	if err := k.renameInputs(c.Nodes, len(c.Inputs)); err != nil {
		return nil, err
	}
	return k, nil
}

// symbol numbers s.
func (k *packed[N]) symbol(s symbol) uint32 {
	if id, ok := k.bySymbol[s]; ok {
		return id
	}
	id := uint32(len(k.symbols))
	k.symbols, k.bySymbol[s] = append(k.symbols, s), id
	return id
}

// node numbers a state of node self. The encoding need not say which node it is of.
func (k *packed[N]) node(self int, n N) uint32 {
	k.buf = k.cluster.Append(binary.AppendUvarint(k.buf[:0], uint64(self)), n)
	if id, ok := k.byBytes[string(k.buf)]; ok {
		return id
	}
	id := uint32(len(k.states))
	k.byBytes[string(k.buf)] = id
	var armed []move
	if k.cluster.Timers != nil {
		for _, t := range k.cluster.Timers(self, n) {
			armed = append(armed, move{Fire, uint8(self), k.symbol(symbol{kind: Fire, id: t})})
		}
	}
	wrong := ""
	if k.cluster.CheckNode != nil {
		wrong = k.cluster.CheckNode(self, n)
	}
	k.states, k.self, k.timers, k.wrong = append(k.states, n), append(k.self, int32(self)), append(k.timers, armed), append(k.wrong, wrong)
	return id
}

// reaction is an outcome with what is sent in order.
type reaction struct {
	node  uint32
	sends []uint32
}

func (k *packed[N]) reaction(self int, n N, sends []Message) reaction {
	r := reaction{node: k.node(self, n)}
	for _, m := range sends {
		r.sends = append(r.sends, k.symbol(symbol{kind: Deliver, from: int32(self), to: int32(m.To), payload: m.Payload}))
	}
	return r
}

// react takes the step of a node's state anew.
func (k *packed[N]) react(node, sym uint32) (reaction, error) {
	self := int(k.self[node])
	n, sends, err := k.cluster.step(self, k.states[node], k.event(sym))
	if err != nil {
		return reaction{}, err
	}
	r := k.reaction(self, n, sends)
	return r, tooMany(r.sends)
}

func (k *packed[N]) event(sym uint32) Event {
	s := &k.symbols[sym]
	ev := Event{Kind: s.kind, From: int(s.from), Payload: s.payload, ID: s.id}
	if s.kind == Take {
		ev.ID = k.cluster.Inputs[s.id].ID
	}
	return ev
}

// step is what a node's state makes of a symbol. A step not met before is taken
// together with all that it can be renamed to.
func (k *packed[N]) step(node, sym uint32) (outcome, error) {
	if out, ok := k.steps[uint64(node)<<32|uint64(sym)]; ok {
		return out, nil
	}
	order := max(1, len(k.group))
	pairs, rs := make([]outcome, order), make([]reaction, order)
	for p := range order {
		pairs[p] = outcome{node, sym}
		if p > 0 {
			pairs[p] = outcome{k.nodes.image(node, p), k.names.image(sym, p)}
		}
		if q := slices.Index(pairs[:p], pairs[p]); q >= 0 {
			rs[p] = rs[q]
			continue
		}
		var err error
		if rs[p], err = k.react(pairs[p].node, pairs[p].sends); err != nil {
			return outcome{}, err
		}
	}
	if err := k.register(rs); err != nil {
		return outcome{}, err
	}
	for p, at := range pairs {
		slices.Sort(rs[p].sends)
		k.steps[uint64(at.node)<<32|uint64(at.sends)] = outcome{rs[p].node, k.lists.intern(rs[p].sends)}
	}
	return k.steps[uint64(node)<<32|uint64(sym)], nil
}

// init is the initial state, which has no other in its orbit.
func (k *packed[N]) init() (compact, error) {
	c := k.cluster
	starts := make([]reaction, c.Nodes)
	for i := range starts {
		n, sends := c.Start(i)
		if err := c.addressed(i, sends); err != nil {
			return compact{}, err
		}
		starts[i] = k.reaction(i, n, sends)
	}
	for i := range starts {
		rs := make([]reaction, max(1, len(k.group)))
		rs[0] = starts[i]
		for p := 1; p < len(k.group); p++ {
			rs[p] = starts[k.group[p][i]]
		}
		if err := k.register(rs); err != nil {
			return compact{}, err
		}
	}
	var s content
	for i := range starts {
		s.tuple = append(s.tuple, starts[i].node)
		s.net = append(s.net, starts[i].sends...)
	}
	s.tuple = append(s.tuple, make([]uint32, k.width()-len(s.tuple))...)
	s.tuple[k.boundsAt()] = uint32(c.Drops)<<20 | uint32(c.Duplicates)<<10 | uint32(c.Crashes)
	slices.Sort(s.net)
	return k.intern(s), tooMany(s.net)
}

// tooMany refuses lists of messages that have no number.
func tooMany(messages []uint32) error {
	if len(messages) >= listChunk {
		return fmt.Errorf("%w: %d messages under way, fewer than %d are wanted", ErrModel, len(messages), listChunk)
	}
	return nil
}

func (k *packed[N]) firedAt() int  { return k.cluster.Nodes }
func (k *packed[N]) boundsAt() int { return k.cluster.Nodes + (k.cluster.Nodes+3)/4 }
func (k *packed[N]) takenAt() int  { return k.boundsAt() + 1 }
func (k *packed[N]) width() int    { return k.takenAt() + (len(k.cluster.Inputs)+31)/32 }

func (k *packed[N]) fired(tuple []uint32, node int) uint32 {
	return tuple[k.firedAt()+node/4] >> (8 * (node % 4)) & 255
}

func (k *packed[N]) taken(tuple []uint32, input int) bool {
	return tuple[k.takenAt()+input/32]>>(input%32)&1 == 1
}

// The units of the faults in the word of the bounds.
var unit = [...]uint32{Drop: 1 << 20, Duplicate: 1 << 10, Crash: 1}

func (k *packed[N]) left(tuple []uint32, kind ActionKind) int {
	return int(tuple[k.boundsAt()] / unit[kind] & 1023)
}

func (k *packed[N]) intern(s content) compact {
	return compact{k.lists.intern(s.tuple), k.lists.intern(s.net)}
}

// actions are as those of the plain system, but for drops.
func (k *packed[N]) actions(dst []move, s compact) []move {
	c, tuple, net := k.cluster, k.lists.at(s.tuple), k.lists.at(s.net)
	each := func(kind ActionKind) {
		for i, m := range net {
			if i == 0 || m != net[i-1] {
				dst = append(dst, move{kind, uint8(k.symbols[m].to), m})
			}
		}
	}
	drops := k.left(tuple, Drop)
	if !c.EarlyDrops && drops < c.Drops {
		each(Drop) // they come last
		return dst
	}
	each(Deliver)
	begin := len(dst)
	for n := range c.Nodes {
		if int(k.fired(tuple, n)) < c.Firings {
			dst = append(dst, k.timers[tuple[n]]...)
		}
	}
	for i, in := range c.Inputs {
		if k.taken(tuple, i) {
			continue
		}
		for n := range c.Nodes {
			if in.Node < 0 || in.Node == n {
				dst = append(dst, move{Take, uint8(n), uint32(i)})
			}
		}
	}
	if drops > 0 && (c.EarlyDrops || len(dst) == begin && len(net) <= drops) {
		each(Drop)
	}
	if k.left(tuple, Duplicate) > 0 {
		each(Duplicate)
	}
	if k.left(tuple, Crash) > 0 {
		for n := range c.Nodes {
			dst = append(dst, move{Crash, uint8(n), uint32(len(c.Inputs))})
		}
	}
	return dst
}

// after sets k.now to the state after m.
func (k *packed[N]) after(s compact, m move) error {
	now := &k.now
	now.tuple = append(now.tuple[:0], k.lists.at(s.tuple)...)
	net, sends := k.lists.at(s.net), []uint32(nil)
	switch m.kind {
	case Drop, Duplicate, Crash:
		now.tuple[k.boundsAt()] -= unit[m.kind]
	case Fire:
		now.tuple[k.firedAt()+int(m.node)/4] += 1 << (8 * (m.node % 4))
	case Take:
		now.tuple[k.takenAt()+int(m.symbol)/32] |= 1 << (m.symbol % 32)
	}
	if m.kind != Drop {
		out, err := k.step(now.tuple[m.node], m.symbol)
		if err != nil {
			return err
		}
		now.tuple[m.node], sends = out.node, k.lists.at(out.sends)
	}
	without := -1
	if m.kind == Deliver || m.kind == Drop {
		var ok bool
		if without, ok = slices.BinarySearch(net, m.symbol); !ok {
			return fmt.Errorf("%w: %v, which is not under way", ErrModel, k.action(m))
		}
	}
	now.net = now.net[:0]
	for i, w := range net {
		if i == without {
			continue
		}
		for len(sends) > 0 && sends[0] < w {
			now.net, sends = append(now.net, sends[0]), sends[1:]
		}
		now.net = append(now.net, w)
	}
	now.net = append(now.net, sends...)
	return tooMany(now.net)
}

func (k *packed[N]) apply(s compact, m move) (compact, error) {
	if err := k.after(s, m); err != nil {
		return compact{}, err
	}
	return k.intern(k.now), nil
}

func (k *packed[N]) append(dst []byte, s compact) []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(dst, s.tuple), s.net)
}

// check judges each node and, where nothing is left to happen, the end.
func (k *packed[N]) check(s compact) string {
	c, tuple := k.cluster, k.lists.at(s.tuple)
	for _, n := range tuple[:c.Nodes] {
		if k.wrong[n] != "" {
			return k.wrong[n]
		}
	}
	if len(k.lists.at(s.net)) > 0 {
		return ""
	}
	for i := range c.Inputs {
		if !k.taken(tuple, i) {
			return ""
		}
	}
	for i, n := range tuple[:c.Nodes] {
		if int(k.fired(tuple, i)) < c.Firings && len(k.timers[n]) > 0 {
			return ""
		}
	}
	what, err := k.checkEnd(tuple)
	if err != nil {
		k.broken = err
		return err.Error() // which ends the search
	}
	return what
}

// checkEnd judges the nodes of a tuple, and holds what they can be renamed to to
// being as right.
func (k *packed[N]) checkEnd(tuple []uint32) (string, error) {
	what, known, err := k.judgeNodes(tuple[:k.cluster.Nodes])
	if err != nil || known {
		return what, err
	}
	for p := 1; p < len(k.group); p++ {
		k.alt.tuple = k.renamedTuple(k.alt.tuple, tuple, p)
		theirs, _, err := k.judgeNodes(k.alt.tuple[:k.cluster.Nodes])
		if err != nil {
			return "", err
		}
		if (what == "") != (theirs == "") {
			return "", fmt.Errorf("%w: an end is not as right as what it is renamed to by %v: %s%s", ErrSymmetry, k.group[p], what, theirs)
		}
	}
	return what, nil
}

// judgeNodes is what CheckEnd says of nodes, and whether it has said so before.
func (k *packed[N]) judgeNodes(nodes []uint32) (what string, known bool, err error) {
	id := k.lists.intern(nodes)
	if what, known = k.judged[id]; known {
		return what, true, nil
	}
	if what, err = judgeEnd(k.cluster, k.lists.at(id), func(n uint32) N { return k.states[n] }, k.stepOf); err == nil {
		k.judged[id] = what
	}
	return what, false, err
}

// stepOf is step by events and messages.
func (k *packed[N]) stepOf(self int, node uint32, ev Event) (uint32, []Message, error) {
	sym := symbol{kind: ev.Kind, id: ev.ID}
	if ev.Kind == Deliver {
		sym = symbol{kind: Deliver, from: int32(ev.From), to: int32(self), payload: ev.Payload}
	}
	out, err := k.step(node, k.symbol(sym))
	if err != nil {
		return 0, nil, err
	}
	var sends []Message
	for _, m := range k.lists.at(out.sends) {
		sends = append(sends, k.message(m))
	}
	return out.node, sends, nil
}

func (k *packed[N]) message(sym uint32) Message {
	s := &k.symbols[sym]
	return Message{From: int(s.from), To: int(s.to), Payload: s.payload}
}

// independent is that of the plain system; late drops commute with nothing.
func (k *packed[N]) independent(a, b move) bool {
	switch {
	case a.kind == Drop || b.kind == Drop:
		return k.cluster.EarlyDrops && a.kind != b.kind && a.symbol != b.symbol
	case a.node == b.node:
		return false
	case a.kind == b.kind && (a.kind == Duplicate || a.kind == Crash):
		return false
	case a.kind == Take && b.kind == Take:
		return a.symbol != b.symbol
	}
	return true
}

func (k *packed[N]) action(m move) Action {
	a := Action{Kind: m.kind, Node: int(m.node)}
	switch m.kind {
	case Deliver, Drop, Duplicate:
		a.Message = k.message(m.symbol)
	case Fire, Take:
		a.ID = k.symbols[m.symbol].id
	}
	return a
}

func (k *packed[N]) global(s compact) *Global[N] {
	tuple := k.lists.at(s.tuple)
	g := &Global[N]{Drops: k.left(tuple, Drop), Duplicates: k.left(tuple, Duplicate), Crashes: k.left(tuple, Crash)}
	for i, n := range tuple[:k.cluster.Nodes] {
		g.Nodes, g.Fired = append(g.Nodes, k.states[n]), append(g.Fired, int(k.fired(tuple, i)))
	}
	for i := range k.cluster.Inputs {
		if k.taken(tuple, i) {
			g.Taken |= 1 << i
		}
	}
	for _, m := range k.lists.at(s.net) {
		g.Net = append(g.Net, k.message(m))
	}
	slices.SortFunc(g.Net, compareMessages)
	return g
}
