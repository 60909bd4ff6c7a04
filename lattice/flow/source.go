package flow

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
)

// FromSlice is a source of the elements of vs, in order. It keeps vs, which must
// not change while the graph runs.
func FromSlice[T any](g *Graph, vs []T) Delta[T] {
	n := lost(g).add("slice", sourceRule)
	return delta(n, &sliceSource[T]{n: n, rest: vs, batch: n.g.opt.Batch})
}

// Once is a source of one element.
func Once[T any](g *Graph, v T) Delta[T] {
	d := FromSlice(g, []T{v})
	d.out.n.op = "once"
	return d
}

type sliceSource[T any] struct {
	n     *node
	rest  []T
	batch int
}

func (s *sliceSource[T]) pull() ([]T, status) {
	if len(s.rest) == 0 {
		s.n.ends = true
		return nil, done
	}
	k := min(len(s.rest), s.batch)
	vs := s.rest[:k:k]
	s.rest = s.rest[k:]
	return vs, ready
}

// FromSeq is a source of the elements of seq, taken as they are asked for and at
// most a batch ahead. seq runs inside the scheduler: while it blocks, the graph
// waits. A seq that panics cannot go on: what it yielded before is handed on, and then
// each run ends with [ErrSource]. [Scheduler.Close] ends a seq that is not exhausted.
func FromSeq[T any](g *Graph, seq iter.Seq[T]) Delta[T] {
	n := lost(g).add("seq", sourceRule)
	n.need(seq != nil, "a nil iterator")
	s := &seqSource[T]{n: n}
	if seq != nil {
		next, stop := iter.Pull(s.batches(seq))
		s.more = func() bool { _, ok := next(); return ok }
		n.g.closers = append(n.g.closers, stop)
	}
	return delta(n, s)
}

type seqSource[T any] struct {
	n      *node
	more   func() bool // fills buf; false where seq has ended
	buf    []T
	handed bool // buf was handed on
	broken bool // seq runs, or has panicked
}

// batches groups seq in buf, so that switching to it is paid once a batch.
func (s *seqSource[T]) batches(seq iter.Seq[T]) iter.Seq[struct{}] {
	return func(yield func(struct{}) bool) {
		for v := range seq {
			s.buf = append(s.buf, v)
			if len(s.buf) == s.n.g.opt.Batch && !yield(struct{}{}) {
				return
			}
		}
	}
}

func (s *seqSource[T]) pull() ([]T, status) {
	if s.handed {
		s.buf, s.handed = s.buf[:0], false
	}
	if s.more != nil && !s.n.ends && !s.broken {
		s.n.busy.Store(true)
		s.broken = true
		s.n.ends = !s.more()
		s.broken = false
		s.n.busy.Store(false)
	}
	switch {
	case len(s.buf) > 0:
		s.handed = true
		return s.buf, ready
	case s.broken:
		return nil, s.n.stop(fmt.Errorf("%w: the iterator has panicked", ErrSource), "")
	}
	s.n.ends = true
	return nil, done
}

// FromReader is a source of the lines of r, without their ends; a line may have
// at most maxLine bytes, or the run ends with [ErrBound]. An error of r ends it
// with [ErrSource]. r is read inside the scheduler: while it blocks, the graph
// waits.
func FromReader(g *Graph, r io.Reader, maxLine int) Delta[string] {
	n := lost(g).add("read", sourceRule)
	n.need(r != nil, "a nil reader")
	n.need(maxLine > 0, "a line length that is not positive")
	s := &lineSource{n: n}
	if r != nil && maxLine > 0 {
		s.lines = bufio.NewScanner(r)
		s.lines.Buffer(make([]byte, 0, min(maxLine+2, 4096)), maxLine+2)
		s.maxLine = maxLine
	}
	return delta(n, s)
}

type lineSource struct {
	n       *node
	lines   *bufio.Scanner
	maxLine int
	buf     []string
	handed  bool // buf was handed on
	err     error
	remedy  string
}

func (s *lineSource) pull() ([]string, status) {
	if s.lines == nil {
		return nil, done
	}
	if s.handed {
		s.buf, s.handed = s.buf[:0], false
	}
	s.n.busy.Store(true)
	for !s.n.ends && s.err == nil && len(s.buf) < s.n.g.opt.Batch {
		s.scan()
	}
	s.n.busy.Store(false)
	switch {
	case len(s.buf) > 0:
		s.handed = true
		return s.buf, ready
	case s.err != nil:
		return nil, s.n.stop(s.err, s.remedy)
	}
	return nil, done
}

func (s *lineSource) scan() {
	long := func() {
		s.err = fmt.Errorf("%w: a line of more than %d bytes", ErrBound, s.maxLine)
		s.remedy = "give FromReader a greater maxLine"
	}
	switch more, err := s.lines.Scan(), s.lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		long()
	case err != nil:
		s.err = fmt.Errorf("%w: %w", ErrSource, err)
	case !more:
		s.n.ends = true
	case len(s.lines.Bytes()) > s.maxLine:
		long()
	default:
		s.buf = append(s.buf, s.lines.Text())
	}
}

// Input is a source that is fed while the graph runs, from any goroutine.
type Input[T any] struct {
	n    *node
	room int

	mu     sync.Mutex
	back   []T // what was pushed and not taken
	taken  int // what was taken and not yet given back
	closed bool
	asleep bool // the reader waits to be woken

	front []T // what is left of what was taken
	spare []T // the array that front is cut from
}

// NewInput is a source with room for that many elements.
func NewInput[T any](g *Graph, room int) (*Input[T], Delta[T]) {
	n := lost(g).add("input", sourceRule)
	n.external = true
	n.need(room > 0, "an input without room")
	in := &Input[T]{n: n, room: room}
	return in, delta(n, in)
}

// Push offers one element. It is accepted, and then never lost, or the error is
// [ErrFull] or [ErrClosed].
func (in *Input[T]) Push(v T) error {
	_, err := in.PushAll(v)
	return err
}

// PushAll offers vs, in order, and is how many were accepted; where that is not all,
// the error is [ErrFull] or [ErrClosed].
func (in *Input[T]) PushAll(vs ...T) (accepted int, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return 0, in.n.err(ErrClosed, "")
	}
	k := min(len(vs), in.room-len(in.back)-in.taken)
	in.back = append(in.back, vs[:k]...)
	in.rouse()
	if k < len(vs) {
		return k, in.n.err(ErrFull, "run the graph, or give the input more room")
	}
	return k, nil
}

// Close says that no more will come. What was accepted is still handed on.
func (in *Input[T]) Close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.rouse()
}

// rouse wakes the reader if it sleeps; the lock is held.
func (in *Input[T]) rouse() {
	if in.asleep {
		in.asleep = false
		in.n.post()
	}
}

func (in *Input[T]) pull() ([]T, status) {
	batch := in.n.g.opt.Batch
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.front) == 0 {
		in.front, in.back = in.back, in.spare[:0]
		in.spare = in.front
		in.taken = len(in.front)
	}
	if len(in.front) == 0 {
		if in.closed {
			in.n.ends = true
			return nil, done
		}
		in.asleep = true
		return nil, pending
	}
	k := min(len(in.front), batch)
	vs := in.front[:k:k]
	in.front = in.front[k:]
	return vs, ready
}
