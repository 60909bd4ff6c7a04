package flow

import (
	"fmt"
	"slices"
	"strings"
)

// A cycle of full channels is seen by the last of its schedulers that comes to rest. A
// sender without room waits for the graph behind its channel to take what is in it. Where
// that graph has nothing to run either, and was not told to run, it takes nothing because
// senders behind the receiver have no room: every other operator asks for more until there
// is none. If all of those wait in the same way, and so on, none of them is ever the first
// to go on. Input that comes meanwhile changes nothing: what it wakes cannot take
// elements past a sender without room. (It is the detection of deadlock in a graph of who
// waits for whom, where all share memory: a greatest fixpoint.)
//
// Senders behind the receiver are all that Delta edges lead to from it. That may be more
// than what keeps the receiver from being read, since a Split goes on for a while beside an
// edge that does not, so there is no alarm before all of them are known to wait for ever.

// stuck is the error of a sender of the graph that waits for ever, nil where there is none.
// It is called with rests held, where the graph has nothing to run.
func (s *Scheduler) stuck() error {
	w := waits{next: make(map[*node][]*node)}
	for _, n := range s.g.ends {
		w.follow(n)
	}
	w.discard()
	for _, n := range s.g.ends {
		if w.next[n] == nil {
			continue
		}
		s.g.rouseBeside()
		return w.err(n)
	}
	return nil
}

// waits are senders without room, and the senders that each of them waits for.
type waits struct {
	next  map[*node][]*node
	order []*node
}

// follow adds n, if it is a sender without room, and those it waits for.
func (w *waits) follow(n *node) {
	if _, been := w.next[n]; been || !n.blocked {
		return
	}
	w.next[n] = nil
	w.order = append(w.order, n)
	far := n.far
	if far == nil || !far.channel.full() || !far.g.still() {
		return
	}
	behind := unsent(far)
	w.next[n] = behind
	for _, m := range behind {
		w.follow(m)
	}
}

// discard forgets the senders that may go on, and so on.
func (w *waits) discard() {
	for again := true; again; {
		again = false
		for _, n := range w.order {
			free := func(m *node) bool { return w.next[m] == nil }
			if w.next[n] != nil && slices.ContainsFunc(w.next[n], free) {
				w.next[n], again = nil, true
			}
		}
	}
	for _, n := range w.order {
		if w.next[n] == nil {
			delete(w.next, n)
		}
	}
}

// err says how n waits, up to the sender that comes again.
func (w *waits) err(n *node) error {
	var path []string
	been := make(map[*node]bool)
	for m := n; ; m = w.next[m][0] {
		path = append(path, fmt.Sprintf("%v of graph %q", m, m.g.name))
		if been[m] {
			break
		}
		been[m] = true
	}
	return n.err(fmt.Errorf("%w: %s, each without room until the next has some", ErrDeadlock, strings.Join(path, " → ")),
		"give the channels of the cycle room for all that may be on it at a time, see NewChannel")
}

// rouseBeside has the graphs that channels join to g, and that are at rest, look whether they
// wait for ever too: those of the cycle do, and so do those that send into it, each of
// which rouses the next.
func (g *Graph) rouseBeside() {
	for _, n := range g.ends {
		if n.far != nil && n.far.g.atRest {
			n.far.g.sched.rouse()
		}
	}
}

// still reports that the graph has nothing to run, and nobody told it otherwise. rests
// must be held.
func (g *Graph) still() bool {
	if !g.atRest {
		return false
	}
	s := g.sched
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.woken)+len(s.calls) == 0
}

// unsent are the senders without room that Delta edges lead to from n.
func unsent(n *node) []*node {
	var senders []*node
	been := map[*node]bool{n: true}
	stack := []*node{n}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if n.blocked {
			senders = append(senders, n)
		}
		for _, o := range n.outs {
			if r := o.reader; r != nil && !been[r] {
				been[r] = true
				stack = append(stack, r)
			}
		}
	}
	return senders
}
