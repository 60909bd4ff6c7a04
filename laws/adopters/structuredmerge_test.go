package adopters_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"github.com/joinery-go/joinery/laws"
)

// object has one field of each kind that merging tells apart.
const object = `types:
- name: object
  map:
    fields:
    - name: image
      type:
        scalar: string
    - name: labels
      type:
        map:
          elementType:
            scalar: string
    - name: args
      type:
        list:
          elementType:
            scalar: string
          elementRelationship: atomic
    - name: finalizers
      type:
        list:
          elementType:
            scalar: string
          elementRelationship: associative
    - name: ports
      type:
        list:
          elementType:
            namedType: port
          elementRelationship: associative
          keys:
          - name
- name: port
  map:
    fields:
    - name: name
      type:
        scalar: string
    - name: number
      type:
        scalar: numeric
`

var objectType = func() typed.ParseableType {
	parser, err := typed.NewParser(object)
	if err != nil {
		panic(fmt.Sprintf("schema: %v", err))
	}
	return parser.Type("object")
}()

type fields = map[string]any

func mergeObjects(a, b fields) fields {
	typedA, err := objectType.FromUnstructured(a)
	if err != nil {
		panic(fmt.Sprintf("object: %v", err))
	}
	typedB, err := objectType.FromUnstructured(b)
	if err != nil {
		panic(fmt.Sprintf("object: %v", err))
	}
	merged, err := typedA.Merge(typedB)
	if err != nil {
		panic(fmt.Sprintf("merge: %v", err))
	}
	out, ok := merged.AsValue().Unstructured().(fields)
	if !ok {
		return nil
	}
	return out
}

func drawObject(t *rapid.T) fields {
	names := []string{"a", "b", "c"}
	word := rapid.SampledFrom(names)
	some := func(label string) []string {
		return rapid.Permutation(names).Draw(t, label)[:rapid.IntRange(0, len(names)).Draw(t, label)]
	}
	o := fields{}
	if rapid.Bool().Draw(t, "has image") {
		o["image"] = word.Draw(t, "image")
	}
	if labels := rapid.MapOfN(word, word, 0, 2).Draw(t, "labels"); len(labels) > 0 {
		m := fields{}
		for k, v := range labels {
			m[k] = v
		}
		o["labels"] = m
	}
	var args, finalizers, ports []any
	for _, a := range rapid.SliceOfN(word, 0, 2).Draw(t, "args") {
		args = append(args, a)
	}
	for _, f := range some("finalizers") {
		finalizers = append(finalizers, f)
	}
	for _, p := range some("ports") {
		ports = append(ports, fields{"name": p, "number": rapid.Int64Range(1, 3).Draw(t, "number")})
	}
	for name, l := range map[string][]any{"args": args, "finalizers": finalizers, "ports": ports} {
		if len(l) > 0 {
			o[name] = l
		}
	}
	return o
}

// unordered compares objects with the elements of associative lists in any order.
func unordered(a, b fields) bool { return reflect.DeepEqual(inOrder(a), inOrder(b)) }

// inOrder is a copy with the associative lists sorted.
func inOrder(o fields) fields {
	o = maps.Clone(o)
	for _, name := range []string{"finalizers", "ports"} {
		if list, ok := o[name].([]any); ok {
			list = slices.Clone(list)
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			o[name] = list
		}
	}
	return o
}

func TestStructuredMergeHolds(t *testing.T) {
	laws.CheckBand(t, mergeObjects, rapid.Custom(drawObject), laws.Equal(unordered), cases())
}

// The elements of b stand in an associative list of a ⊔ b in the order that b has.
func TestStructuredMergeKeepsOrder(t *testing.T) {
	source := drawn(rapid.Custom(drawObject), mergeObjects, nil)
	laws.Check(t, laws.Add(laws.Band(mergeObjects), keepsOrder()).Only("overlay"), source, cases())
}

func keepsOrder() laws.Law[fields] {
	keptAll := func(p *laws.Probe[fields], x []fields) bool {
		merged := p.Join(x[0], x[1])
		for _, name := range []string{"finalizers", "ports"} {
			kept := keysOf(merged[name])
			kept = slices.DeleteFunc(kept, func(key any) bool { return !slices.Contains(keysOf(x[1][name]), key) })
			if !slices.Equal(kept, keysOf(x[1][name])) {
				return false
			}
		}
		return true
	}
	return laws.Law[fields]{
		ID: "overlay/order", Statement: "what a list of a ⊔ b has of b is in the order of b", Arity: 2,
		Eval: func(p *laws.Probe[fields], x []fields) laws.Outcome {
			if keptAll(p, x) {
				return laws.Holds
			}
			return laws.Fails
		},
		Explain: func(p *laws.Probe[fields], x []fields) laws.Sides {
			return laws.Sides{LeftExpr: "a ⊔ b", Left: p.Show(p.Join(x[0], x[1])), RightExpr: "b", Right: p.Show(x[1])}
		},
	}
}

// keysOf are the elements of a set, or the names of the elements of a list by name.
func keysOf(list any) []any {
	all, _ := list.([]any)
	var keys []any
	for _, element := range all {
		if m, ok := element.(fields); ok {
			element = m["name"]
		}
		keys = append(keys, element)
	}
	return keys
}

// The order of associative lists depends on the order of merging.
func TestStructuredMergeListOrder(t *testing.T) {
	fails(t, laws.Band(mergeObjects), drawn(rapid.Custom(drawObject), mergeObjects, nil), "band/associative")
}

// Merging the same element in twice, around another.
func TestStructuredMergeTwoElements(t *testing.T) {
	x, y := fields{"finalizers": []any{"x"}}, fields{"finalizers": []any{"y"}}
	assert.Equal(t, fields{"finalizers": []any{"x", "y"}}, mergeObjects(mergeObjects(x, y), x))
	assert.Equal(t, fields{"finalizers": []any{"y", "x"}}, mergeObjects(x, mergeObjects(y, x)))
}

// drawFields draws the fields that a manager owns.
func drawFields(t *rapid.T) *fieldpath.Set {
	s := fieldpath.NewSet()
	step := rapid.SampledFrom([]any{"spec", "ports", 0, 1, fieldpath.KeyByFields("name", "a"), fieldpath.KeyByFields("name", "b")})
	for _, path := range rapid.SliceOfN(rapid.SliceOfN(step, 1, 3), 0, 6).Draw(t, "paths") {
		s.Insert(fieldpath.MakePathOrDie(path...))
	}
	return s
}

var fieldOptions = []laws.Option{laws.Equal((*fieldpath.Set).Equals), laws.Show((*fieldpath.Set).String)}

func TestFieldSetsHold(t *testing.T) {
	for name, merge := range map[string]func(a, b *fieldpath.Set) *fieldpath.Set{
		"union": (*fieldpath.Set).Union, "intersection": (*fieldpath.Set).Intersection,
	} {
		t.Run(name, func(t *testing.T) {
			laws.CheckMerge(t, merge, rapid.Custom(drawFields), append(fieldOptions, cases())...)
		})
	}
}

// A union shares memory with its operands: a path that is inserted into it appears in
// them as well.
func TestFieldSetUnionShares(t *testing.T) {
	a := fieldpath.NewSet(fieldpath.MakePathOrDie("spec", "image"))
	union := a.Union(fieldpath.NewSet())
	union.Insert(fieldpath.MakePathOrDie("spec", "args"))
	assert.True(t, a.Has(fieldpath.MakePathOrDie("spec", "args")))
}
