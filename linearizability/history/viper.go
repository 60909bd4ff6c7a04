package history

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"unicode/utf8"
)

// decodeViper reads a log of Viper (Zhang et al., EuroSys 2023): the transactions of one
// session, in JSON as a list of {"value": […]} or in EDN as one
// {:type :ok, :f :txn, :value […]} a line, of which the value lists
//
//	[r key value dead]                       a read
//	[w key value succeeded …]                a write
//	[i key value read dead succeeded …]      an insertion: it found read, and wrote value
//	[d key value read dead succeeded …]      a deletion: it found read, and wrote value, a tombstone
//	[range from to [records] [dead records]] a read of each of these {id, val}
//
// What did not succeed wrote nothing. null, nil and "nil" are nil. A transaction with
// "isInitial" belongs to no session. A key in a range that was not returned is one that
// nobody had inserted; that is not looked at, and a note says so. A log is one session;
// those of one history are joined (Join).
func decodeViper(src io.Reader, r *reading) (*History, []int32, error) {
	forms := newEDNSplitter(src, r.Limits.RecordBytes)
	d := &viperDecoder{r: r, log: &txnLog{r: r}}
	for {
		form, line, err := forms.next()
		if errors.Is(err, io.EOF) {
			if d.ranges > 0 {
				r.note(d.rangeAt, "%s read: of the keys in between only those returned are looked at, since what was not there is known of no key", counted(d.ranges, "range"))
			}
			return d.log.history()
		}
		if err == nil {
			d.line = line
			err = d.entry(form)
		}
		if err != nil {
			return nil, nil, at(line, err)
		}
	}
}

type viperDecoder struct {
	r       *reading
	log     *txnLog
	line    int
	txns    uint64
	ranges  int
	rangeAt int
}

func (d *viperDecoder) entry(form []byte) error {
	if !utf8.Valid(form) {
		return fmt.Errorf("%w: invalid UTF-8", ErrFormat)
	}
	read := readEDN
	if isJSONEntry(form) {
		read = readJSONEntry
	}
	entry, err := read(string(form))
	if err != nil {
		return err
	}
	value := entry.field("value")
	if value.kind != ednList {
		return fmt.Errorf("%w: a transaction whose :value is %s, not a list of micro-operations", ErrFormat, clip([]byte(value.text)))
	}
	outcome := OK
	if word := entry.field("type"); word.kind != ednNil {
		switch kind, known := parseEventType(word.str); {
		case !known || kind == invoke:
			return fmt.Errorf("%w: :type %s", ErrFormat, clip([]byte(word.text)))
		case kind == failed:
			outcome = Failed
		case kind == indeterminate:
			outcome = Unknown
		}
	}
	session := 0
	if initial, _ := ednValue(entry.field("isInitial")).AsBool(); initial {
		session = 1
	}
	d.txns++
	for _, n := range value.items {
		ops, err := d.micro(n)
		if err != nil {
			return err
		}
		for _, o := range ops {
			o.Session, o.Txn, o.Outcome = session, d.txns, outcome
			if err := d.log.add(o, d.line); err != nil {
				return err
			}
		}
	}
	return nil
}

// micro reads one micro-operation, which may be several operations.
func (d *viperDecoder) micro(n ednNode) ([]Op, error) {
	bad := func(why string) ([]Op, error) {
		return nil, fmt.Errorf("%w: micro-operation %s: %s", ErrFormat, clip([]byte(n.text)), why)
	}
	if n.kind != ednList || len(n.items) < 3 {
		return bad("it is not [f key value …]")
	}
	name, key := n.items[0].str, keyOf(ednValue(n.items[1]))
	if at := slices.IndexFunc(n.items[1:], func(n ednNode) bool { return n.kind == ednOther }); at >= 0 {
		return bad(n.items[1+at].text + " is no value of JSON")
	}
	if d.r.ignores(name) {
		d.r.ignored[name]++
		return nil, nil
	}
	truth := func(i int) (bool, bool) { // a field that may be left out
		if len(n.items) <= i {
			return true, true
		}
		return ednValue(n.items[i]).AsBool()
	}
	reads := func(i int) Op { return Op{Func: Read, Key: key, Out: viperValue(n.items[i])} }
	writes := func(ops []Op, succeeded int) ([]Op, error) {
		wrote, is := truth(succeeded)
		o := Op{Func: Write, Key: key, Arg: viperValue(n.items[2])}
		switch {
		case !is:
			return bad("whether it succeeded is neither true nor false")
		case n.items[2].isTruth() && len(n.items) <= succeeded:
			return bad("what it writes is missing, or whether it succeeded")
		case wrote && o.Arg.IsNil():
			return bad("it writes nil, which is what is there before anything was written")
		case wrote:
			ops = append(ops, o)
		}
		return ops, nil
	}
	switch name {
	case "r":
		return []Op{reads(2)}, nil
	case "w":
		return writes(nil, 3)
	case "i", "d":
		if len(n.items) < 4 {
			return bad("what it read is missing")
		}
		return writes([]Op{reads(3)}, 5)
	case "range":
		return d.records(n)
	}
	return nil, fmt.Errorf("%w: %w: micro-operation %s: %s is none of r, w, i, d and range; what does not matter can be left out (Options.Ignore, --ignore %s)",
		ErrFormat, ErrUnknownOp, clip([]byte(n.text)), clip([]byte(n.items[0].text)), name)
}

// records are the reads of a range.
func (d *viperDecoder) records(n ednNode) (ops []Op, err error) {
	if d.ranges++; d.ranges == 1 {
		d.rangeAt = d.line
	}
	if len(n.items) < 4 || len(n.items) > 5 {
		return nil, fmt.Errorf("%w: micro-operation %s: it is not [range from to [records] [dead records]]", ErrFormat, clip([]byte(n.text)))
	}
	for _, list := range n.items[3:] {
		if list.kind != ednList {
			return nil, fmt.Errorf("%w: micro-operation %s: %s is no list of records", ErrFormat, clip([]byte(n.text)), clip([]byte(list.text)))
		}
		for _, e := range list.items {
			id, val := e.member("id"), e.member("val")
			if e.kind != ednMap || id.kind == ednNil {
				return nil, fmt.Errorf("%w: micro-operation %s: %s is no record {id, val}", ErrFormat, clip([]byte(n.text)), clip([]byte(e.text)))
			}
			ops = append(ops, Op{Func: Read, Key: keyOf(ednValue(id)), Out: viperValue(val)})
		}
	}
	return ops, nil
}

// isTruth reports whether it is true or false.
func (n ednNode) isTruth() bool { _, is := n.scalar.AsBool(); return n.kind == ednScalar && is }

// member is a field of a map by its name, be it a keyword or a string.
func (n ednNode) member(name string) ednNode {
	for i := 0; n.kind == ednMap && i+1 < len(n.items); i += 2 {
		if k := n.items[i]; (k.kind == ednKeyword || k.kind == ednString) && k.str == name {
			return n.items[i+1]
		}
	}
	return ednNode{kind: ednNil}
}

func viperValue(n ednNode) Value {
	v := ednValue(n)
	if word, isStr := v.AsStr(); isStr && word == "nil" {
		return Nil
	}
	return v
}

// A micro-operation of Viper in EDN ends with whether it is dead or succeeded, or lists
// records, which those of Jepsen do not.
var viperMicro = regexp.MustCompile(`\[:(r|w|i|d) [^\[\]]* (true|false)[\] ]|\[:range `)

// looksLikeViper reports whether a line of EDN is of Viper.
func looksLikeViper(line []byte) bool {
	return bytes.Contains(line, []byte(":txn")) && !bytes.Contains(line, []byte(":process")) && viperMicro.Match(line)
}
