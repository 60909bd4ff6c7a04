package deep

import (
	"context"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"time"
)

// isSpecial reports whether values of t may print otherwise than as composites.
func isSpecial(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[netip.Prefix](),
		reflect.TypeFor[netip.AddrPort](), reflect.TypeFor[*big.Int](), reflect.TypeFor[*regexp.Regexp](),
		reflect.TypeFor[*time.Location]():
		return true
	}
	return t.Kind() != reflect.Interface &&
		(t.Implements(reflect.TypeFor[fmt.GoStringer]()) || t.Implements(runtimeType) || isPlainError(t) || isSyncMap(t))
}

// special prints values that have a form of their own, and reports whether it did.
func (p *printer) special(v reflect.Value, typed bool) bool {
	t := v.Type()
	if !isSpecial(t) || isNil(v) {
		return false
	}
	if isSyncMap(t) {
		p.synced(v)
		return true
	}
	if t == reflect.TypeFor[*time.Location]() {
		if text, ok := zoneText(v.Interface().(*time.Location)); ok {
			p.write(text)
		} else {
			p.null(t, typed)
			p.write(" ")
			p.note("the zone " + strconv.Quote(v.Interface().(*time.Location).String()))
		}
		return true
	}
	text, ok := calmly(func() string { return constructor(v.Interface()) })
	if !ok || text == "" {
		return false
	}
	p.write(p.short(text))
	return true
}

// constructor is the expression that makes v, or "" if none is known.
func constructor(v any) string {
	switch v := v.(type) {
	case time.Time:
		return timeText(v)
	case netip.Addr:
		return parsed("Addr", v.String(), v.IsValid())
	case netip.Prefix:
		return parsed("Prefix", v.String(), v.IsValid())
	case netip.AddrPort:
		return parsed("AddrPort", v.String(), v.IsValid())
	case *big.Int:
		if v.IsInt64() {
			return fmt.Sprintf("big.NewInt(%d)", v.Int64())
		}
		return ""
	case *regexp.Regexp:
		return fmt.Sprintf("regexp.MustCompile(%q)", v.String())
	case reflect.Type:
		return "reflect.TypeFor[" + TypeName(v) + "]()"
	case fmt.GoStringer:
		return v.GoString()
	case error:
		return errorText(v)
	}
	return ""
}

// isPlainError reports the type of what errors.New returns.
func isPlainError(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "errors" && t.Elem().Name() == "errorString"
}

// errorText names the errors that every program has, and says how to make others,
// which are not the same.
func errorText(err error) string {
	if err == context.Canceled {
		return "context.Canceled"
	}
	return "errors.New(" + strconv.Quote(err.Error()) + ")"
}

// parsed is the call of a parser of package netip.
func parsed(name, text string, valid bool) string {
	if !valid {
		return "netip." + name + "{}"
	}
	return "netip.MustParse" + name + "(" + strconv.Quote(text) + ")"
}

// timeText is GoString with zones that compile.
func timeText(t time.Time) string {
	zone, ok := zoneText(t.Location())
	if !ok {
		name, offset := t.Zone()
		zone = fmt.Sprintf("time.FixedZone(%q, %d)", name, offset)
	}
	return fmt.Sprintf("time.Date(%d, time.%s, %d, %d, %d, %d, %d, %s)",
		t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
}

// zoneText is the expression for the zones that have a name in package time.
func zoneText(l *time.Location) (text string, ok bool) {
	switch l {
	case time.UTC:
		return "time.UTC", true
	case time.Local:
		return "time.Local", true
	}
	return "", false
}

// synced prints the entries of a sync.Map in a comment: it has no literal.
func (p *printer) synced(v reflect.Value) {
	entries := snapshot(v.Addr().UnsafePointer())
	p.write("sync.Map{")
	if len(entries) > 0 {
		sub := printer{limit: p.limit / 4, home: p.home, depth: p.depth, path: p.path, brief: p.brief}
		if at := (reference{v.Addr().Pointer(), -1, v.Type()}); !p.path[at] {
			p.path[at] = true
			sub.value(reflect.ValueOf(&entries).Elem(), false)
			delete(p.path, at)
			p.note("with the entries of " + sub.b.String())
		}
	}
	p.write("}")
}
