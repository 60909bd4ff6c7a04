package history

import (
	"fmt"
	"slices"
)

// Join makes one history of several that record different clients of one run, as Cobra,
// Viper and etcd's robustness tests keep them: a part a client. The sessions of each part
// are its own; they have the part's name, and where a part has several a number behind it.
// Operations of parts without real time come one part after the other, else by their
// calls. All parts must be alike: timed or not, tagged or not, with one initial value. It
// returns the history and, by operation, the number of its part; lines stay those of the
// parts.
func Join(name string, parts []*Decoded) (d *Decoded, from []int, err error) {
	if len(parts) == 0 {
		return nil, nil, fmt.Errorf("join %s: %w", name, ErrEmpty)
	}
	first := parts[0].History
	h := &History{Name: name, Tagged: first.Tagged, Initial: first.Initial, Untimed: first.Untimed}
	d = &Decoded{}
	numbers := make(map[[2]int]int) // part and session -> number
	clients := make(map[string]int)
	for n, p := range parts {
		g := p.History
		if g.Tagged != h.Tagged || g.Untimed != h.Untimed || !g.Initial.Equal(h.Initial) {
			return nil, nil, fmt.Errorf("join %s: %w: %s and %s differ in what is known of time, of tags, or of the initial value", name, ErrFormat, first.Name, g.Name)
		}
		h.Fences = append(h.Fences, g.Fences...)
		for i := range g.Ops {
			o := g.Ops[i]
			id := [2]int{n, o.Session}
			s, known := numbers[id]
			if !known {
				s = len(numbers)
				numbers[id] = s
			}
			if o.Client == "" {
				o.Client = g.Name
			}
			if other, taken := clients[o.Client]; taken && other != s {
				o.Client = fmt.Sprintf("%s/%d", o.Client, s)
			}
			clients[o.Client] = s
			o.Session = s
			if h.Untimed {
				o.Call, o.Return = int64(2*len(h.Ops)), int64(2*len(h.Ops)+1)
			}
			h.Ops, d.Lines, from = append(h.Ops, o), append(d.Lines, p.Lines[i]), append(from, n)
		}
		d.Notes = append(d.Notes, p.Notes...)
	}
	order := make([]int32, len(from))
	for i := range order {
		order[i] = int32(i)
	}
	h, order = ordered(h, order)
	lines, source := make([]int32, len(order)), make([]int, len(order))
	for n, i := range order {
		lines[n], source[n] = d.Lines[i], from[i]
	}
	slices.Sort(h.Fences)
	d.History, d.Lines = h, lines
	if err := h.Validate(); err != nil {
		return nil, nil, fmt.Errorf("join %s: %w", name, err)
	}
	return d, source, nil
}
