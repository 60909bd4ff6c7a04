package explore

import (
	"bytes"
	"fmt"
	"slices"
)

// Permutations lists all n! renamings of n nodes, the identity first, in
// lexicographic order. n is at most 8; more is an error of the caller and gives nil.
func Permutations(n int) [][]int {
	if n < 0 || n > 8 {
		return nil
	}
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	out := [][]int{slices.Clone(p)}
	for {
		i := n - 2
		for i >= 0 && p[i] > p[i+1] {
			i--
		}
		if i < 0 {
			return out
		}
		j := n - 1
		for p[j] < p[i] {
			j--
		}
		p[i], p[j] = p[j], p[i]
		slices.Reverse(p[i+1:])
		out = append(out, slices.Clone(p))
	}
}

// invert is the renaming that undoes p.
func invert(p []int) []int {
	q := make([]int, len(p))
	for i, v := range p {
		q[v] = i
	}
	return q
}

// compose is p after q.
func compose(p, q []int) []int {
	r := make([]int, len(q))
	for i, v := range q {
		r[i] = p[v]
	}
	return r
}

// group checks that ps is closed, so that states fall into orbits, and puts the
// identity first.
func group(ps [][]int) ([][]int, error) {
	if len(ps) == 0 {
		return nil, nil
	}
	n := len(ps[0])
	known := make(map[string]bool, len(ps))
	for _, p := range ps {
		seen := make([]bool, n)
		for _, v := range p {
			if len(p) != n || v < 0 || v >= n || seen[v] {
				return nil, fmt.Errorf("%w: %v is no renaming of %d nodes", ErrModel, p, n)
			}
			seen[v] = true
		}
		known[fmt.Sprint(p)] = true
	}
	for _, p := range ps {
		for _, q := range ps {
			if r := compose(p, q); !known[fmt.Sprint(r)] {
				return nil, fmt.Errorf("%w: symmetry holds %v and %v but not their composition %v", ErrModel, p, q, r)
			}
		}
	}
	ps = slices.Clone(ps)
	slices.SortFunc(ps, slices.Compare[[]int])
	return ps, nil
}

// canonical is the state of st's orbit that has the least encoding. It costs a
// renaming and an encoding for each element of the group.
func (s *search[S, A]) canonical(st S) successor[S] {
	best := successor[S]{state: st, orbit: 1}
	if len(s.group) < 2 {
		return best
	}
	s.enc = s.model.Append(s.enc[:0], st)
	same := 1 // renamings that lead to the best, as many as leave it
	for i := 1; i < len(s.group); i++ {
		c := s.model.Permute(st, s.group[i])
		s.alt = s.model.Append(s.alt[:0], c)
		switch bytes.Compare(s.alt, s.enc) {
		case -1:
			s.enc, s.alt = s.alt, s.enc
			best.state, best.perm, same = c, i, 1
		case 0:
			same++
		}
	}
	best.orbit = len(s.group) / same
	return best
}

// checkSymmetry holds one state and one renaming to each other: what can happen,
// and what comes of it, must be the same up to renaming.
func (s *search[S, A]) checkSymmetry(st S, acts []A) error {
	s.symmetric++
	p := s.group[s.symmetric%len(s.group)]
	other := s.model.Permute(st, p)
	theirs := s.model.Actions(nil, other)
	if len(theirs) != len(acts) {
		return fmt.Errorf("%w: %d actions in a state, %d in it renamed by %v", ErrSymmetry, len(acts), len(theirs), p)
	}
	if (s.judge(st, acts) == "") != (s.judge(other, theirs) == "") {
		return fmt.Errorf("%w: a check tells a state from it renamed by %v", ErrSymmetry, p)
	}
	for _, a := range acts {
		b := s.model.PermuteAction(a, p)
		if !slices.Contains(theirs, b) {
			return fmt.Errorf("%w: %v is possible, but renamed by %v to %v it is not", ErrSymmetry, a, p, b)
		}
		x, err := s.apply(st, a)
		if err != nil {
			return err
		}
		y, err := s.apply(other, b)
		if err != nil {
			return err
		}
		if !s.equal(s.model.Permute(x, p), y) {
			return fmt.Errorf("%w: %v and, renamed by %v, %v lead apart", ErrSymmetry, a, p, b)
		}
	}
	return nil
}

func (s *search[S, A]) equal(x, y S) bool {
	s.enc = s.model.Append(s.enc[:0], x)
	s.alt = s.model.Append(s.alt[:0], y)
	return bytes.Equal(s.enc, s.alt)
}
