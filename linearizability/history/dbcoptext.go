package history

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// decodeDBCopText reads the histories of dbcop that people write (.hist): the transactions of
// a session, one or more a line, and a line of dashes between two sessions.
//
//	// whatever follows two slashes is a comment
//	[x:=1 y:=2] [y==2 x:=3]
//	---
//	[x==1 z==?]!
//
// An event writes a register, x:=1, or reads it, x==1; x==? reads one that was not written
// yet, as a version of null does in JSON, and so is 0 read there, unless it is written. A
// transaction with an exclamation mark behind it did not commit. Names are of letters, digits
// and underscores, values numbers of 64 bits.
func decodeDBCopText(src io.Reader, r *reading) (*History, []int32, error) {
	d := &dbcopDecoderText{r: r, log: &txnLog{r: r}}
	if err := eachLine(src, r, d.line); err != nil {
		return nil, nil, err
	}
	return d.log.history()
}

type dbcopDecoderText struct {
	r       *reading
	log     *txnLog
	session int
	txns    uint64 // transactions so far
}

func (d *dbcopDecoderText) line(line string, number int) error {
	if strings.Trim(line, "-") == "" {
		if d.session++; d.session > maxProcess {
			return fmt.Errorf("%w: more than %d sessions", ErrFormat, maxProcess)
		}
		return nil
	}
	for rest := line; rest != "" && !strings.HasPrefix(rest, "//"); {
		inner, opened := strings.CutPrefix(rest, "[")
		inner, behind, closed := strings.Cut(inner, "]")
		if !opened || !closed {
			return fmt.Errorf("%w: %s is not [x:=1 y==2], a line of dashes, or a comment behind //", ErrFormat, clip([]byte(rest)))
		}
		behind, aborted := strings.CutPrefix(behind, "!")
		if err := d.transaction(inner, aborted, number); err != nil {
			return err
		}
		rest = strings.TrimLeft(behind, " \t")
	}
	return nil
}

func (d *dbcopDecoderText) transaction(inner string, aborted bool, number int) error {
	events := strings.Fields(inner)
	if len(events) == 0 {
		return fmt.Errorf("%w: a transaction of nothing", ErrFormat)
	}
	d.txns++
	for _, e := range events {
		o, told, err := d.event(e, number)
		if err != nil {
			return err
		}
		if !told {
			continue
		}
		o.Session, o.Txn = d.session, d.txns
		if aborted {
			o.Outcome = Failed
		}
		if err := d.log.addNumbered(o, number); err != nil {
			return err
		}
	}
	return nil
}

// event reads one; told is false if it says nothing.
func (d *dbcopDecoderText) event(text string, number int) (o Op, told bool, err error) {
	name, value, write := strings.Cut(text, ":=")
	if !write {
		var read bool
		if name, value, read = strings.Cut(text, "=="); !read {
			return o, false, fmt.Errorf("%w: %s is none of x:=1, x==1 and x==?", ErrFormat, clip([]byte(text)))
		}
	}
	if !isDBCopName(name) {
		return o, false, fmt.Errorf("%w: %s is no name of a register", ErrFormat, clip([]byte(name)))
	}
	if value == "?" && !write {
		o, told := d.log.unwritten(name, number)
		return o, told, nil
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return o, false, fmt.Errorf("%w: value %s is no number of 64 bits", ErrFormat, clip([]byte(value)))
	}
	o, err = accessOf(write, name, n, d.r.Initial)
	return o, err == nil, err
}

func isDBCopName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) }) < 0
}

// looksLikeDBCopText says so of how an input begins: a comment, or behind lines of dashes,
// which AWDIT's texts begin with too, a transaction whose first event is a write or a read.
func looksLikeDBCopText(head []byte) bool {
	for len(head) > 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, []byte("\n"))
		line = bytes.TrimSpace(line)
		switch {
		case len(bytes.Trim(line, "-")) == 0:
			continue
		case bytes.HasPrefix(line, []byte("//")):
			return true
		}
		inner, opened := bytes.CutPrefix(line, []byte("["))
		name := bytes.TrimLeft(inner, " \t")
		end := bytes.IndexAny(name, ":= \t]")
		if !opened || end < 1 || !isDBCopName(string(name[:end])) {
			return false
		}
		return bytes.HasPrefix(name[end:], []byte(":=")) || bytes.HasPrefix(name[end:], []byte("=="))
	}
	return false
}
