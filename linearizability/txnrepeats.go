package linearizability

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// Transactions that write a value twice do not tell which write a read returned, so that
// levels that go by reads-from are open. Those that ask for one order of all transactions
// can be searched: the registers are one object, and a transaction is one operation on it,
// as in the multi-register of Knossos. That is exponential. The other levels hold where such
// an order is found, and are open where there is none.

const byTransactions = "search for an order of whole transactions, since values are not unique"

// repeats searches an order for transactions whose values are not unique, which r says of
// them; other results it leaves as they are. An order in real time is one for all levels.
func (b *txnBuilder) repeats(m *meter, level txnLevel, r result) result {
	switch {
	case r.status != Inconclusive || !errors.Is(r.cause, history.ErrNotUnique):
		return r
	case b.h.Tagged || m.ownReads != OwnReadsAlways || slices.Contains(b.split, true):
		return r
	}
	strongest := levelSerializable
	if !b.h.Untimed && b.inRealTime() { // and far sooner decided
		strongest = levelStrict
	}
	if level == strongest {
		return b.searchTransactions(m, level)
	}
	if level == levelStrict { // but real time does not order what a session does
		return r
	}
	most := (m.maxSteps.Load() - m.steps.Load()) / 8
	var stronger result
	m.within(most, func() { stronger = b.searchTransactions(m, strongest) })
	switch {
	case stronger.status == OK:
		return stronger
	case level == levelSerializable:
		return b.searchTransactions(m, level)
	}
	return r
}

// inRealTime reports whether real time orders the transactions of each session.
func (b *txnBuilder) inRealTime() bool {
	end := make(map[int]int64)
	for g, ops := range b.groups {
		if b.state[g] == history.Failed {
			continue
		}
		call, last := b.h.Ops[ops[0]].Call, int64(0)
		for _, i := range ops {
			call, last = min(call, b.h.Ops[i].Call), max(last, effect(&b.h.Ops[i]))
		}
		s := b.h.Ops[ops[0]].Session
		if before, known := end[s]; known && before >= call {
			return false
		}
		if b.state[g] == history.OK { // nothing waits for one in doubt
			end[s] = last
		}
	}
	return true
}

// searchTransactions searches an order of all transactions in real time, or in the order of
// sessions.
func (b *txnBuilder) searchTransactions(m *meter, level txnLevel) result {
	p := newTxnSearch(b, level)
	problem := &models.Problem{
		Spec:       p.spec(),
		StateBytes: func(state any) int { return 32 + len(state.(string)) },
		Observes:   func(input any) bool { return !input.(*txnStep).writes },
		Effect:     func(input any) string { return input.(*txnStep).name },
	}
	part := models.Part{Name: "all registers", Ops: p.ops, From: p.from, Alone: true}
	r, fits := result{}, false
	if level == levelStrict {
		r, fits = searchRealTime(m, problem, part)
	}
	if !fits {
		r = searchPorcupine(m, problem, part)
	}
	r.method = byTransactions
	return r
}

// txnSearch is the specification of registers that transactions read and write.
type txnSearch struct {
	keys   int
	chains [][]*txnStep // by session, and of each transaction in doubt; none in real time
	ops    []porcupine.Operation
	from   []int // positions of their operations
}

// txnStep is a transaction.
type txnStep struct {
	text        string // for pictures
	name        string // the same for those that do the same
	does        []txnAccess
	writes      bool
	chain, rank int // -1 in real time, which orders sessions too
	after, upTo int // the chain of its session, and how far that must be; after is -1 if it need not
}

// txnAccess reads or writes a register; values are numbered.
type txnAccess struct {
	key, value int
	read       bool
}

func newTxnSearch(b *txnBuilder, level txnLevel) *txnSearch {
	p := &txnSearch{keys: len(b.index.keys)}
	numbers := map[string]int{b.h.Initial.Key(): 0}
	number := func(v history.Value) int {
		n, known := numbers[v.Key()]
		if !known {
			n = len(numbers)
			numbers[v.Key()] = n
		}
		return n
	}
	chains := make(map[int]int)
	for g, ops := range b.groups {
		if b.state[g] == history.Failed {
			continue
		}
		s := &txnStep{chain: -1, after: -1}
		o := porcupine.Operation{ClientId: b.h.Ops[ops[0]].Session, Input: s, Call: b.h.Ops[ops[0]].Call}
		for _, i := range ops {
			op := &b.h.Ops[i]
			a := txnAccess{key: int(b.index.keys[op.Key]), read: !op.IsPut()}
			o.Return = max(o.Return, effect(op))
			switch {
			case op.IsPut():
				a.value, s.writes = number(op.Arg), true
			case b.reads(i) && b.state[g] == history.OK:
				a.value = number(op.Out)
			default:
				continue // what one in doubt read is not known
			}
			s.does = append(s.does, a)
		}
		if b.state[g] == history.Unknown {
			if o.Return = history.Pending; !s.writes {
				continue
			}
		}
		s.text, s.name = fmt.Sprintf("transaction of #%d", b.h.Ops[ops[0]].Index), fmt.Sprint(s.does)
		if level == levelSerializable {
			p.place(s, chains, o.ClientId, b.state[g] == history.Unknown)
		}
		p.ops = append(p.ops, o)
		for _, i := range ops {
			p.from = append(p.from, int(i))
		}
	}
	if slices.Sort(p.from); level != levelStrict {
		for n := range p.ops {
			p.ops[n].Call, p.ops[n].Return = int64(n), int64(len(p.ops)+n)
		}
	}
	return p
}

// place puts a transaction behind what its session has done; one in doubt beside what comes.
func (p *txnSearch) place(s *txnStep, chains map[int]int, session int, doubtful bool) {
	c, known := chains[session]
	if !known {
		c = len(p.chains)
		chains[session] = c
		p.chains = append(p.chains, nil)
	}
	if doubtful {
		s.after, s.upTo = c, len(p.chains[c])
		c = len(p.chains)
		p.chains = append(p.chains, nil)
	}
	s.chain, s.rank = c, len(p.chains[c])
	p.chains[c] = append(p.chains[c], s)
}

// A state is what each register holds and how far each chain has come, four bytes a number,
// so that states compare as strings.

func numberAt(state string, i int) int {
	return int(binary.BigEndian.Uint32([]byte(state[4*i : 4*i+4])))
}

func (p *txnSearch) spec() porcupine.Model {
	return porcupine.Model{
		Init:  func() any { return string(make([]byte, 4*(p.keys+len(p.chains)))) },
		Equal: func(a, b any) bool { return a.(string) == b.(string) },
		Hash:  func(state any) uint64 { return hashText(state.(string)) },
		Step: func(state, input, _ any) (bool, any) {
			s := input.(*txnStep)
			now := state.(string)
			if !p.enabled(s, now) {
				return false, state
			}
			if f := p.forced(now); f != nil && f != s {
				return false, state // that one loses nothing by going first
			}
			next, ok := p.apply(s, now)
			return ok, next
		},
		DescribeOperation: func(input, _ any) string { return input.(*txnStep).text },
	}
}

func (p *txnSearch) enabled(s *txnStep, now string) bool {
	return s.chain < 0 || numberAt(now, p.keys+s.chain) == s.rank && (s.after < 0 || numberAt(now, p.keys+s.after) >= s.upTo)
}

// forced is a transaction that only reads, comes next in its session and finds what it
// read: any order that is allowed remains so when it is moved to the front.
func (p *txnSearch) forced(now string) *txnStep {
	for c, steps := range p.chains {
		at := numberAt(now, p.keys+c)
		if at == len(steps) || steps[at].writes || !p.enabled(steps[at], now) {
			continue
		}
		if _, ok := p.apply(steps[at], now); ok {
			return steps[at]
		}
	}
	return nil
}

func (p *txnSearch) apply(s *txnStep, now string) (next string, ok bool) {
	var changed []byte
	holds := func(i int) int {
		if changed != nil {
			return int(binary.BigEndian.Uint32(changed[4*i:]))
		}
		return numberAt(now, i)
	}
	put := func(i, n int) {
		if changed == nil {
			changed = []byte(now)
		}
		binary.BigEndian.PutUint32(changed[4*i:], uint32(n))
	}
	for _, a := range s.does {
		switch {
		case !a.read:
			put(a.key, a.value)
		case holds(a.key) != a.value:
			return now, false
		}
	}
	if s.chain >= 0 {
		put(p.keys+s.chain, s.rank+1)
	}
	if changed == nil {
		return now, true
	}
	return string(changed), true
}
