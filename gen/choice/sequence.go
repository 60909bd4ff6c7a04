package choice

// Sequence answers decisions from a list of answers in the order in which they are
// asked, whatever their site and key, and 0 after the end. An answer too large
// for its decision is reduced to the largest that fits. It is the tape of
// sequential drawing, as [Replay] is that of keyed decisions.
type Sequence struct {
	answers []uint64
	used    []uint64
}

// NewSequence returns a source that answers from answers, which it does not change.
func NewSequence(answers []uint64) *Sequence { return &Sequence{answers: answers} }

// Choose answers p with the next answer of the list.
func (s *Sequence) Choose(p Point) uint64 {
	var v uint64
	if i := len(s.used); i < len(s.answers) {
		v = s.answers[i]
	}
	if p.N <= 1 {
		v = 0
	} else if v >= p.N {
		v = p.N - 1
	}
	s.used = append(s.used, v)
	return v
}

// Used returns the answers given so far, as they were given, without the zeros at
// the end: asked the same questions, NewSequence(Used()) answers alike.
func (s *Sequence) Used() []uint64 { return trimZeros(s.used) }

// Tape passes decisions on to Src and keeps every answer in order, so that
// [NewSequence] of Answers repeats a sequential draw.
type Tape struct {
	Src     Source
	Answers []uint64
}

// Choose answers from Src and records the answer, zeros included.
func (t *Tape) Choose(p Point) uint64 {
	v := t.Src.Choose(p)
	t.Answers = append(t.Answers, v)
	return v
}

func trimZeros(tape []uint64) []uint64 {
	for len(tape) > 0 && tape[len(tape)-1] == 0 {
		tape = tape[:len(tape)-1]
	}
	return tape
}
