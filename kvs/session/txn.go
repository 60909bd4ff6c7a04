package session

import (
	"fmt"
	"math"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/lattice"
)

// Txn is a transaction of a session, kept by its client: replicas know nothing of it. It
// holds its writes, puts and deletes, back until it commits, so that nobody sees what is
// aborted, nor a value of a register that the transaction has replaced itself: read committed.
// At ItemCut it also answers what it has read before from memory: item cut isolation. Its reads
// see its own writes.
//
// A delete of a register is in place of what the transaction has written under the key before,
// and a later put is in place of the delete. A read behind it finds the key absent.
//
// A delete of an add-wins set or a counter takes away what the replica holds that serves it,
// and it is served when the transaction commits. So what its reads show is what the session
// knows: the value that is answered, with the transaction's writes so far served on it, in their
// order. Gone is then all of that value which the delete is of, and of what the transaction put
// there before the delete; what it put there behind the delete is there. This is no promise of
// what is left in the end. Another replica may serve the delete: what that one has not heard of
// stays, though a read has shown it gone, and what came meanwhile is gone, though no read has
// shown it. But a put of which a later delete of the transaction would leave nothing is not
// sent, so what a transaction adds and then deletes nobody ever sees. Several deletes of such a
// key are each sent.
//
// At ItemCut what a replica has answered is remembered as it was, and a read shows that with
// the writes so far on it. So only the transaction's own writes change what it reads again.
//
// It promises no more. The writes are sent one after the other once it commits, as ordinary
// requests, so that another transaction may see some and not the others, and a client that
// stops in between leaves it so. A delete that is not answered may be served late, and then
// takes away what the transaction has put there behind it too; of registers the later write
// stands. A transaction holds at most MaxTxn writes and as many values. The zero value is ready;
// it is not safe for concurrent use. (Bailis et al., "Highly Available Transactions", VLDB'14,
// sections 5.1.1 and 5.1.2.)
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
	Delete    bool   // it is sent as a delete, else as a put
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

// Put holds a put back. One that replaces, as those of registers do, is in place of the puts and
// deletes that the transaction has made under the key before; others are each sent. The
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

// Delete holds a delete back, of what is of the kind k under the key. The argument is that of a
// delete of the kind; it is kept, and must not be changed. Earlier writes of the transaction
// that the delete is in place of are not sent, see [Txn]. It is an error, and nothing changes,
// if the kind has no deletes, or the argument is none of them. O(w) for w writes held back.
func (t *Txn) Delete(k kind.Kind, key string, arg []byte, ref uint64) error {
	if len(t.writes) >= MaxTxn {
		return ErrTxn
	}
	w := Buffered{Key: key, Kind: k.Name(), Delete: true, Arg: arg, Ref: ref}
	if _, err := k.Delete(t.update(len(t.writes), &w), nil); err != nil {
		return fmt.Errorf("session: write %d of the transaction: %w", ref, err)
	}
	var vain []int // positions of writes
	for i := range t.writes {
		if before := &t.writes[i]; before.Key != key || before.Kind != w.Kind || before.Replaced {
			continue
		}
		covered, err := t.covers(k, &w, i)
		if err != nil {
			return err
		}
		if covered {
			vain = append(vain, i)
		}
	}
	for _, i := range vain {
		t.writes[i].Replaced = true
	}
	t.writes = append(t.writes, w)
	return nil
}

// covers reports whether a delete that is the next write has all that is in the one at a
// position, had it seen that and nothing else: then what is written there is written in vain.
// Of a kind whose updates look at what their writer has written there, such as a counter, all
// is not in the delete, but it leaves nothing.
func (t *Txn) covers(k kind.Kind, d *Buffered, at int) (bool, error) {
	before := &t.writes[at]
	if before.Delete && k.Sees() {
		return false, nil // it takes away what another replica may hold, if another serves it
	}
	v := k.New()
	if err := t.apply(k, at, before, v, k.New()); err != nil {
		return false, err
	}
	gone, err := k.Delete(t.update(len(t.writes), d), v)
	if err != nil {
		return false, fmt.Errorf("session: write %d of the transaction: %w", d.Ref, err)
	}
	v.MergeIn(gone)
	if k.Own() {
		return k.Absent(v), nil
	}
	return v.Compare(gone) == lattice.Equal, nil
}

// update is that of the write at a position: later than all that there is and that the
// transaction has written before, and by a writer of its own.
func (t *Txn) update(at int, w *Buffered) kind.Update {
	return kind.Update{Arg: w.Arg, Clock: math.MaxUint64 - MaxTxn + 1 + uint64(at), Origin: math.MaxUint64}
}

// apply joins the write at a position into v; own is what the transaction has put there so far.
func (t *Txn) apply(k kind.Kind, at int, w *Buffered, v, own kind.Value) error {
	change := k.Mutate
	seen := own
	if w.Delete {
		change, seen = k.Delete, v
	}
	delta, err := change(t.update(at, w), seen)
	if err != nil {
		return fmt.Errorf("session: write %d of the transaction: %w", w.Ref, err)
	}
	if !w.Delete {
		own.MergeIn(delta)
	}
	v.MergeIn(delta)
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
// Where it deletes, what is then in v may be absent, as the kind says.
func (t *Txn) Overlay(k kind.Kind, key string, v kind.Value) (own bool, err error) {
	sum := k.New()
	for i := range t.writes {
		w := &t.writes[i]
		if w.Key != key || w.Kind != k.Name() || w.Replaced {
			continue
		}
		if err := t.apply(k, i, w, v, sum); err != nil {
			return own, err
		}
		own = true
	}
	return own, nil
}

// Writes are those held back, in order, which a transaction that commits sends, less
// those that are replaced, one once the one before is answered. They are valid until the
// next transaction begins.
func (t *Txn) Writes() []Buffered { return t.writes }
