package workers

import "fmt"

// What a source's log has records of.
const (
	opRecord    = iota // an operation, and how many there are of each partition
	finalRecord        // an answer that is in a global version
	lineRecord         // that the source has entered a world-line
	numRecords
)

// logRecord is a record of a source's log.
type logRecord struct {
	number uint64
	kind   uint8

	op    Op
	level Level
	seqs  []uint64 // before this one, by partition: earlier records may be gone

	answer Answer
	global uint64

	line   uint64
	undone []Undo
}

func (r *logRecord) code(c *coder) {
	c.uint(&r.number)
	small(c, &r.kind, numRecords)
	switch r.kind {
	case opRecord:
		q := request{op: r.op}
		q.code(c)
		r.op = q.op
		small(c, &r.level, uint64(numLevels))
		list(c, &r.seqs, MaxPartitions, c.uint)
	case finalRecord:
		r.answer.code(c)
		c.uint(&r.global)
	case lineRecord:
		c.uint(&r.line)
		list(c, &r.undone, maxUndone, func(u *Undo) { u.code(c) })
	}
}

// append has a record made durable.
func (s *Source) append(r logRecord) {
	s.records++
	r.number = s.records
	if r.kind == opRecord {
		r.seqs = s.seqs
	}
	s.step.Records = append(s.step.Records, Record{r.number, encode(nil, r.code)})
}

// replay does again what a record says.
func (s *Source) replay(b []byte) error {
	var r logRecord
	if err := decode("a record", b, r.code); err != nil {
		return err
	}
	if r.number <= s.records {
		return fmt.Errorf("record %d follows record %d: %w", r.number, s.records, ErrDecode)
	}
	s.records = r.number
	switch r.kind {
	case opRecord:
		if err := s.cfg.check(&r.op); err != nil || len(r.seqs) != len(s.seqs) {
			return fmt.Errorf("record %d: %w: an operation of another configuration", r.number, ErrDecode)
		}
		if len(s.log) > 0 && r.op.ID.Offset != s.offset+1 {
			return fmt.Errorf("record %d: %w: operation %v follows offset %d", r.number, ErrDecode, r.op.ID, s.offset)
		}
		copy(s.seqs, r.seqs)
		s.add(&entry{op: r.op, level: r.level, durable: true})
	case finalRecord:
		if e := s.find(r.answer.ID.Offset); e != nil {
			e.phase, e.answer, e.global, e.settled = final, r.answer, r.global, r.number
		}
	case lineRecord:
		s.enter(r.line, r.undone)
	}
	return nil
}
