package history

import (
	"encoding/json"
	"fmt"
)

// etcdWatch reads a watch of etcd's robustness tests; is is false of what is none.
func etcdWatch(raw []byte) (o Op, is bool, err error) {
	var w struct {
		Request   *json.RawMessage
		Responses *json.RawMessage
		Input     *json.RawMessage
	}
	if err := json.Unmarshal(raw, &w); err != nil || w.Request == nil || w.Input != nil {
		return o, false, nil // and whoever reads it as an operation says what is wrong
	}
	if err := plainJSON(raw); err != nil {
		return o, true, err
	}
	o = Op{Node: -1, Type: Etcd, Func: EtcdWatch, Out: List()}
	if err := json.Unmarshal(*w.Request, &o.Arg); err != nil {
		return o, true, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if w.Responses != nil {
		var times []struct{ Time int64 }
		if err := json.Unmarshal(*w.Responses, &times); err != nil {
			return o, true, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		if err := json.Unmarshal(*w.Responses, &o.Out); err != nil {
			return o, true, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		if len(times) > 0 {
			o.Call = max(0, times[0].Time)
			o.Return = max(o.Call, times[len(times)-1].Time)
		}
	}
	if o.Return == Pending {
		return o, true, fmt.Errorf("%w: a response at the time %d, which is never", ErrFormat, o.Return)
	}
	o.Arg, o.Out = withoutNulls(o.Arg), withoutNulls(o.Out)
	if o.Arg.Kind() != KindMap || o.Out.Kind() != KindList {
		return o, true, fmt.Errorf("%w: a watch has an object as \"Request\" and a list of \"Responses\"", ErrFormat)
	}
	return o, true, nil
}
