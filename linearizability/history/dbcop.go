package history

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// decodeDBCop reads the histories of dbcop in JSON, see dbcopDecoderJSON, as text, see
// decodeDBCopText, and its binary ones, as PolySI's come too: numbers of 64
// bits, the lowest byte first, and behind five parameters and three texts the sessions,
// each a count and its transactions, each a count, its events and whether it committed.
// An event is whether it is a write, the register, the value, and whether it succeeded;
// one that did not is left out. The value 0 is that of a register before its first write,
// unless Options.Initial has another. There are no lines: an operation is at the line of
// the number of its transaction in the file, and an error says at which byte. A file
// whose id is 35615 is taken for gzip, which begins so, and refused.
func decodeDBCop(src io.Reader, r *reading) (*History, []int32, error) {
	d := &dbcopDecoder{src: bufio.NewReaderSize(src, 64<<10), r: r, log: &txnLog{r: r}}
	head, err := d.src.Peek(recognised)
	switch begins := bytes.TrimSpace(head); {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, nil, at(1, err)
	case len(begins) == 0 || bytes.IndexByte(head[:min(8, len(head))], 0) >= 0: // an id is no large number
	case begins[0] == '-' || begins[0] == '/' || looksLikeDBCopText(begins):
		return decodeDBCopText(d.src, r)
	case begins[0] == '[' || begins[0] == '{':
		return decodeDBCopJSON(d.src, r)
	}
	if err := d.file(); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: %w", ErrTruncated, err)
		}
		return nil, nil, at(max(1, d.txns), fmt.Errorf("byte %d: %w", d.at, err))
	}
	return d.log.history()
}

// maxDBCopText bounds the texts of a header.
const maxDBCopText = 1 << 12

type dbcopDecoder struct {
	src  *bufio.Reader
	r    *reading
	log  *txnLog
	at   int // bytes read so far
	txns int // transactions so far
}

func (d *dbcopDecoder) file() error {
	for range 5 { // id, and numbers of sessions, registers, transactions and events
		if _, err := d.number(); err != nil {
			return err
		}
	}
	for range 3 { // the store, when it began and when it ended
		if err := d.text(); err != nil {
			return err
		}
	}
	sessions, err := d.number()
	if err != nil {
		return err
	}
	if sessions > maxProcess {
		return fmt.Errorf("%w: %d sessions", ErrFormat, sessions)
	}
	for s := range sessions {
		count, err := d.number()
		if err != nil {
			return err
		}
		for range count {
			if err := d.transaction(int(s)); err != nil {
				return err
			}
		}
	}
	if _, err := d.src.ReadByte(); !errors.Is(err, io.EOF) {
		if err != nil {
			return err
		}
		return fmt.Errorf("%w: something comes after the last session", ErrFormat)
	}
	return nil
}

// transaction reads one; whether it committed stands at its end.
func (d *dbcopDecoder) transaction(session int) error {
	d.txns++
	first := len(d.log.ops)
	events, err := d.number()
	if err != nil {
		return err
	}
	for range events {
		if err := d.event(session); err != nil {
			return err
		}
	}
	committed, err := d.truth()
	if err != nil {
		return err
	}
	for i := first; i < len(d.log.ops) && !committed; i++ {
		d.log.ops[i].Outcome = Failed
	}
	return nil
}

func (d *dbcopDecoder) event(session int) error {
	write, err := d.truth()
	if err != nil {
		return err
	}
	register, err := d.number()
	if err != nil {
		return err
	}
	value, err := d.number()
	if err != nil {
		return err
	}
	succeeded, err := d.truth()
	if err != nil || !succeeded {
		return err
	}
	o, err := accessOf(write, strconv.FormatUint(register, 10), value, d.r.Initial)
	if err != nil {
		return err
	}
	o.Session, o.Txn = session, uint64(d.txns)
	return d.log.addNumbered(o, d.txns)
}

func (d *dbcopDecoder) number() (uint64, error) {
	var b [8]byte
	n, err := io.ReadFull(d.src, b[:])
	d.at += n
	return binary.LittleEndian.Uint64(b[:]), err
}

func (d *dbcopDecoder) truth() (bool, error) {
	b, err := d.src.ReadByte()
	if err != nil {
		return false, err
	}
	d.at++
	if b > 1 {
		return false, fmt.Errorf("%w: a truth value of %d", ErrFormat, b)
	}
	return b == 1, nil
}

func (d *dbcopDecoder) text() error {
	n, err := d.number()
	if err != nil {
		return err
	}
	if n > maxDBCopText {
		return fmt.Errorf("%w: a text of %d bytes in the header", ErrTooLong, n)
	}
	text := make([]byte, n)
	got, err := io.ReadFull(d.src, text)
	if d.at += got; err != nil {
		return err
	}
	if !utf8.Valid(text) {
		return fmt.Errorf("%w: invalid UTF-8", ErrFormat)
	}
	return nil
}
