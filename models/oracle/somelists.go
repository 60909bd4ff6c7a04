package oracle

import (
	"math/rand/v2"

	"github.com/joinery-go/joinery/linearizability/history"
)

// SomeLists returns a history of transactions over lists made to fall near the borders
// between the levels: sessions whose transactions overlap, each reading from the state
// when it began, or from less, or in some seeds now and then from any other. What may
// overlap, whether appends are read back, and what else goes wrong (dirty and torn
// reads, elements out of order, twice or never appended), is drawn a seed. The same for
// the same seed.
func SomeLists(seed uint64, txns, sessions, keys int) *history.History {
	rng := rand.New(rand.NewPCG(seed, 0x6c697374))
	s := &listStore{
		rng: rng, h: &history.History{}, open: make([]*listTxn, sessions), last: make([]int, sessions), state: make([][]history.Value, keys),
		overlap: rng.IntN(2) == 0, skew: rng.IntN(3) > 0, old: rng.IntN(2) == 0, fuzzy: rng.IntN(4) == 0,
		wrong: []int{0, 5, 3, 2}[rng.IntN(4)], odd: []int{0, 0, 8}[rng.IntN(3)], doubt: []int{0, 0, 6}[rng.IntN(3)],
		reads: 1 + rng.IntN(3), together: rng.IntN(3) == 0, split: rng.IntN(6) == 0, shuffled: rng.IntN(6) == 0,
		forked: rng.IntN(6) == 0,
	}
	s.commits = [][]int{make([]int, keys)}
	for begun := 0; ; {
		n := rng.IntN(sessions)
		switch t := s.open[n]; {
		case t == nil && begun < txns:
			begun++
			s.begin(n, uint64(begun))
		case t == nil:
			if s.idle() {
				return s.done()
			}
		case t.left > 0:
			s.step(n, t)
		default:
			s.commit(n, t)
		}
	}
}

// listStore keeps every version.
type listStore struct {
	rng     *rand.Rand
	h       *history.History
	open    []*listTxn // by session
	last    []int      // by session: the version that its last transaction made or saw
	state   [][]history.Value
	commits [][]int // by version: how long each list is
	now     int64
	element int64

	overlap, skew, old, fuzzy, together, split, shuffled, forked bool
	wrong, odd, doubt, reads                                     int
}

type listTxn struct {
	number uint64
	call   int64
	at     int // it reads from the state of this version
	left   int
	own    map[int][]history.Value
	seen   map[int][]history.Value
	ops    []int
}

func (s *listStore) idle() bool {
	for _, t := range s.open {
		if t != nil {
			return false
		}
	}
	return true
}

func (s *listStore) begin(n int, number uint64) {
	at := len(s.commits) - 1
	if s.old {
		at = s.last[n] + s.rng.IntN(at-s.last[n]+1)
	}
	s.now++
	s.open[n] = &listTxn{number: number, call: s.now, at: at, left: 1 + s.rng.IntN(4), own: map[int][]history.Value{}, seen: map[int][]history.Value{}}
}

func (s *listStore) step(n int, t *listTxn) {
	t.left--
	key := s.rng.IntN(len(s.state))
	s.now += 2
	o := history.Op{
		Index: len(s.h.Ops), Session: n, Node: -1, Type: history.AppendList, Func: history.Read, Key: string(rune('x' + key)), Txn: t.number,
		Call: s.now - 1, Return: s.now,
	}
	if s.rng.IntN(1+s.reads) == 0 {
		s.element++
		o.Func, o.Arg = history.Append, history.Int(s.element)
		t.own[key] = append(t.own[key], o.Arg)
	} else {
		o.Out = history.List(append(append([]history.Value{}, s.base(n, t, key)...), t.own[key]...)...)
		if s.odd > 0 && s.rng.IntN(s.odd) == 0 {
			o.Out = s.spoiled(o.Out, key)
		}
	}
	t.ops = append(t.ops, o.Index)
	s.h.Ops = append(s.h.Ops, o)
}

// base is what a transaction reads of others.
func (s *listStore) base(n int, t *listTxn, key int) []history.Value {
	if seen, again := t.seen[key]; again && !s.fuzzy {
		return seen
	}
	length := s.commits[t.at][key]
	switch {
	case s.fuzzy:
		length = len(s.state[key])
	case s.forked: // each list as it was at a time of its own
		length = s.commits[s.last[n]+s.rng.IntN(len(s.commits)-s.last[n])][key]
	}
	if s.wrong > 0 && s.rng.IntN(s.wrong) == 0 {
		length = s.commits[s.rng.IntN(len(s.commits))][key]
	}
	t.seen[key] = s.state[key][:length:length]
	return t.seen[key]
}

// spoiled is a list as it ought not to be.
func (s *listStore) spoiled(v history.Value, key int) history.Value {
	list, _ := v.AsList()
	list = append([]history.Value{}, list...)
	switch s.rng.IntN(6) {
	case 0: // what is not committed yet
		for _, t := range s.open {
			if t != nil && len(t.own[key]) > 0 {
				list = append(list, t.own[key][:1+s.rng.IntN(len(t.own[key]))]...)
				break
			}
		}
	case 1:
		if len(list) > 1 {
			i := s.rng.IntN(len(list) - 1)
			list[i], list[i+1] = list[i+1], list[i]
		}
	case 2:
		if len(list) > 0 {
			i := s.rng.IntN(len(list))
			list = append(list[:i], list[i+1:]...)
		}
	case 3:
		if len(list) > 0 {
			list = append(list, list[s.rng.IntN(len(list))])
		}
	case 4:
		list = append(list, history.Int(-1))
	case 5:
		if length := len(s.state[key]); length > 0 {
			list = append([]history.Value{}, s.state[key][:s.rng.IntN(length+1)]...)
		}
	}
	return history.List(list...)
}

// commit makes a new version, or aborts where the seed says that it must.
func (s *listStore) commit(n int, t *listTxn) {
	s.open[n] = nil
	s.now++
	stale := false
	for key := range s.state {
		changed := len(s.state[key]) != s.commits[t.at][key]
		_, read := t.seen[key]
		stale = stale || changed && (len(t.own[key]) > 0 && !s.overlap || read && len(t.own) > 0 && !s.skew)
	}
	stale = stale && s.rng.IntN(4) > 0
	doubt := s.doubt > 0 && s.rng.IntN(s.doubt) == 0
	for _, i := range t.ops {
		o := &s.h.Ops[i]
		if s.together {
			o.Call, o.Return = t.call, s.now
		} else if s.split { // two transactions at a time in one session
			o.Session = n / 2
		}
		switch {
		case stale:
			o.Outcome = history.Failed
		case doubt:
			o.Outcome, o.Return = history.Unknown, history.Pending
		}
		if o.Outcome != history.OK && o.Func == history.Read {
			o.Out = history.Nil
		}
	}
	if stale || doubt && s.rng.IntN(2) == 0 {
		return
	}
	next := append([]int{}, s.commits[len(s.commits)-1]...)
	for key, own := range t.own { //joinery:anyorder each has a list of its own
		s.state[key] = append(s.state[key], own...)
		next[key] = len(s.state[key])
	}
	s.last[n] = t.at
	if len(t.own) > 0 {
		s.commits = append(s.commits, next)
		s.last[n] = len(s.commits) - 1
	}
}

// shuffle has the transactions happen one after the other in some other order.
func (s *listStore) shuffle() {
	byTxn := map[uint64][]int{}
	var numbers []uint64
	for i := range s.h.Ops {
		n := s.h.Ops[i].Txn
		if byTxn[n] == nil {
			numbers = append(numbers, n)
		}
		byTxn[n] = append(byTxn[n], i)
	}
	s.rng.Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
	s.now = 0
	for _, n := range numbers {
		for _, i := range byTxn[n] {
			o := &s.h.Ops[i]
			s.now += 2
			if o.Call = s.now; o.Return != history.Pending {
				o.Return = s.now + 1
			}
		}
	}
}

// done orders the operations by their calls.
func (s *listStore) done() *history.History {
	if s.shuffled {
		s.shuffle()
	}
	ordered := &history.History{}
	for call := int64(0); call <= s.now; call++ {
		for _, o := range s.h.Ops {
			if o.Call == call {
				o.Index = len(ordered.Ops)
				ordered.Ops = append(ordered.Ops, o)
			}
		}
	}
	return ordered
}
