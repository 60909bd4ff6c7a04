package linearizability

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/anishathalye/porcupine"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// ErrOwnModel is returned for a model of one's own that has no name or no
// specification, or the name of another model.
var ErrOwnModel = errors.New("model of one's own")

// Specification is what one object does, an operation at a time. Objects are told apart
// by type and key and begin in the state of Init. States are never changed; they are
// compared with ==, by structure where Go has no == for them, or by an Equal method of the
// specification.
//
// Methods that a specification may have besides, for speed and for what people see:
//
//	Equal(a, b any) bool               states that are not to be compared with ==
//	Hash(state any) uint64             the same for equal states; else how a state prints is hashed
//	Observes(o *history.Op) bool       operations that never change a state
//	Describes(o *history.Op) bool      what the specification knows; the rest is an error
//	Show(state any) string             for pictures
//	Support(h *history.History, i int) []int
//	    the positions of the operations without which the one at i could become wrong though
//	    it was right: with it a witness is as small as can be. Without it a witness has
//	    every operation of the object up to where it went wrong, but those that observe.
type Specification interface {
	Init() any
	// Step is the state after the operation, and whether it can have answered as it did
	// in this one. What an operation of unknown outcome answered is not known.
	Step(state any, o *history.Op) (next any, ok bool)
}

// Own is a model of one's own: linearizability by its specification. It is given to
// JudgeWith and VisualizeWith in Options.Own and goes by its name.
type Own struct {
	Name string
	Doc  string // one line; may be empty
	Spec Specification
}

// FromPorcupine makes a specification of a model of porcupine, as it is: input and output
// give, of an operation, what its Step takes. What the model partitions by is not asked.
func FromPorcupine(m porcupine.Model, input, output func(o *history.Op) any) Specification {
	return &ofPorcupine{m, input, output}
}

type ofPorcupine struct {
	porcupine.Model
	input, output func(o *history.Op) any
}

func (p *ofPorcupine) Init() any { return p.Model.Init() }

func (p *ofPorcupine) Step(state any, o *history.Op) (any, bool) {
	ok, next := p.Model.Step(state, p.input(o), p.output(o))
	return next, ok
}

func (p *ofPorcupine) Equal(a, b any) bool {
	if p.Model.Equal != nil {
		return p.Model.Equal(a, b)
	}
	return sameState(a, b)
}

func (p *ofPorcupine) Hash(state any) uint64 {
	if p.Model.Hash != nil {
		return p.Model.Hash(state)
	}
	return hashOf(state)
}

func (p *ofPorcupine) Show(state any) string {
	if p.DescribeState != nil {
		return p.DescribeState(state)
	}
	return fmt.Sprint(state)
}

// sameState compares with == what can be so compared, and else by structure.
func sameState(a, b any) bool {
	if x, y := reflect.ValueOf(a), reflect.ValueOf(b); x.IsValid() && y.IsValid() && x.Comparable() && y.Comparable() {
		return a == b
	}
	return reflect.DeepEqual(a, b)
}

// hashOf hashes how a state prints.
func hashOf(state any) uint64 { return hashText(fmt.Sprint(state)) }

// hashText is FNV-1a.
func hashText(text string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 0x100000001b3
	}
	return h
}

// ownNamed finds a model of one's own.
func (o Options) ownNamed(name string) (checker, bool) {
	for _, own := range o.Own {
		if own.Name == name {
			return own.checker(), true
		}
	}
	return checker{}, false
}

// validOwn checks the models of one's own.
func (o Options) validOwn() error {
	seen := make(map[string]bool)
	for _, own := range o.Own {
		switch {
		case own.Name == "":
			return fmt.Errorf("%w: it has no name", ErrOwnModel)
		case own.Spec == nil:
			return fmt.Errorf("%w %q: it has no specification", ErrOwnModel, own.Name)
		case Known(own.Name) || seen[own.Name]:
			return fmt.Errorf("%w %q: there is another model of this name", ErrOwnModel, own.Name)
		}
		seen[own.Name] = true
	}
	return nil
}

func (own Own) checker() checker {
	m := own.model()
	return checker{
		ModelInfo: m.ModelInfo, realTime: true, own: true, reduce: m.Reduce,
		judge: func(mt *meter, h *history.History) (result, error) { return search(mt, m, h, m.Because) },
	}
}

func (own Own) model() models.Model {
	return models.Model{
		ModelInfo: ModelInfo{
			Name: own.Name, Doc: own.Doc, Needs: "operations that the specification describes",
			Complexity: "linear in the length, exponential in what is under way at a time, an object at a time (search)",
		},
		Prepare:  own.prepare,
		RealTime: true,
		Because:  "since only the specification is known",
		Reduce:   func(h *history.History) models.Reduction { return own.reduction(h) },
	}
}

// prepare makes a part of each object.
func (own Own) prepare(h *history.History) (*models.Problem, error) {
	p := &models.Problem{
		Spec: own.porcupine(), StateBytes: func(any) int { return 128 },
		Observes: func(input any) bool { return own.observes(input.(*history.Op)) },
		Effect: func(input any) string {
			o := input.(*history.Op)
			return fmt.Sprintf("%d %s %s", o.Session, o.Func, o.Arg.Key())
		},
	}
	describes, asks := own.Spec.(interface{ Describes(o *history.Op) bool })
	at := make(map[objectName]int)
	for i := range h.Ops {
		o := &h.Ops[i]
		if !o.Happened() && (o.Func != history.CAS || o.Outcome != history.Failed) {
			continue
		}
		if asks && !describes.Describes(o) {
			return nil, unsupported(own.Name, o)
		}
		k := objectName{o.Type, o.Key}
		n, known := at[k]
		if !known {
			n = len(p.Parts)
			at[k] = n
			p.Parts = append(p.Parts, models.Part{Name: fmt.Sprintf("%s %q", o.Type, o.Key), Alone: true})
		}
		part := &p.Parts[n]
		part.From = append(part.From, i)
		part.Ops = append(part.Ops, porcupine.Operation{ClientId: o.Session, Input: o, Call: o.Call, Return: effect(o)})
	}
	return p, nil
}

func (own Own) observes(o *history.Op) bool {
	s, ok := own.Spec.(interface{ Observes(o *history.Op) bool })
	return ok && s.Observes(o)
}

// porcupine is the specification as porcupine has it; inputs are operations.
func (own Own) porcupine() porcupine.Model {
	m := porcupine.Model{
		Init: own.Spec.Init,
		Step: func(state, input, _ any) (bool, any) {
			next, ok := own.Spec.Step(state, input.(*history.Op))
			return ok, next
		},
		Equal:             sameState,
		Hash:              hashOf,
		DescribeOperation: func(input, _ any) string { return input.(*history.Op).String() },
		DescribeState:     func(state any) string { return fmt.Sprint(state) },
	}
	if s, ok := own.Spec.(interface{ Equal(a, b any) bool }); ok {
		m.Equal = s.Equal
	}
	if s, ok := own.Spec.(interface{ Hash(state any) uint64 }); ok {
		m.Hash = s.Hash
	}
	if s, ok := own.Spec.(interface{ Show(state any) string }); ok {
		m.DescribeState = s.Show
	}
	return m
}

// reduction keeps of an object what was called before an operation returned, but for what
// only observes, unless the specification knows better.
func (own Own) reduction(h *history.History) models.Reduction {
	support := func(i int) (need []int) {
		o := &h.Ops[i]
		for j := range h.Ops {
			p := &h.Ops[j]
			if j != i && p.Type == o.Type && p.Key == o.Key && p.Call <= effect(o) && p.Happened() && !own.observes(p) {
				need = append(need, j)
			}
		}
		return need
	}
	if s, ok := own.Spec.(interface {
		Support(h *history.History, i int) []int
	}); ok {
		support = func(i int) []int { return s.Support(h, i) }
	}
	at := func(kept []int) *history.History { return restricted(h, kept) }
	return models.Reduction{Support: support, Restrict: at}
}
