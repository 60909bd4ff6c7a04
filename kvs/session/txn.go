package session

import (
	"fmt"
	"math"

	"github.com/joinery-go/joinery/kvs/kind"
)

// Txn is a transaction of a session, kept by its client: replicas know nothing of it. It
// holds its writes back until it commits, so that nobody sees what is aborted, nor a value
// of a register that the transaction has replaced itself: read committed. At ItemCut it
// also answers what it has read before from memory: item cut isolation. Its reads see its
// own writes.
//
// It promises no more. The writes are sent one after the other once it commits, as ordinary
// requests, so that another transaction may see some and not the others, and a client that
// stops in between leaves it so. A transaction holds at most MaxTxn writes and as many
// values. The zero value is ready; it is not safe for concurrent use. (Bailis et al.,
// "Highly Available Transactions", VLDB'14, sections 5.1.1 and 5.1.2.)
type Txn struct {
	cut    bool
	writes []Buffered
	reads  []cached
}

// MaxTxn bounds what a transaction holds.
const MaxTxn = 1 << 16

// ErrTxn is returned when a transaction would hold more than [MaxTxn] writes or values.
var ErrTxn = fmt.Errorf("session: a transaction holds at most %d writes and %d values", MaxTxn, MaxTxn)

// Buffered is a write that a transaction holds back.
type Buffered struct {
	Key, Kind string
	Arg       []byte // in the encoding of the kind
	Ref       uint64 // whatever the client knows it by
	Replaced  bool   // by a later one of the transaction: it is not to be sent
}

type cached struct {
	key, kind string
	found     bool
	value     []byte
}

// Begin forgets what was, and begins a transaction of a level; the client of any other
// level than the two of transactions has no use for one.
func (t *Txn) Begin(l Level) {
	*t = Txn{cut: l == ItemCut, writes: t.writes[:0], reads: t.reads[:0]}
}

// Put holds a write back. One that replaces, as those of registers do, is in place of those
// that the transaction has made under the key before; others are each sent. The
// argument is kept, and must not be changed.
func (t *Txn) Put(key, kind string, arg []byte, ref uint64, replaces bool) error {
	if len(t.writes) >= MaxTxn {
		return ErrTxn
	}
	for i := range t.writes {
		if w := &t.writes[i]; replaces && w.Key == key && w.Kind == kind {
			w.Replaced = true
		}
	}
	t.writes = append(t.writes, Buffered{Key: key, Kind: kind, Arg: arg, Ref: ref})
	return nil
}

// Read is what the transaction has read under a key before, if it must read that again;
// known is false where a replica has to be asked.
func (t *Txn) Read(key, kind string) (value []byte, found, known bool) {
	for i := range t.reads {
		if r := &t.reads[i]; r.key == key && r.kind == kind {
			return r.value, r.found, true
		}
	}
	return nil, false, false
}

// Learn takes note of what a replica has answered to a read, which it copies.
func (t *Txn) Learn(key, kind string, value []byte, found bool) error {
	if _, _, known := t.Read(key, kind); known || !t.cut {
		return nil
	}
	if len(t.reads) >= MaxTxn {
		return ErrTxn
	}
	t.reads = append(t.reads, cached{key, kind, found, append([]byte(nil), value...)})
	return nil
}

// Overlay joins the transaction's own writes under a key into v, the value that was read
// there, or a new one of the kind where there was none. It reports whether there are some.
func (t *Txn) Overlay(k kind.Kind, key string, v kind.Value) (own bool, err error) {
	var sum kind.Value
	if k.Own() {
		sum = k.New()
	}
	for i := range t.writes {
		w := &t.writes[i]
		if w.Key != key || w.Kind != k.Name() || w.Replaced {
			continue
		}
		// Later than all that there is, and in a row of its own.
		delta, err := k.Mutate(kind.Update{Arg: w.Arg, Clock: math.MaxUint64, Origin: math.MaxUint64}, sum)
		if err != nil {
			return own, fmt.Errorf("session: write %d of the transaction: %w", w.Ref, err)
		}
		if sum != nil {
			sum.MergeIn(delta)
		}
		v.MergeIn(delta)
		own = true
	}
	return own, nil
}

// Writes are those held back, in order, which a transaction that commits sends, less
// those that are replaced, one once the one before is answered. They are valid until the
// next transaction begins.
func (t *Txn) Writes() []Buffered { return t.writes }
