package report

import (
	"errors"
	"slices"
)

// Order is some states and how they are ordered, to be drawn as a Hasse diagram.
type Order struct {
	Title string
	Note  string // what the diagram shows, in a sentence
	// States are the states, no two alike.
	States []OrderState
	// Below[i][j] says that the domain's own order has state i below state j, or
	// equal to it. It need not be an order: that it is none is drawn, and said.
	Below [][]bool
	// Cut is how many states there were no room for.
	Cut int
}

// OrderState is one state.
type OrderState struct {
	Text  string
	Where []string // who holds it, such as "n0 at the end"
	Final bool     // it is one of those that are compared
	Join  bool     // it is a join of those, which nobody holds
}

func (o *Order) check() error {
	if len(o.States) > MaxOrder {
		return errors.New("too many states to be drawn")
	}
	if len(o.Below) != len(o.States) {
		return errors.New("states and their order are of different number")
	}
	for _, row := range o.Below {
		if len(row) != len(o.States) {
			return errors.New("states and their order are of different number")
		}
	}
	return nil
}

// hasse is an order laid out: a rank and a column for each state, and its covers.
type hasse struct {
	rank, column []int
	ranks        [][]int  // by rank, from the least: states in the order of columns
	covers       [][2]int // below, above
	ties         [][2]int // states that the order calls equal
	circle       []int    // states that are each strictly below the next, and the last below the first
	broken       []int    // three states, a below b below c, and a not below c
}

// layout ranks the states by the longest chain below them, reduces the order to its
// covers, and places the states of a rank by where those below them are. What is no
// order has a circle, or three states that show it. O(n³).
func (o *Order) layout() hasse {
	n := len(o.States)
	h := hasse{rank: make([]int, n), column: make([]int, n)}
	strict := make([][]bool, n)
	for i := range strict {
		strict[i] = make([]bool, n)
		for j := range n {
			strict[i][j] = i != j && o.Below[i][j] && !o.Below[j][i]
			if i < j && o.Below[i][j] && o.Below[j][i] {
				h.ties = append(h.ties, [2]int{i, j})
			}
		}
	}
	if h.circle = circle(strict); h.circle != nil {
		return h
	}
	h.broken = intransitive(o.Below)
	for range n {
		for i := range n {
			for j := range n {
				if strict[i][j] {
					h.rank[j] = max(h.rank[j], h.rank[i]+1)
				}
			}
		}
	}
	for i := range n {
		for j := range n {
			between := func(k int) bool { return strict[i][k] && strict[k][j] }
			if strict[i][j] && !slices.ContainsFunc(indices(n), between) {
				h.covers = append(h.covers, [2]int{i, j})
			}
		}
	}
	h.place()
	return h
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// place orders the states of each rank by the mean column of what they cover, going
// up, and once more by what covers them, going down.
func (h *hasse) place() {
	most := 0
	for _, r := range h.rank {
		most = max(most, r)
	}
	h.ranks = make([][]int, most+1)
	for i, r := range h.rank {
		h.column[i] = len(h.ranks[r])
		h.ranks[r] = append(h.ranks[r], i)
	}
	mean := func(i, side int) float64 {
		sum, count := 0, 0
		for _, c := range h.covers {
			if c[side] == i {
				sum += h.column[c[1-side]]
				count++
			}
		}
		if count == 0 {
			return float64(h.column[i])
		}
		return float64(sum) / float64(count)
	}
	sweep := func(r, side int) {
		slices.SortStableFunc(h.ranks[r], func(a, b int) int {
			switch x, y := mean(a, side), mean(b, side); {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		})
		for c, i := range h.ranks[r] {
			h.column[i] = c
		}
	}
	for r := 1; r <= most; r++ {
		sweep(r, 1)
	}
	for r := most - 1; r >= 0; r-- {
		sweep(r, 0)
	}
}

// circle finds states each below the next and the last below the first, or nil.
func circle(strict [][]bool) []int {
	const (
		fresh = iota
		open
		done
	)
	state := make([]int, len(strict))
	var path []int
	var visit func(i int) []int
	visit = func(i int) []int {
		state[i] = open
		path = append(path, i)
		for j, below := range strict[i] {
			if !below {
				continue
			}
			switch state[j] {
			case open:
				return slices.Clone(path[slices.Index(path, j):])
			case fresh:
				if found := visit(j); found != nil {
					return found
				}
			}
		}
		path = path[:len(path)-1]
		state[i] = done
		return nil
	}
	for i := range strict {
		if state[i] == fresh {
			if found := visit(i); found != nil {
				return found
			}
		}
	}
	return nil
}

// intransitive finds a below b below c with a not below c, or nil.
func intransitive(below [][]bool) []int {
	for a := range below {
		for b := range below {
			for c := range below {
				if a != b && b != c && a != c && below[a][b] && below[b][c] && !below[a][c] {
					return []int{a, b, c}
				}
			}
		}
	}
	return nil
}
