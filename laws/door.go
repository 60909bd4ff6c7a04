package laws

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// doorSettings are what the options below set: those of doors for plain functions.
type doorSettings struct {
	notCommutative, notIdempotent bool
	mayRefuse, returnsChange      bool
	near, denotation              bool
	canonical, trusted            bool
	mergedBy                      *given
	// named are the names of the options above that were given, for doors to which
	// they say nothing.
	named []string
}

// doorOption is an option of doors for plain functions.
//
//go:noinline
func doorOption(name string, set func(*doorSettings)) Option {
	return Option{func(s *settings) {
		s.door.named = append(s.door.named, name)
		set(&s.door)
	}}
}

// NotCommutative declares that the order of operands matters, as it does when lists
// are appended: [CheckMonoid] and [CheckMethod] then do not ask for a ⊔ b = b ⊔ a.
func NotCommutative() Option {
	return doorOption("NotCommutative", func(s *doorSettings) { s.notCommutative = true })
}

// NotIdempotent declares that merging counts, as it does when histograms are added:
// [CheckMethod] then does not ask for a ⊔ a = a.
func NotIdempotent() Option {
	return doorOption("NotIdempotent", func(s *doorSettings) { s.notIdempotent = true })
}

// MayRefuse declares that the method may refuse to merge two states, which it says by
// its error. [CheckMethod] then judges its laws on what is accepted, and of what is
// refused that it is so in both directions and leaves receiver and argument as they were.
func MayRefuse() Option {
	return doorOption("MayRefuse", func(s *doorSettings) { s.mayRefuse = true })
}

// ReturnsChange declares that the state which the method returns is the change that was
// made to the receiver, also where it is of a form that would return the result, or the
// receiver (see [MergeMethod]).
func ReturnsChange() Option {
	return doorOption("ReturnsChange", func(s *doorSettings) { s.returnsChange = true })
}

// Canonical declares that equal states have one encoding, as those must that are hashed,
// signed or compared as bytes. encoding/json has it for most types, gob not for maps.
func Canonical() Option {
	return doorOption("Canonical", func(s *doorSettings) { s.canonical = true })
}

// TrustedBytes declares that nothing is decoded but what encode wrote: [CheckCodec] then
// does not ask what becomes of other bytes. encoding/gob needs it: it is not made for
// them, as its documentation says, and takes very long over some.
func TrustedBytes() Option {
	return doorOption("TrustedBytes", func(s *doorSettings) { s.trusted = true })
}

// Tolerance sets the equality of states to one up to rounding, of sums of floating
// point numbers for example. It is [Equal] but for what the check asks of near itself:
// it need not be transitive, nor a congruence of the merge.
//
// near may be as it is usually written, |x − y| ≤ ε·max(|x|, |y|) or the like, though that
// takes an infinity for near to every finite number, and not to itself. Of infinities, NaN and
// the greatest numbers that is not asked: one infinity is near to itself alone, and NaN to NaN,
// in whatever part of a state near looks at. near is given copies of the states there, with
// other numbers, and must not rely on how the numbers of a state belong together.
func Tolerance[S any](near func(a, b S) bool) Option {
	boxed := func(a, b any) bool { return near(unbox[S](a), unbox[S](b)) }
	return Option{func(s *settings) { s.equal, s.door.near = givenOf[S]("Tolerance", boxed), true }}
}

// MergedBy gives the merge of the states, which must be right, to doors that are about
// something else: [CheckCodec] then asks that merging and coding commute, and
// [CheckOrder] that the order is that of the merge.
func MergedBy[S any](merge func(a, b S) S) Option {
	boxed := func(a, b any) any { return box(merge(unbox[S](a), unbox[S](b))) }
	return doorOption("MergedBy", func(s *doorSettings) { s.mergedBy = givenOf[S]("MergedBy", boxed) })
}

// knows makes a set-up error of options of this file that say nothing to a door.
func (s *subject) knows(o settings, door string, options ...string) {
	for _, name := range o.door.named {
		if !slices.Contains(options, name) {
			s.fail(fmt.Errorf("%w: laws.%s says nothing to %s: leave it out", ErrSetup, name, door))
		}
	}
}

// mergedBy gives the subject the merge of the option [MergedBy], if there is one.
func (s *subject) mergedBy(o settings) {
	g := o.door.mergedBy
	if g == nil {
		return
	}
	if g.typ != s.typ {
		s.fail(fmt.Errorf("%w: laws.MergedBy is for states of type %s, but the states are of type %s", ErrSetup,
			deep.TypeName(g.typ), deep.TypeName(s.typ)))
		return
	}
	s.joins(g.f.(func(a, b any) any))
}

// bindJoin is the subject of a merge that returns its result.
func bindJoin[S any](merge func(a, b S) S, o settings) *subject {
	s := bind[S](o)
	if merge == nil {
		s.fail(fmt.Errorf("%w: the merge is nil", ErrSetup))
	}
	s.joins(func(a, b any) any { return box(merge(unbox[S](a), unbox[S](b))) })
	return s
}

// joins gives the subject a merge that returns its result. Growth is not reported by
// this form; no law about growth is in its sets.
func (s *subject) joins(join func(a, b any) any) {
	s.join, s.asDrawn = join, true
	s.mergeIn = func(target, delta any) bool {
		assign(target, join(target, delta))
		return false
	}
}

// assign makes the state in the box target the one in the box v.
func assign(target, v any) { reflect.ValueOf(target).Elem().Set(reflect.ValueOf(v).Elem()) }

// algebra is the laws of a semilattice that are named, as laws of another set.
func algebra(s *subject, name string, which ...string) []law {
	var laws []law
	for _, l := range semilattice(s).all() {
		if _, law, _ := strings.Cut(l.ID, "/"); slices.Contains(which, law) {
			l.ID = name + "/" + law
			laws = append(laws, l)
		}
	}
	return laws
}

// ofRapid draws boxes by a generator of rapid.
func ofRapid[S any](states *rapid.Generator[S]) gen.Gen[any] { return boxGen(gen.FromRapid(states)) }

// apart is the source of states that nothing merges: pooled and independent draws.
func (s *subject) apart(g gen.Gen[any]) gen.Source[any] {
	if s.plain {
		return gen.AnyOf(gen.Pooled(g, nil), gen.Independent(g))
	}
	return gen.AnyOf(gen.Pooled(g, s.copy), gen.Independent(g))
}

// mapped is the set with every law changed by f.
func (s set) mapped(f func(law) law) set {
	m := set{name: s.name, absences: s.absent(), subject: s.subject}
	for _, l := range s.all() {
		m.laws = append(m.laws, f(l))
	}
	return m
}

// refusal is what a merge that returns an error panics with, so that the laws, which
// know of no errors, come no further: see [unlessRefused].
type refusal struct{ err error }

// Error is the merge's own, with what it means.
func (r refusal) Error() string { return refused + r.err.Error() }

// refused begins the text of an error that stands for a refusal, here and elsewhere.
const refused = "refused: "

// unlessRefused is the law where everything it needs is accepted: elsewhere it does not
// apply.
func unlessRefused(l law) law {
	eval := l.eval
	l.eval = func(p *probe, x []any) (o Outcome) {
		defer func() {
			switch v := recover().(type) {
			case nil:
			case refusal:
				o = Vacuous
			default:
				panic(v)
			}
		}()
		return eval(p, x)
	}
	return l
}

// accepting is a join for sources: where the merge refuses, a itself.
func accepting(join func(a, b any) any) func(a, b any) any {
	return func(a, b any) (j any) {
		defer func() {
			switch v := recover().(type) {
			case nil:
			case refusal:
				j = a
			default:
				panic(v)
			}
		}()
		return join(a, b)
	}
}

// onVariant has judge look at a variant of v: a state equal to it with other insides, where
// equality is that of structure. Some variants may be no states, unless the source draws
// their like. One is a nil map, to a merge that panics because it writes into the maps it
// finds, as those of a constructor: judge looks at a variant that has its maps instead. The
// other is nil in place of what is only ever empty, or the reverse, to a plain function that
// tells them apart, as one that compares encodings does: judge looks at a variant in which
// only those change of which both forms were met. But if states are maps or slices
// themselves, nil is the zero value of their type.
func (p *probe) onVariant(v any, judge func(twin func() any) bool) bool {
	variant := func(o deep.VariantOptions) func() any { return func() any { return p.s.variant(v, o) } }
	if emptyCollection(v) {
		return judge(variant(deep.VariantOptions{}))
	}
	o := deep.VariantOptions{Met: &p.empties}
	alike, ended := unlessPanics(func() bool { return judge(variant(o)) })
	if ended && (alike || !p.s.asDrawn) {
		return alike
	}
	o.KeepMaps, o.AsMet = !ended, p.s.asDrawn
	alike = judge(variant(o))
	p.nilMaps = p.nilMaps || !ended
	p.nilTold = p.nilTold || ended && alike
	return alike
}

// emptyCollection reports that a box holds a map or slice without elements.
func emptyCollection(v any) bool {
	held := reflect.ValueOf(v).Elem()
	return emptyMap(v) || held.Kind() == reflect.Slice && held.Len() == 0
}

// emptyMap reports that a box holds a map without entries.
func emptyMap(v any) bool {
	held := reflect.ValueOf(v).Elem()
	return held.Kind() == reflect.Map && held.Len() == 0
}

// unlessPanics is what f returns, and whether it returned.
func unlessPanics(f func() bool) (v, ok bool) {
	defer func() {
		if !ok {
			_ = recover()
		}
	}()
	v = f()
	return v, true
}
