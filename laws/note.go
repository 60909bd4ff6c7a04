package laws

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// note is a sentence about a failure whose cause may be how states are copied or
// compared, and not what is checked: it names the part of the state, and the option that
// says otherwise. It is "" where nothing is to be suspected.
func (r *seededRun) note(law *law, got finding, f *Failure) (text string) {
	s := r.probe.s
	if got.kind == wrote || s.plain {
		return "" // arguments that were written into: no copy makes that right
	}
	defer func() {
		if recover() != nil {
			text = "" // a source or an equality that panics was no part of what failed
		}
	}()
	if !s.cloned {
		if path, name, ok := r.interned(); ok {
			return fmt.Sprintf("states drawn apart share memory, a%s of type %s, and the copies that the check makes do not: "+
				"if it is compared by its address, laws.Clone says how states are copied", path, name)
		}
		if path, name, ok := deep.KeptPath(s.typ); ok {
			return fmt.Sprintf("a%s of type %s is kept by the copies that the check makes, which share it with the original: "+
				"if it is state, laws.Clone says how states are copied, and if it is none, laws.State", path, name)
		}
	}
	if got.kind == panicked && (law.ID == congruent || law.ID == alikeInside) && emptyMap(r.x[0]) && s.variant != nil {
		return "a was tried with nil for its empty map, too: that is the zero value of its type"
	}
	if f.While != "" {
		return "" // it does not hold each time: sides made once more say nothing
	}
	if r.nilOrEmpty(law) {
		return "states that differ in what is nil and what is empty are equal: if nil means something of its own, laws.Equal says so (reflect.DeepEqual tells them apart)"
	}
	if path, ok := r.hiddenAlone(law); ok {
		return fmt.Sprintf("the sides differ in a%s alone, which is unexported beside exported fields: if it is a cache and no state, laws.State says so", path)
	}
	return ""
}

// interned is the memory that states have in common which no merge made of each other:
// the first states of tuples that were drawn apart, any two of a few.
func (r *seededRun) interned() (path, name string, ok bool) {
	x := r.x
	defer func() { r.x = x }()
	const few = 8
	var drawn [few]any
	for i := range drawn {
		r.x = make([]any, len(x))
		r.draw.Reset(choice.Seeded(choice.Mix(choice.MixString(r.o.Seed, "interned"), uint64(i))))
		if r.fill() != nil || r.draw.Err() != nil {
			return "", "", false
		}
		drawn[i] = r.x[0]
		for _, before := range drawn[:i] {
			if path, name, ok = deep.SharedPath(before, drawn[i]); ok {
				return path, name, true
			}
		}
	}
	return "", "", false
}

// hiddenAlone is the unexported field in which alone the sides of a law differ, where
// states are structs that have exported ones too and are compared by structure.
func (r *seededRun) hiddenAlone(law *law) (path string, ok bool) {
	p, t := r.probe, r.probe.s.typ
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if law.sides == nil || p.s.ownEqual || t.Kind() != reflect.Struct {
		return "", false
	}
	exported := false
	for i := range t.NumField() {
		exported = exported || t.Field(i).IsExported()
	}
	left, right := law.sides(p, p.copies(r.x))
	places := deep.DifferencesOfBoxes(left, right, deep.DifferenceOptions{})
	if !exported || places.More > 0 {
		return "", false
	}
	for _, place := range places.Places {
		field := strings.TrimLeft(place.Path, "(*).")
		if first, _ := utf8.DecodeRuneInString(field); !unicode.IsLetter(first) || unicode.IsUpper(first) {
			return "", false
		}
		if end := strings.IndexFunc(field, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' }); end >= 0 {
			field = field[:end]
		}
		if path != "" && path != "."+field {
			return "", false
		}
		path = "." + field
	}
	return path, path != ""
}

// nilOrEmpty reports that a law about equal states is not kept by states that are equal by
// structure, and print differently: one of them has nil where the other is empty.
func (r *seededRun) nilOrEmpty(law *law) bool {
	p := r.probe
	if p.s.ownEqual || p.s.ownShow || p.s.join == nil || law.ID != congruent && law.ID != alikeInside {
		return false
	}
	x := p.copies(r.x)
	pairs := p.twins(x[0], x[1])
	if p.s.variant != nil {
		pairs = append(pairs, [2]any{x[0], p.s.variant(x[0], deep.VariantOptions{Met: &p.empties, AsMet: p.s.asDrawn && !emptyCollection(x[0])})})
	}
	for _, pair := range pairs {
		if p.Equal(pair[0], pair[1]) && p.Show(pair[0]) != p.Show(pair[1]) {
			return true
		}
	}
	return false
}
