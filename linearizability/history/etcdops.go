package history

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// decodeEtcdOperations reads what etcd's robustness tests keep of one client
// (operations.json in a folder of the client's): operations of porcupine in JSON, one after
// the other,
//
//	{"ClientId":1,"Input":{"Type":"range","Range":{…}},"Call":10,"Output":{…},"Return":20}
//
// whose inputs are of types range, txn, leaseGrant, leaseRevoke, compact and defragment. All
// are of one object, of type Etcd: a range is a Read, the others go by their names, Arg is
// the input as it is and Out the output without what is null. Where the output has an
// Error, or says only that the request was persisted, its outcome is Unknown: what is known
// of it stays in Out. A Return of 0 or less is never. The clients of one history are joined
// (Join).
//
// A watch, as they are kept beside the operations (watch.json), is an operation too, each of
// a session of its own,
//
//	{"Request":{"Key":"","Revision":1,"WithPrefix":true},"Responses":[{"Events":[…],"Time":5},…]}
//
// from its first response to its last one; of a response Error is only text.
func decodeEtcdOperations(src io.Reader, r *reading) (*History, []int32, error) {
	in, _, err := newJSONStream(src, r.Limits.RecordBytes)
	if err != nil {
		return nil, nil, err
	}
	d := &etcdDecoder{r: r, h: &History{}}
	for in.dec.More() {
		raw, line, err := in.value()
		if err == nil {
			if err = d.add(raw, line); err != nil {
				err = at(line, err)
			}
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if err := in.end(); err != nil {
		return nil, nil, err
	}
	return d.history()
}

type etcdDecoder struct {
	r     *reading
	h     *History
	lines []int32
}

// etcdOperation is one as porcupine has it.
type etcdOperation struct {
	ClientID *int             `json:"ClientId"`
	Input    *json.RawMessage `json:"Input"`
	Call     *int64           `json:"Call"`
	Output   *json.RawMessage `json:"Output"`
	Return   *int64           `json:"Return"`
	Metadata json.RawMessage  `json:"Metadata"`
}

// etcdFuncs are the functions of the types of requests.
var etcdFuncs = map[string]Func{
	"range": Read, "txn": EtcdTxn, "leaseGrant": EtcdGrant, "leaseRevoke": EtcdRevoke, "compact": EtcdCompact, "defragment": EtcdDefragment,
}

func (d *etcdDecoder) add(raw []byte, line int) error {
	if most := d.r.Limits.Ops; len(d.h.Ops) >= most {
		return fmt.Errorf("%w: more than %d", ErrTooMany, most)
	}
	if watch, is, err := etcdWatch(raw); is || err != nil {
		if err == nil {
			watch.Session = maxProcess - len(d.h.Ops)
			d.h.Ops, d.lines = append(d.h.Ops, watch), append(d.lines, int32(line))
		}
		return err
	}
	var w etcdOperation
	if err := strictly(raw, &w); err != nil {
		return err
	}
	if w.ClientID == nil || w.Input == nil || w.Call == nil || w.Output == nil || w.Return == nil {
		return fmt.Errorf("%w: an operation needs \"ClientId\", \"Input\", \"Call\", \"Output\" and \"Return\"", ErrFormat)
	}
	if *w.ClientID < 0 || *w.ClientID > maxProcess {
		return fmt.Errorf("%w: client %d is not within 0…%d", ErrFormat, *w.ClientID, maxProcess)
	}
	var input struct {
		Type string `json:"Type"`
	}
	var output struct {
		Error             string `json:"Error"`
		Persisted         bool   `json:"Persisted"`
		PersistedRevision int64  `json:"PersistedRevision"`
		PartialResponse   bool   `json:"PartialResponse"` // of old: persisted, at the revision beside it
	}
	o := Op{Session: *w.ClientID, Node: -1, Type: Etcd, Call: *w.Call, Return: *w.Return}
	for _, part := range []struct {
		raw   json.RawMessage
		into  any
		value *Value
	}{{*w.Input, &input, &o.Arg}, {*w.Output, &output, &o.Out}} {
		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
		if err := json.Unmarshal(part.raw, part.value); err != nil {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
		*part.value = withoutNulls(*part.value)
	}
	known := false
	if o.Func, known = etcdFuncs[input.Type]; !known {
		return fmt.Errorf("%w: %w: a request of type %s", ErrFormat, ErrUnknownOp, clip([]byte(input.Type)))
	}
	if output.Error != "" || output.Persisted || output.PartialResponse {
		o.Outcome = Unknown
	}
	if o.Return <= 0 || o.Return == Pending {
		o.Outcome, o.Return = Unknown, Pending
	} else if o.Outcome == Unknown && o.IsPut() {
		o.Return = Pending // by then it had failed, and may take effect later
	}
	d.h.Ops, d.lines = append(d.h.Ops, o), append(d.lines, int32(line))
	return nil
}

// withoutNulls leaves out the fields of objects that are null.
func withoutNulls(v Value) Value {
	if entries, isMap := v.AsMap(); isMap {
		kept := entries[:0:0]
		for _, e := range entries {
			if !e[1].IsNil() {
				kept = append(kept, [2]Value{e[0], withoutNulls(e[1])})
			}
		}
		return MapOf(kept...)
	}
	list, isList := v.AsList()
	if !isList {
		return v
	}
	kept := make([]Value, 0, len(list))
	for _, e := range list {
		kept = append(kept, withoutNulls(e))
	}
	return List(kept...)
}

// history orders the operations by their calls.
func (d *etcdDecoder) history() (*History, []int32, error) {
	if len(d.h.Ops) == 0 {
		return nil, nil, ErrEmpty
	}
	h, lines := ordered(d.h, d.lines)
	return validated(h, lines)
}

// ordered sorts operations by their calls, those called at one time as they stand.
func ordered(h *History, lines []int32) (*History, []int32) {
	order := make([]int, len(h.Ops))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(h.Ops[a].Call, h.Ops[b].Call) })
	sorted, at := *h, make([]int32, len(order))
	sorted.Ops = make([]Op, len(order))
	for n, i := range order {
		sorted.Ops[n], at[n] = h.Ops[i], lines[i]
		sorted.Ops[n].Index = n
	}
	return &sorted, at
}
