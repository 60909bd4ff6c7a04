package history

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// What Cobra writes in the place of a transaction or of a write where a read found the
// initial value of its key.
const (
	cobraInitial = 0xbebeebee
	cobraNone    = 0xdeadbeef
)

// decodeCobra reads a log of Cobra (Tan et al., OSDI 2020), as PolySI writes them too: what
// one client did, records of numbers of 64 bits, the highest byte first,
//
//	S transaction                  begins
//	W write key value              writes
//	R transaction write key value  reads what the write of the transaction wrote
//	C transaction                  commits
//
// Times behind S and C, which Cobra writes if asked, are not read: nothing in a log tells that
// they are there, and each is of the clock of a client's machine, so that the order of two
// clients is none that holds. What is said of real time is therefore nothing (Untimed), and
// strict serializability is open. Transactions that
// aborted are not in a log. Each write has a number of its own, so that the value that it
// wrote and a read returned is the pair of both; which transaction a read names is not
// looked at. A read of the initial value, or of none, is one of nil. A log is one session;
// those of one history are joined (Join). An operation is at the line of the number of its
// transaction in the log, and an error says at which byte.
func decodeCobra(src io.Reader, r *reading) (*History, []int32, error) {
	d := &cobraDecoder{src: bufio.NewReaderSize(src, 64<<10), log: &txnLog{r: r}}
	for {
		more, err := d.record()
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = fmt.Errorf("%w: %w", ErrTruncated, err)
			}
			return nil, nil, at(max(1, d.txns), fmt.Errorf("byte %d: %w", d.at, err))
		}
		if !more {
			return d.log.history()
		}
	}
}

type cobraDecoder struct {
	src  *bufio.Reader
	log  *txnLog
	at   int    // bytes read so far
	txns int    // transactions so far
	open bool   // one is under way
	id   uint64 // its number in the log
}

// record reads one; more is false at the end.
func (d *cobraDecoder) record() (more bool, err error) {
	kind, err := d.src.ReadByte()
	if errors.Is(err, io.EOF) && !d.open {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	d.at++
	if d.open == (kind == 'S') {
		return false, fmt.Errorf("%w: record %q %s a transaction", ErrFormat, kind, map[bool]string{true: "inside", false: "outside"}[d.open])
	}
	switch kind {
	case 'S':
		d.id, err = d.number()
		d.open = true
		d.txns++
	case 'C':
		var id uint64
		if id, err = d.number(); err == nil && id != d.id {
			err = fmt.Errorf("%w: transaction %d ends, but %d had begun", ErrFormat, id, d.id)
		}
		d.open = false
	case 'W':
		err = d.write()
	case 'R':
		err = d.read()
	default:
		err = fmt.Errorf("%w: record %q", ErrFormat, kind)
	}
	return true, err
}

func (d *cobraDecoder) write() error {
	n, err := d.numbers(3)
	if err != nil {
		return err
	}
	return d.log.add(Op{Func: Write, Key: strconv.FormatUint(n[1], 10), Arg: cobraValue(n[0], n[2]), Txn: uint64(d.txns)}, d.txns)
}

func (d *cobraDecoder) read() error {
	n, err := d.numbers(4)
	if err != nil {
		return err
	}
	v := cobraValue(n[1], n[3])
	if fromNobody := n[0] == cobraInitial || n[0] == cobraNone; fromNobody && (n[1] == cobraInitial || n[1] == cobraNone) {
		v = Nil
	}
	return d.log.add(Op{Func: Read, Key: strconv.FormatUint(n[2], 10), Out: v, Txn: uint64(d.txns)}, d.txns)
}

// cobraValue is a value with the number of its write.
func cobraValue(write, value uint64) Value { return List(unsigned(write), unsigned(value)) }

func unsigned(n uint64) Value {
	v, _ := Decimal(strconv.FormatUint(n, 10)) // digits are always one
	return v
}

func (d *cobraDecoder) number() (uint64, error) {
	n, err := d.numbers(1)
	return n[0], err
}

func (d *cobraDecoder) numbers(count int) (n [4]uint64, err error) {
	for i := range count {
		var b [8]byte
		got, err := io.ReadFull(d.src, b[:])
		d.at += got
		if err != nil {
			return n, err
		}
		n[i] = binary.BigEndian.Uint64(b[:])
	}
	return n, nil
}

// looksLikeCobra reports whether a log begins so: S and a number, which is no text, and
// another record.
func looksLikeCobra(head []byte) bool {
	if len(head) < 10 || head[0] != 'S' || head[9] != 'R' && head[9] != 'W' && head[9] != 'C' {
		return false
	}
	for _, c := range head[1:9] {
		if c < ' ' || c > '~' {
			return true
		}
	}
	return false
}
