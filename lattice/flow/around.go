package flow

import "sync"

// A cycle that leads through channels comes to rest when no scheduler on it has anything
// to run and the channels on it are empty. Nobody sees that alone: each scheduler says
// when it has nothing to run, and the last one to say so ends the channels on the cycle, if
// all that leads to it from elsewhere has ended. What follows is as if their senders had
// ended. (It is the rule by which a loop within a graph ends, see endLoops, and the
// detection of termination by counting who is idle, where all share memory.)

// rests guards atRest and cycles of all graphs that channels join. It is taken when a
// scheduler has nothing to run, and when it has again, before it takes what woke it from
// its mail.
var rests sync.Mutex

// pipe is a channel, whatever its elements.
type pipe interface {
	quiet() bool
	full() bool
	end() (was bool)
}

// around is what there is to know of the graphs that channels join, once all of them run.
type around struct {
	graphs []*Graph
	cycles []cycle
}

// cycle is a channel that leads back to itself.
type cycle struct {
	receiver *node
	beside   []*node // the receivers of the channels on its cycles, itself included
	feeds    []*node // sources, loops and receivers that lead to it from elsewhere
}

// settled says that the scheduler has nothing to run, and reports whether channels have
// ended by that. The error is of a sender that waits for ever.
func (s *Scheduler) settled() (ended bool, err error) {
	if len(s.g.ends) == 0 {
		return false, nil
	}
	rests.Lock()
	defer rests.Unlock()
	s.g.atRest, s.rested = true, true
	if err := s.stuck(); err != nil {
		return false, err
	}
	a := s.g.cycles
	if a == nil {
		if a = aroundOf(s.g); a == nil {
			return false, nil
		}
		for _, g := range a.graphs {
			g.cycles = a
		}
	}
	return len(a.cycles) > 0 && a.rest() && a.end(), nil
}

// stir says that it has something to run again.
func (s *Scheduler) stir() {
	if !s.rested {
		return
	}
	rests.Lock()
	s.g.atRest, s.rested = false, false
	rests.Unlock()
}

// aroundOf is what channels join to g; nil where not all of it runs yet.
func aroundOf(g *Graph) *around {
	a := &around{graphs: []*Graph{g}}
	been := map[*Graph]bool{g: true}
	for i := 0; i < len(a.graphs); i++ {
		if !a.graphs[i].atRest {
			return nil
		}
		for _, n := range a.graphs[i].ends {
			if n.far != nil && !been[n.far.g] {
				been[n.far.g] = true
				a.graphs = append(a.graphs, n.far.g)
			}
		}
	}
	for _, g := range a.graphs {
		for _, n := range g.ends {
			if n.rule == receiveRule {
				a.add(n)
			}
		}
	}
	return a
}

// add adds the channel that ends in n, if it is on a cycle.
func (a *around) add(n *node) {
	up := leadingTo(n, true)
	if !up[n] {
		return
	}
	c := cycle{receiver: n}
	for _, g := range a.graphs {
		for _, m := range g.nodes {
			switch {
			case !up[m]:
			case m.rule == receiveRule && leadingTo(m, true)[n]:
				c.beside = append(c.beside, m)
			case m.rule == loopRule && leadingTo(m, true)[n]:
			case m.rule == receiveRule || m.rule == loopRule || m.rule == sourceRule:
				c.feeds = append(c.feeds, m)
			}
		}
	}
	a.cycles = append(a.cycles, c)
}

// rest reports that nothing can run, and no channel keeps anybody waiting.
func (a *around) rest() bool {
	for _, g := range a.graphs {
		if !g.atRest {
			return false
		}
		for _, n := range g.ends {
			if n.blocked {
				return false
			}
		}
	}
	return true
}

// end ends the channels that nothing can come out of any more.
func (a *around) end() (ended bool) {
	for _, c := range a.cycles {
		if c.receiver.ends || !c.over() {
			continue
		}
		for _, n := range c.beside {
			ended = n.channel.end() || ended
		}
	}
	return ended
}

func (c *cycle) over() bool {
	for _, n := range c.feeds {
		if !n.ends {
			return false
		}
	}
	for _, n := range c.beside {
		if !n.channel.quiet() {
			return false
		}
	}
	return true
}
