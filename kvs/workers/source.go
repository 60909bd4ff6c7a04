package workers

import (
	"fmt"
	"slices"
)

// Level is what an operation's answer promises.
type Level uint8

// The levels.
const (
	// Executed answers as soon as the operation is decided. A world-line that begins before
	// a global version has it decides it again, perhaps otherwise, and there is another
	// answer.
	Executed Level = iota
	// Recoverable answers once a global version has the outcome: no crash takes it back.
	// Going back to an older global version does, and then there is another answer.
	Recoverable
	numLevels
)

// Delivery is an answer for whoever submitted an operation: first, if that was at level
// [Executed], as it was decided, and in any case once it is in a global version.
type Delivery struct {
	Answer
	Global uint64 // the global version, 0 for none yet
}

// Step is what a source wants done after an event.
type Step struct {
	Messages []Message
	// Records are to be appended to the source's log, in order, and confirmed by
	// [Source.Persisted] once they are durable.
	Records []Record
	// Keep is the number of the first record that the source may read again; those before
	// may be deleted from the log.
	Keep       uint64
	Deliveries []Delivery
}

// Record is a record of a source's log, with its number, from 1.
type Record struct {
	Number uint64
	Bytes  []byte
}

// phase is how far an operation is.
type phase uint8

const (
	waiting    phase = iota // for an answer
	executed                // in this world-line
	finalizing              // in a global version, which is not yet in the log
	final
)

// entry is an operation in the log.
type entry struct {
	op     Op
	level  Level
	stream Stream // to the first of its partitions
	seq    uint64
	record uint64 // that logged it

	durable bool
	phase   phase
	answer  Answer
	global  uint64 // the global version that has the outcome
	settled uint64 // the record that says so
}

// answerQueue is the receiving end of a partition's stream of answers.
type answerQueue struct {
	next   uint64
	stable uint64 // those before are acknowledged: what they say is in the log for good
	queue  []pendingAnswer
}

// pendingAnswer is an answer from stable on.
type pendingAnswer struct {
	offset, version uint64
}

// Source is an input log: it gives operations their place, has them executed exactly once,
// and hands out the answers. It is a state machine over a log of records; a process that
// starts again is given those that are there.
type Source struct {
	cfg  Config
	self uint32

	records, durable uint64   // numbers of the last record, and of the last durable one
	offset           uint64   // of the last operation
	seqs             []uint64 // that come next, by partition
	lastOp           uint64   // the last durable record of an operation
	log              []*entry // not trimmed, by offset
	byPart           [][]*entry

	plan       Plan
	line       uint64
	lineRecord uint64 // that says so
	version    uint64 // of the latest answer in this line
	acked      []uint64
	answers    []answerQueue

	step Step
}

// NewSource returns source number self with the records of its log, oldest first, of which
// a prefix may be missing that it once said it would not read again. Errors wrap
// [ErrConfig] and [ErrDecode].
func NewSource(c Config, self uint32, log [][]byte) (*Source, error) {
	c, err := c.WithDefaults()
	if err != nil {
		return nil, err
	}
	s := &Source{
		cfg: c, self: self, seqs: make([]uint64, c.Partitions), byPart: make([][]*entry, c.Partitions),
		acked: make([]uint64, c.Partitions), answers: make([]answerQueue, c.Partitions),
	}
	for _, b := range log {
		if err := s.replay(b); err != nil {
			return nil, fmt.Errorf("source %d: %w", self, err)
		}
	}
	s.durable = s.records
	s.rewind()
	return s, nil
}

// Line is the world-line that the source is in, 0 for none.
func (s *Source) Line() uint64 { return s.line }

// Offset is that of the last operation in the log, 0 if there never was one.
func (s *Source) Offset() uint64 { return s.offset }

// Open is the number of operations that are not final.
func (s *Source) Open() (n int) {
	for _, e := range s.log {
		if e.phase != final {
			n++
		}
	}
	return n
}

// Logged is the number of operations that the source still holds.
func (s *Source) Logged() int { return len(s.log) }

// Outcome is the final answer of an operation that the source still holds.
func (s *Source) Outcome(offset uint64) (a Answer, global uint64, ok bool) {
	e := s.find(offset)
	if e == nil || e.phase != final {
		return Answer{}, 0, false
	}
	return e.answer, e.global, true
}

func (s *Source) find(offset uint64) *entry {
	if len(s.log) == 0 || offset < s.log[0].op.ID.Offset {
		return nil
	}
	i := offset - s.log[0].op.ID.Offset
	if i >= uint64(len(s.log)) {
		return nil
	}
	return s.log[i]
}

// done takes the step.
func (s *Source) done() Step {
	s.trim()
	out := s.step
	s.step = Step{}
	out.Keep = s.lastOp
	if len(s.log) > 0 {
		out.Keep = min(out.Keep, s.log[0].record)
	}
	return out
}

func (s *Source) send(m Message) {
	m.From, m.Line = Address{SourceRole, s.self}, s.line
	s.step.Messages = append(s.step.Messages, m)
}

// Submit logs an operation, and says where. It is executed once it is durable. Errors wrap
// [ErrOp] or [ErrFull], and then nothing has happened.
func (s *Source) Submit(o Op, l Level) (OpID, Step, error) {
	if err := s.cfg.check(&o); err != nil {
		return OpID{}, s.done(), err
	}
	if bound := s.cfg.Window * s.cfg.Partitions; len(s.log) >= bound || l >= numLevels {
		return OpID{}, s.done(), fmt.Errorf("%w: %d of source %d, at most %d", ErrFull, len(s.log), s.self, bound)
	}
	o.ID = OpID{s.self, s.offset + 1}
	e := &entry{op: o, level: l}
	s.append(logRecord{kind: opRecord, op: o, level: l})
	s.add(e)
	return o.ID, s.done(), nil
}

// add puts an operation, which the last record logs, at the end of the log.
func (s *Source) add(e *entry) {
	first := s.cfg.route(&e.op)[0]
	e.stream, e.seq, e.record = Stream{Input, s.self, first}, s.seqs[first], s.records
	s.seqs[first]++
	s.offset = e.op.ID.Offset
	if e.durable {
		s.lastOp = e.record
	}
	s.log = append(s.log, e)
	s.byPart[first] = append(s.byPart[first], e)
}

// Persisted says that the records up to a number are durable.
func (s *Source) Persisted(number uint64) Step {
	s.durable = max(s.durable, min(number, s.records))
	for _, e := range s.log {
		if !e.durable && e.record <= s.durable {
			e.durable, s.lastOp = true, e.record
			s.sendInput(e)
		}
		if e.phase == finalizing && e.settled <= s.durable {
			e.phase = final
			s.step.Deliveries = append(s.step.Deliveries, Delivery{e.answer, e.global})
		}
	}
	for p := range s.answers {
		s.acknowledge(uint32(p), false)
	}
	return s.done()
}

// sendInput sends an operation if its turn has come.
func (s *Source) sendInput(e *entry) {
	p := e.stream.To
	if !e.durable || e.seq < s.acked[p] || e.seq >= s.acked[p]+uint64(s.cfg.Window) {
		return
	}
	to, ok := s.plan.owner(p)
	if !ok {
		return
	}
	r := request{op: e.op, values: make([][]byte, len(e.op.Keys))}
	s.send(Message{
		Kind: ItemKind, To: Address{WorkerRole, to}, Version: s.version, Stream: e.stream,
		Seq: e.seq, Low: s.acked[p], Body: encode(nil, r.code),
	})
}

// Tick is to be called at steady intervals: it sends again what is not acknowledged, and
// asks the coordinators for news.
func (s *Source) Tick() Step {
	for p, entries := range s.byPart {
		sent := 0
		for _, e := range entries {
			if e.seq >= s.acked[p] && sent < burst {
				s.sendInput(e)
				sent++
			}
		}
	}
	m := Message{Kind: StatusKind, To: Address{CoordinatorRole, 0}}
	s.send(m)
	if s.lineRecord > s.durable { // until then the source may wake up in the line before
		s.step.Messages[len(s.step.Messages)-1].Line = 0
	}
	return s.done()
}

// Receive takes a message.
func (s *Source) Receive(m Message) Step {
	switch {
	case m.Kind == PlanKind:
		s.receivePlan(m.Plan)
	case m.Line != s.line || !m.Stream.valid(&s.cfg) || s.plan.Line != s.line:
	case m.Kind == AckKind && m.Stream.Class == Input && m.Stream.From == s.self:
		if p := m.Stream.To; m.Seq > s.acked[p] && m.Seq <= s.seqs[p] {
			s.acked[p] = m.Seq
		}
	case m.Kind == ItemKind && m.Stream.Class == Answered && m.Stream.To == s.self:
		s.receiveAnswer(&m)
	}
	return s.done()
}

func (s *Source) receivePlan(p *Plan) {
	switch {
	case p.Line < s.line || p.Line == s.line && p.Latest < s.plan.Latest:
		return
	case p.Line > s.line:
		s.append(logRecord{kind: lineRecord, line: p.Line, undone: p.Undone})
		s.enter(p.Line, p.Undone)
		s.rewind()
	}
	s.plan = *p
	s.settle()
}

// enter leaves the present world-line: what was decided in it and is in no global version
// is not, and what was in one that is given up is not either.
func (s *Source) enter(line uint64, undone []Undo) {
	s.line, s.lineRecord = line, s.records
	for _, e := range s.log {
		gone := slices.ContainsFunc(undone, func(u Undo) bool { return u.From <= e.global && e.global <= u.To })
		if e.phase == executed || e.phase >= finalizing && gone {
			e.phase, e.global = waiting, 0
		}
	}
}

// rewind has everything that is held sent again from the first operation on, and takes
// answers from wherever partitions begin: they know what they have taken.
func (s *Source) rewind() {
	s.version = 0
	for p := range s.acked {
		s.acked[p] = s.seqs[p]
		if len(s.byPart[p]) > 0 {
			s.acked[p] = s.byPart[p][0].seq
		}
		s.answers[p] = answerQueue{}
	}
}

// receiveAnswer takes the answer that a partition's stream has next.
func (s *Source) receiveAnswer(m *Message) {
	q := &s.answers[m.Stream.From]
	if m.Low > q.next { // those before were acknowledged by an earlier process
		q.next, q.stable, q.queue = m.Low, m.Low, nil
	}
	if m.Seq == q.next {
		var a Answer
		if err := decode("an answer", m.Body, a.code); err != nil || a.ID.Source != s.self {
			return
		}
		q.next++
		q.queue = append(q.queue, pendingAnswer{a.ID.Offset, m.Version})
		s.version = max(s.version, m.Version)
		if e := s.find(a.ID.Offset); e != nil && e.phase == waiting {
			e.phase, e.answer = executed, a
			if e.level == Executed {
				s.step.Deliveries = append(s.step.Deliveries, Delivery{a, 0})
			}
		}
		s.settle()
	}
	s.acknowledge(m.Stream.From, true)
}

// settle logs the answers that are in a global version.
func (s *Source) settle() {
	for p := range s.answers {
		for _, a := range s.answers[p].queue {
			e := s.find(a.offset)
			if e == nil || e.phase != executed || a.version > s.plan.LatestVersion {
				continue
			}
			e.phase, e.global = finalizing, s.plan.Latest
			s.append(logRecord{kind: finalRecord, answer: e.answer, global: e.global})
			e.settled = s.records
		}
	}
}

// acknowledge tells a partition how many of its answers are in the log for good, if they are
// more than before, or it is to be told again.
func (s *Source) acknowledge(p uint32, again bool) {
	q := &s.answers[p]
	before := q.stable
	for len(q.queue) > 0 {
		if e := s.find(q.queue[0].offset); e != nil && e.phase != final {
			break
		}
		q.queue = q.queue[1:]
		q.stable++
	}
	to, ok := s.plan.owner(p)
	if ok && (q.stable > before || again && q.stable > 0) {
		s.send(Message{
			Kind: AckKind, To: Address{WorkerRole, to}, Stream: Stream{Answered, p, s.self}, Seq: q.stable,
		})
	}
}

// trim forgets operations that nobody can ask for again: their outcome is in the oldest
// global version that is kept.
func (s *Source) trim() {
	for len(s.log) > 0 {
		e := s.log[0]
		p := e.stream.To
		if e.phase != final || e.global > s.plan.Oldest || e.seq >= s.acked[p] {
			return
		}
		s.log, s.byPart[p] = s.log[1:], s.byPart[p][1:]
	}
}
