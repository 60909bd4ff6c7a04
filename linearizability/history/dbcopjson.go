package history

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// dbcop writes its histories in JSON too, in two shapes: a list of sessions, each a list
// of transactions {"events": […], "committed": true} of events {"Write": {"variable": 0,
// "version": 1}} and {"Read": …}, or, shorter, ["w", 0, 1] and ["r", 0, 1]; and an object
// whose "data" is a list of sessions of such transactions, or of {"events": […], "success":
// true} with events {"write": true, "variable": 0, "value": 1, "success": true}, as in its
// binary files. A version of null, of a read, says that the register was not written yet.

// dbcopDecoderJSON reads either shape.
type dbcopDecoderJSON struct {
	in   *jsonStream
	r    *reading
	log  *txnLog
	txns uint64
}

func decodeDBCopJSON(src io.Reader, r *reading) (*History, []int32, error) {
	in, first, err := newJSONStream(src, r.Limits.RecordBytes)
	if err != nil {
		return nil, nil, err
	}
	d := &dbcopDecoderJSON{in: in, r: r, log: &txnLog{r: r}}
	if first == '[' {
		err = d.sessions()
	} else {
		err = d.whole()
	}
	if err == nil {
		err = d.in.end()
	}
	if err != nil {
		return nil, nil, err
	}
	return d.log.history()
}

// whole reads the object.
func (d *dbcopDecoderJSON) whole() error {
	data := false
	err := d.in.fields(func(name string) error {
		if name != "data" {
			_, _, err := d.in.value()
			return err
		}
		if data {
			return at(d.in.line(), fmt.Errorf("%w: a second field \"data\"", ErrFormat))
		}
		data = true
		return d.sessions()
	})
	if err == nil && !data {
		err = at(d.in.line(), fmt.Errorf("%w: no field \"data\"", ErrFormat))
	}
	return err
}

func (d *dbcopDecoderJSON) sessions() error {
	session := -1
	return d.in.each(func() error {
		if session++; session > maxProcess {
			return at(d.in.line(), fmt.Errorf("%w: more than %d sessions", ErrFormat, maxProcess))
		}
		return d.in.each(func() error {
			raw, line, err := d.in.value()
			if err != nil {
				return err
			}
			if err := d.transaction(raw, session, line); err != nil {
				return at(line, err)
			}
			return nil
		})
	})
}

func (d *dbcopDecoderJSON) transaction(raw []byte, session, line int) error {
	var t struct {
		Events    *[]json.RawMessage `json:"events"`
		Committed *bool              `json:"committed"`
		Success   *bool              `json:"success"`
	}
	if err := strictly(raw, &t); err != nil {
		return err
	}
	if t.Events == nil || (t.Committed == nil) == (t.Success == nil) {
		return fmt.Errorf("%w: a transaction needs \"events\", and one of \"committed\" and \"success\"", ErrFormat)
	}
	d.txns++
	committed := t.Committed != nil && *t.Committed || t.Success != nil && *t.Success
	for _, e := range *t.Events {
		o, told, err := d.event(e, line)
		if err != nil {
			return err
		}
		if !told {
			continue
		}
		o.Session, o.Txn = session, d.txns
		if !committed {
			o.Outcome = Failed
		}
		if err := d.log.addNumbered(o, line); err != nil {
			return err
		}
	}
	return nil
}

// event reads one; told is false if it says nothing.
func (d *dbcopDecoderJSON) event(raw json.RawMessage, line int) (o Op, told bool, err error) {
	if raw[0] == '[' {
		return d.triple(raw, line)
	}
	var e map[string]json.RawMessage
	if err := json.Unmarshal(raw, &e); err != nil {
		return o, false, fmt.Errorf("%w: an event: %w", ErrFormat, err)
	}
	write, fields, value := false, e, "value"
	for name, raw := range e { //joinery:anyorder of one field
		if name != "Write" && name != "Read" {
			continue
		}
		if len(e) != 1 {
			return o, false, fmt.Errorf("%w: an event has one of \"Write\" and \"Read\" and nothing else", ErrFormat)
		}
		write, value = name == "Write", "version"
		fields = nil
		if err := json.Unmarshal(raw, &fields); err != nil {
			return o, false, fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	if value == "value" {
		var success bool
		if err := fieldsOf(e, "write", &write, "success", &success); err != nil || !success {
			return o, false, err
		}
	}
	var variable, number json.Number
	if err := fieldsOf(fields, "variable", &variable, value, &number); err != nil {
		return o, false, err
	}
	unwritten := string(fields[value]) == "null" && !write && value == "version"
	return d.access(write, unwritten, variable, number, line)
}

// triple reads an event that is a list: of "r" or "w", the variable and the version.
func (d *dbcopDecoderJSON) triple(raw json.RawMessage, line int) (o Op, told bool, err error) {
	var of []json.RawMessage
	var what string
	var variable, number json.Number
	if err := json.Unmarshal(raw, &of); err != nil || len(of) != 3 {
		return o, false, fmt.Errorf("%w: an event that is a list has three elements", ErrFormat)
	}
	for i, into := range []any{&what, &variable, &number} {
		if err := json.Unmarshal(of[i], into); err != nil {
			return o, false, fmt.Errorf("%w: element %d of an event: %w", ErrFormat, i, err)
		}
	}
	if what != "r" && what != "w" {
		return o, false, fmt.Errorf("%w: %w: %q is neither r nor w", ErrFormat, ErrUnknownOp, what)
	}
	return d.access(what == "w", what == "r" && string(of[2]) == "null", variable, number, line)
}

// access is an event; unwritten says that it found its register not written yet.
func (d *dbcopDecoderJSON) access(write, unwritten bool, variable, number json.Number, line int) (o Op, told bool, err error) {
	register, err := strconv.ParseUint(variable.String(), 10, 64)
	if err != nil {
		return o, false, fmt.Errorf("%w: variable %q is no number of 64 bits", ErrFormat, variable)
	}
	key := strconv.FormatUint(register, 10)
	if unwritten {
		o, told = d.log.unwritten(key, line)
		return o, told, nil
	}
	n, err := strconv.ParseUint(number.String(), 10, 64)
	if err != nil {
		return o, false, fmt.Errorf("%w: value %q is no number of 64 bits", ErrFormat, number)
	}
	o, err = accessOf(write, key, n, d.r.Initial)
	return o, err == nil, err
}

// fieldsOf reads two fields, which must be there.
func fieldsOf(from map[string]json.RawMessage, first string, one any, second string, two any) error {
	for _, f := range []struct {
		name string
		into any
	}{{first, one}, {second, two}} {
		raw, there := from[f.name]
		if !there {
			return fmt.Errorf("%w: an event without %q", ErrFormat, f.name)
		}
		if err := json.Unmarshal(raw, f.into); err != nil {
			return fmt.Errorf("%w: %q: %w", ErrFormat, f.name, err)
		}
	}
	return nil
}

// accessOf is an event of dbcop, whatever it is written in.
func accessOf(write bool, register string, value uint64, initial Value) (Op, error) {
	v := Nil
	if value != 0 || !initial.IsNil() {
		var known bool
		if v, known = Decimal(strconv.FormatUint(value, 10)); !known {
			return Op{}, fmt.Errorf("%w: value %d", ErrFormat, value)
		}
	}
	o := Op{Key: register, Func: Read, Out: v}
	if write {
		o.Func, o.Arg, o.Out = Write, v, Nil
	}
	return o, nil
}
