package explore

import "slices"

// belief is what is known of two classes of actions.
type belief struct {
	agreed  int // pairs run both ways that came to the same
	used    int // times believed since
	refuted bool
}

// class is the position of a's class.
func (s *search[S, A]) class(a A) int {
	if s.model.Class == nil {
		return 0
	}
	return s.model.Class(a)
}

// belief is what is known of the classes of a and b, in either order.
func (s *search[S, A]) belief(a, b A) *belief {
	x, y := s.class(a), s.class(b)
	return &s.beliefs[max(x, y)*s.classes+min(x, y)]
}

// commute reports whether a and b, both possible in st, may stand for each other's
// order: declared, and believed after samples. It runs the pair both ways while
// the belief is young, and now and then later. errRefuted asks to start anew.
func (s *search[S, A]) commute(st S, a, b A) (bool, error) {
	if s.opts.NoCommute || s.model.Independent == nil || !s.model.Independent(a, b) {
		return false, nil
	}
	bl := s.belief(a, b)
	if bl.refuted {
		return false, nil
	}
	young := bl.agreed < s.opts.Samples
	if !young {
		bl.used++
		if bl.used%s.opts.AuditEvery != 0 {
			return true, nil
		}
	}
	ok, err := s.bothWays(st, a, b)
	switch {
	case err != nil:
		return false, err
	case !ok:
		bl.refuted = true
		return false, errRefuted
	}
	bl.agreed++
	return !young, nil
}

// bothWays runs a and b in either order from st.
func (s *search[S, A]) bothWays(st S, a, b A) (bool, error) {
	s.res.Sampled++
	ab, ok, err := s.inOrder(st, a, b)
	if err != nil || !ok {
		return false, err
	}
	ba, ok, err := s.inOrder(st, b, a)
	if err != nil || !ok {
		return false, err
	}
	return s.equal(ab, ba), nil
}

func (s *search[S, A]) inOrder(st S, a, b A) (end S, possible bool, err error) {
	mid, err := s.apply(st, a)
	if err != nil || !slices.Contains(s.model.Actions(nil, mid), b) {
		return end, false, err
	}
	end, err = s.apply(mid, b)
	return end, true, err
}

// report lists the beliefs in the result, in order of their classes.
func (s *search[S, A]) report() {
	for i := range s.beliefs {
		pair := [2]string{s.name(i % s.classes), s.name(i / s.classes)}
		switch bl := &s.beliefs[i]; {
		case bl.refuted:
			s.res.Refuted = append(s.res.Refuted, pair)
		case bl.agreed >= s.opts.Samples:
			s.res.Believed = append(s.res.Believed, pair)
		}
	}
}

func (s *search[S, A]) name(class int) string {
	if s.model.Class == nil {
		return ""
	}
	return s.model.Classes[class]
}
