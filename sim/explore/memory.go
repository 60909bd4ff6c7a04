package explore

import "encoding/binary"

// memory keeps what nodes make of events. The states of a cluster are combinations
// of far fewer states of single nodes: each is kept once and numbered, and each
// step of a node is taken once, however many combinations it occurs in. Its size
// is that of the distinct nodes, and of the distinct pairs of node and event.
type memory[N any] struct {
	cluster *Cluster[N]
	known   map[string]uint32 // by node and encoding
	states  []N
	steps   map[stepKey]outcome[N]
	buf     []byte
}

type stepKey struct {
	id    uint32 // which says the node as well
	event Event
}

type outcome[N any] struct {
	state N
	id    uint32
	sends []Message // with their sender
}

func newMemory[N any](c *Cluster[N]) *memory[N] {
	return &memory[N]{cluster: c, known: map[string]uint32{}, steps: map[stepKey]outcome[N]{}}
}

// intern returns the one copy kept of the state of node self, and its number. The
// encoding need not say which node it is of.
func (m *memory[N]) intern(self int, n N) (N, uint32) {
	if m == nil {
		return n, 0
	}
	m.buf = m.cluster.Append(binary.AppendUvarint(m.buf[:0], uint64(self)), n)
	if id, ok := m.known[string(m.buf)]; ok {
		return m.states[id], id
	}
	id := uint32(len(m.states))
	m.known[string(m.buf)] = id
	m.states = append(m.states, n)
	return n, id
}

// step is what node self, in state n of number id, makes of an event; a crash
// counts as one. Without a memory it is taken anew each time.
func (m *memory[N]) step(c *Cluster[N], self int, n N, id uint32, ev Event) (outcome[N], error) {
	key := stepKey{id, ev}
	if m != nil {
		if out, ok := m.steps[key]; ok {
			return out, nil
		}
	}
	var out outcome[N]
	var sends []Message
	var err error
	if ev.Kind == Crash {
		out.state, sends, err = c.Crashed(self, n)
	} else {
		out.state, sends, err = c.Step(self, n, ev)
	}
	if err != nil {
		return out, err
	}
	out.state, out.id = m.intern(self, out.state)
	out.sends = from(self, sends)
	if m != nil {
		m.steps[key] = out
	}
	return out, nil
}
