package history

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// The attributes by which a span of OpenTelemetry is an operation.
const (
	spanFunc    = "joinery.func"    // what was done, a function of the type; spans without it are passed over
	spanType    = "joinery.type"    // the type of the object; register if it is left out
	spanKey     = "joinery.key"     // the object
	spanArg     = "joinery.arg"     // what was given, as JSON
	spanOut     = "joinery.out"     // what came back, as JSON
	spanSession = "joinery.session" // the client, which does one thing at a time; service.instance.id of the resource if it is left out
	spanOutcome = "joinery.outcome" // ok, failed or unknown; unknown if the status of the span is an error, else ok
	spanTxn     = "joinery.txn"     // a number: the transaction it belongs to
	spanNode    = "joinery.node"    // a number: the replica that was asked
)

// decodeOTLP reads an export of OpenTelemetry in JSON, one or several one after the other
// as collectors write them: {"resourceSpans":[{"resource":…,"scopeSpans":[{"spans":[…]}]}]}.
// A span is an operation of the format jsonl if it has the attribute joinery.func; its times
// are those of the span, which therefore must be of one clock. joinery.arg and joinery.out
// are JSON in a string ("[1,2]", or "\"x\"" for the string x), a string that is no JSON
// itself, or a value of OpenTelemetry that is a number or a truth value. Attributes of other
// names are passed over. A span that has no end is an operation that did not return.
func decodeOTLP(src io.Reader, r *reading) (*History, []int32, error) {
	in, _, err := newJSONStream(src, r.Limits.RecordBytes)
	if err != nil {
		return nil, nil, err
	}
	d := &otlpDecoder{in: in, jsonlDecoder: jsonlDecoder{h: &History{}, r: r}}
	for in.dec.More() {
		if err := d.export(); err != nil {
			return nil, nil, err
		}
	}
	if err := in.end(); err != nil {
		return nil, nil, err
	}
	if d.passed > 0 {
		r.note(d.passedAt, "%s without %s passed over", counted(d.passed, "span"), spanFunc)
	}
	if len(d.h.Ops) == 0 {
		return nil, nil, fmt.Errorf("%w: no span has the attribute %s", ErrEmpty, spanFunc)
	}
	for i := range d.h.Ops {
		d.h.Ops[i].Index = i
	}
	return d.finish()
}

type otlpDecoder struct {
	in *jsonStream
	jsonlDecoder
	passed, passedAt int // spans that are no operations, and the line of the first
}

// otlpAttribute is a name and a value.
type otlpAttribute struct {
	Key   string `json:"key"`
	Value struct {
		String *string      `json:"stringValue"`
		Int    *json.Number `json:"intValue"`
		Double *json.Number `json:"doubleValue"`
		Bool   *bool        `json:"boolValue"`
	} `json:"value"`
}

// otlpSpan is what is read of a span. Numbers of 64 bits are strings, or numbers.
type otlpSpan struct {
	Start      json.RawMessage `json:"startTimeUnixNano"`
	End        json.RawMessage `json:"endTimeUnixNano"`
	Attributes []otlpAttribute `json:"attributes"`
	Status     struct {
		Code json.RawMessage `json:"code"`
	} `json:"status"`
}

// export reads one {"resourceSpans": …}.
func (d *otlpDecoder) export() error {
	return d.in.fields(func(name string) error {
		if name != "resourceSpans" {
			_, _, err := d.in.value()
			return err
		}
		return d.in.each(d.resource)
	})
}

// resource reads the spans of a resource, whose attributes may come behind them.
func (d *otlpDecoder) resource() error {
	first, instance := len(d.h.Ops), ""
	err := d.in.fields(func(name string) error {
		switch name {
		case "scopeSpans", "instrumentationLibrarySpans":
			return d.in.each(func() error {
				return d.in.fields(func(name string) error {
					if name != "spans" {
						_, _, err := d.in.value()
						return err
					}
					return d.in.each(d.span)
				})
			})
		case "resource":
			raw, line, err := d.in.value()
			if err != nil {
				return err
			}
			var resource struct {
				Attributes []otlpAttribute `json:"attributes"`
			}
			if err := json.Unmarshal(raw, &resource); err != nil {
				return at(line, fmt.Errorf("%w: %w", ErrFormat, err))
			}
			for _, a := range resource.Attributes {
				if a.Key == "service.instance.id" && a.Value.String != nil {
					instance = *a.Value.String
				}
			}
			return nil
		}
		_, _, err := d.in.value()
		return err
	})
	if err != nil {
		return err
	}
	for i := first; i < len(d.h.Ops); i++ {
		if o := &d.h.Ops[i]; o.Client == "" {
			if o.Client = instance; instance == "" {
				return at(int(d.lines[i]), fmt.Errorf("%w: a span without %s, and its resource has no service.instance.id", ErrFormat, spanSession))
			}
		}
	}
	return nil
}

func (d *otlpDecoder) span() error {
	raw, line, err := d.in.value()
	if err != nil {
		return err
	}
	o, is, err := d.operation(raw)
	switch {
	case err != nil:
		return at(line, err)
	case !is:
		if d.passed++; d.passed == 1 {
			d.passedAt = line
		}
		return nil
	}
	if most := d.r.Limits.Ops; len(d.h.Ops) >= most {
		return at(line, fmt.Errorf("%w: more than %d", ErrTooMany, most))
	}
	d.h.Ops, d.lines = append(d.h.Ops, o), append(d.lines, int32(line))
	return nil
}

// operation is the operation of a span; false if it is none.
func (d *otlpDecoder) operation(raw []byte) (o Op, is bool, err error) {
	var s otlpSpan
	if err := plainJSON(raw); err != nil {
		return o, false, err
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return o, false, fmt.Errorf("%w: %w", ErrFormat, inWords(err))
	}
	o = Op{Node: -1, Type: Register}
	outcome := ""
	for _, a := range s.Attributes {
		word, err := a.text(), error(nil)
		switch {
		case a.Key == spanFunc:
			o.Func, is = Func(word), true
		case a.Key == spanType:
			o.Type = Type(word)
		case a.Key == spanKey:
			o.Key = word
		case a.Key == spanSession:
			o.Client = word
		case a.Key == spanOutcome:
			outcome = word
		case a.Key == spanArg:
			o.Arg, err = a.value()
		case a.Key == spanOut:
			o.Out, err = a.value()
		case a.Key == spanTxn:
			o.Txn, err = strconv.ParseUint(word, 10, 64)
		case a.Key == spanNode:
			o.Node, err = strconv.Atoi(word)
		}
		if err != nil {
			return o, false, fmt.Errorf("%w: attribute %s: %w", ErrFormat, a.Key, err)
		}
	}
	if !is {
		return o, false, nil
	}
	return o, true, s.times(&o, outcome)
}

// times sets when it was called and returned, and what came of it.
func (s *otlpSpan) times(o *Op, outcome string) error {
	call, known, err := nanos(s.Start)
	if err != nil || !known {
		return fmt.Errorf("%w: a span without startTimeUnixNano, or one that is no time: %s", ErrFormat, clip(s.Start))
	}
	end, ended, err := nanos(s.End)
	if err != nil {
		return fmt.Errorf("%w: endTimeUnixNano %s", ErrFormat, clip(s.End))
	}
	if o.Call, o.Return = call, end; !ended {
		o.Return = Pending
	}
	failed := string(s.Status.Code) == "2" || string(s.Status.Code) == `"STATUS_CODE_ERROR"`
	switch word := cmp.Or(outcome, map[bool]string{true: "unknown", false: "ok"}[failed || !ended]); word {
	case "ok":
		o.Outcome = OK
	case "failed":
		o.Outcome = Failed
	case "unknown":
		o.Outcome, o.Return = Unknown, Pending
	default:
		return fmt.Errorf("%w: %s %q is none of ok, failed and unknown", ErrFormat, spanOutcome, word)
	}
	return nil
}

// nanos reads a time; known is false for none, which may be written as 0.
func nanos(raw json.RawMessage) (n int64, known bool, err error) {
	word := string(raw)
	if len(word) > 1 && word[0] == '"' {
		if err := json.Unmarshal(raw, &word); err != nil {
			return 0, false, err
		}
	}
	if word == "" || word == "null" || word == "0" {
		return 0, false, nil
	}
	n, err = strconv.ParseInt(word, 10, 64)
	return n, err == nil, err
}

// text is the value of an attribute as a text; empty for lists and the like.
func (a *otlpAttribute) text() string {
	switch v := a.Value; {
	case v.String != nil:
		return *v.String
	case v.Int != nil:
		return v.Int.String()
	case v.Double != nil:
		return v.Double.String()
	case v.Bool != nil:
		return strconv.FormatBool(*v.Bool)
	}
	return ""
}

// value is the value of an attribute: JSON, or a string that is none.
func (a *otlpAttribute) value() (v Value, err error) {
	word := a.text()
	if a.Value.String == nil && word != "" {
		err = json.Unmarshal([]byte(word), &v)
		return v, err
	}
	if json.Unmarshal([]byte(word), &v) != nil {
		return Str(word), nil
	}
	return v, nil
}
