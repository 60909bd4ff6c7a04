package oracle

import "github.com/joinery-go/joinery/linearizability/history"

// Patterns judges register histories of some hundred operations by the bad
// patterns of Bouajjani et al. (POPL 2017), relations as plain matrices closed
// by Warshall's algorithm, one operation after the other: a second opinion for
// histories too large for trying orders. O(n³) for CC and CCv, O(n⁴) for CM.
type Patterns struct {
	ops    []*history.Op
	source []int // as in Registers
	po, co [][]bool
}

// NewPatterns resolves what each read returned, as NewRegisters does.
// Indeterminate writes are not known to it: they answer Ambiguous.
func NewPatterns(h *history.History) (*Patterns, Answer) {
	p := &Patterns{}
	writer := map[string][]int{}
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Outcome == history.Unknown {
			return nil, Ambiguous
		}
		if o.Outcome == history.OK {
			if o.Func != history.Read {
				k := object(o) + "\x00" + o.Arg.Key()
				writer[k] = append(writer[k], len(p.ops))
			}
			p.ops = append(p.ops, o)
		}
	}
	for _, o := range p.ops {
		from := writer[object(o)+"\x00"+o.Out.Key()]
		switch {
		case o.Func != history.Read:
			p.source = append(p.source, -2)
		case len(from) == 0 && o.Out.Equal(h.Initial):
			p.source = append(p.source, -1)
		case len(from) == 0:
			return nil, Forbidden
		case len(from) > 1 || o.Out.Equal(h.Initial):
			return nil, Ambiguous
		default:
			p.source = append(p.source, from[0])
		}
	}
	p.po = matrix(len(p.ops))
	for j, o := range p.ops {
		for i := range j {
			p.po[i][j] = p.ops[i].Session == o.Session
		}
	}
	p.co = matrix(len(p.ops))
	for i := range p.co {
		copy(p.co[i], p.po[i])
	}
	for j, i := range p.source {
		if i >= 0 {
			p.co[i][j] = true
		}
	}
	closeUnder(p.co)
	return p, Allowed
}

func matrix(n int) [][]bool {
	m := make([][]bool, n)
	for i := range m {
		m[i] = make([]bool, n)
	}
	return m
}

// closeUnder makes a relation transitive.
func closeUnder(m [][]bool) {
	for k := range m {
		for i := range m {
			if !m[i][k] {
				continue
			}
			for j := range m {
				if m[k][j] {
					m[i][j] = true
				}
			}
		}
	}
}

func cyclic(m [][]bool) bool {
	for i := range m {
		if m[i][i] {
			return true
		}
	}
	return false
}

// rivals calls do for each read and each other write of its register.
func (p *Patterns) rivals(do func(read, write int)) {
	for r, src := range p.source {
		for w := range p.ops {
			if src != -2 && w != src && p.source[w] == -2 && object(p.ops[w]) == object(p.ops[r]) {
				do(r, w)
			}
		}
	}
}

// CC is weak causal consistency.
func (p *Patterns) CC() bool {
	good := !cyclic(p.co)
	p.rivals(func(r, w int) {
		src := p.source[r]
		if p.co[w][r] && (src == -1 || p.co[src][w]) {
			good = false
		}
	})
	return good
}

// CCv is causal convergence.
func (p *Patterns) CCv() bool {
	if !p.CC() {
		return false
	}
	m := matrix(len(p.ops))
	for i := range m {
		copy(m[i], p.co[i])
	}
	p.rivals(func(r, w int) {
		if p.co[w][r] {
			m[w][p.source[r]] = true
		}
	})
	closeUnder(m)
	return !cyclic(m)
}

// CM is causal memory: the happened-before relation of every last operation of a
// session is saturated and must be without cycle and without initial reads
// after writes.
func (p *Patterns) CM() bool {
	if !p.CC() {
		return false
	}
	for o := range p.ops {
		last := true
		for j := range p.ops {
			last = last && !p.po[o][j]
		}
		if last && !p.happenedBefore(o) {
			return false
		}
	}
	return true
}

func (p *Patterns) happenedBefore(o int) bool {
	in := func(i int) bool { return i == o || p.co[i][o] }
	hb := matrix(len(p.ops))
	for i := range hb {
		for j := range hb {
			hb[i][j] = p.co[i][j] && in(i) && in(j)
		}
	}
	for {
		added, good := false, true
		p.rivals(func(r, w int) {
			if !hb[w][r] || r != o && !p.po[r][o] {
				return
			}
			switch src := p.source[r]; {
			case src == -1:
				good = false
			case !hb[w][src]:
				hb[w][src], added = true, true
			}
		})
		if !good {
			return false
		}
		if !added {
			return !cyclic(hb)
		}
		closeUnder(hb)
	}
}
