package history

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Transaction texts say nothing of real time: operations are taken to follow one
// another in the order of the file, which keeps each session in its own. The
// levels that these texts are judged by do not look at time.

// txnLog collects the operations of a transaction text.
type txnLog struct {
	r     *reading
	ops   []Op
	lines []int32 // by operation
	// zeroAt is the line of the first write of what stands for the initial value; 0 if there
	// is none.
	zeroAt int
}

func (l *txnLog) add(o Op, line int) error {
	if most := l.r.Limits.Ops; len(l.ops) >= most {
		return fmt.Errorf("%w: more than %d", ErrTooMany, most)
	}
	o.Index, o.Node, o.Type = len(l.ops), -1, Register
	o.Call, o.Return = int64(2*o.Index), int64(2*o.Index+1)
	l.ops, l.lines = append(l.ops, o), append(l.lines, int32(line))
	return nil
}

func (l *txnLog) history() (*History, []int32, error) {
	if len(l.ops) == 0 {
		return nil, nil, ErrEmpty
	}
	h := &History{Untimed: true, Ops: l.ops}
	if l.zeroAt > 0 {
		l.r.note(l.zeroAt, "0 is written, and is the initial value too: a read of 0 may be of either")
		h.Initial = Int(0)
		for i := range h.Ops {
			switch o := &h.Ops[i]; {
			case o.Func == Read && o.Out.IsNil():
				o.Out = h.Initial
			case o.Func == Write && o.Arg.IsNil():
				o.Arg = h.Initial
			}
		}
	}
	return validated(h, l.lines)
}

// addNumbered adds an operation of a format in which 0, which is Nil here, is what registers
// hold at first.
func (l *txnLog) addNumbered(o Op, line int) error {
	if o.Func == Write && o.Arg.IsNil() && l.zeroAt == 0 {
		l.zeroAt = line
	}
	return l.add(o, line)
}

// unwritten is a read that found its register not written yet; told is false if that is
// unknown (NilReads), and it is counted.
func (l *txnLog) unwritten(key string, line int) (o Op, told bool) {
	if l.r.NilReads == NilIsUnknown {
		l.r.leaveNil(line)
		return o, false
	}
	return Op{Key: key, Func: Read, Out: l.r.Initial}, true
}

// eachLine calls take with every line that is not blank, with its surrounding
// space removed, and places its errors.
func eachLine(src io.Reader, r *reading, take func(line string, number int) error) error {
	lines := newLineReader(src, r.Limits.RecordBytes)
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return at(lines.line, err)
		}
		if !utf8.Valid(line) {
			return at(lines.line, fmt.Errorf("%w: invalid UTF-8", ErrFormat))
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := take(string(line), lines.line); err != nil {
			if lines.open && errors.Is(err, ErrFormat) {
				err = fmt.Errorf("%w: inside the last line: %w", ErrTruncated, err)
			}
			return at(lines.line, err)
		}
		r.noteOpen(lines, line)
	}
}

// decodePlume reads the text of Plume and dbcop, one operation a line:
//
//	w(key,value,session,transaction)
//	r(key,value,session,transaction)
//
// Transaction -1 is one that aborted, and consecutive such lines of a session
// are the same one; value 0 is the initial one, unless Options.Initial has another.
// Transactions are numbered from 0, in the whole file or in each session; lines of
// one number and session are one transaction wherever they stand.
func decodePlume(src io.Reader, r *reading) (*History, []int32, error) {
	log := &txnLog{r: r}
	last := make(map[int]uint64) // session -> its latest transaction
	aborted := uint64(0)
	err := eachLine(src, r, func(line string, number int) error {
		o, err := plumeOp(line, r.Initial)
		if err != nil {
			return err
		}
		if o.Outcome == Failed {
			if last[o.Session] < abortedTxn {
				aborted++
				last[o.Session] = abortedTxn + aborted - 1
			}
			o.Txn = last[o.Session]
		}
		last[o.Session] = o.Txn
		return log.addNumbered(o, number)
	})
	if err != nil {
		return nil, nil, err
	}
	return log.history()
}

// abortedTxn is the number of the first aborted transaction; those that did not
// abort are one above those of the file.
const abortedTxn = 1 << 63

func plumeOp(line string, initial Value) (Op, error) {
	word, rest, opened := strings.Cut(line, "(")
	inner, closed := strings.CutSuffix(rest, ")")
	fields := strings.Split(inner, ",")
	if !opened || !closed || len(fields) != 4 {
		return Op{}, fmt.Errorf("%w: %s is not r(key,value,session,txn) or w(…)", ErrFormat, clip([]byte(line)))
	}
	if word != "r" && word != "w" {
		return Op{}, fmt.Errorf("%w: %w: %s is neither r(…) nor w(…)", ErrFormat, ErrUnknownOp, clip([]byte(line)))
	}
	var n [4]int64
	for i, f := range fields {
		var err error
		if n[i], err = strconv.ParseInt(strings.TrimSpace(f), 10, 64); err != nil {
			return Op{}, fmt.Errorf("%w: %q is not an integer", ErrFormat, f)
		}
	}
	if n[2] < 0 || n[2] > maxProcess || n[3] < -1 {
		return Op{}, fmt.Errorf("%w: session %d, transaction %d: no such number", ErrFormat, n[2], n[3])
	}
	value := Int(n[1])
	absent := n[1] == 0 && initial.IsNil()
	if absent {
		value = Nil
	}
	o := Op{Session: int(n[2]), Key: strconv.FormatInt(n[0], 10), Func: Read, Txn: uint64(n[3] + 1)}
	if n[3] == -1 {
		o.Outcome = Failed
	}
	if word == "r" {
		o.Out = value
		return o, nil
	}
	o.Func, o.Arg = Write, value
	return o, nil
}

// decodeAwdit reads the text of AWDIT's tests: "w key value" or "r key value" a
// line, a line of dashes ends a transaction and one of equals signs a session.
// Initial values are written by a transaction of the file, if at all.
func decodeAwdit(src io.Reader, r *reading) (*History, []int32, error) {
	log := &txnLog{r: r}
	session, txn := 0, uint64(1)
	err := eachLine(src, r, func(line string, number int) error {
		switch {
		case len(line) >= 3 && strings.Trim(line, "-") == "":
			txn++
			return nil
		case len(line) >= 3 && strings.Trim(line, "=") == "":
			session, txn = session+1, 1
			return nil
		}
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return fmt.Errorf("%w: %s is not \"w key value\", \"r key value\", or a rule", ErrFormat, clip([]byte(line)))
		}
		if fields[0] != "r" && fields[0] != "w" {
			return fmt.Errorf("%w: %w: %s is neither r nor w", ErrFormat, ErrUnknownOp, clip([]byte(line)))
		}
		value, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return fmt.Errorf("%w: value %q is not an integer", ErrFormat, fields[2])
		}
		o := Op{Session: session, Key: fields[1], Func: Read, Out: Int(value), Txn: txn}
		if fields[0] == "w" {
			o.Func, o.Arg, o.Out = Write, o.Out, Nil
		}
		return log.add(o, number)
	})
	if err != nil {
		return nil, nil, err
	}
	return log.history()
}
