package reports_test

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// difference is what a block changes of the storage of each address.
type difference struct{ Storage map[string]map[string]int }

func (d *difference) mergeWith(o difference, adopt func(map[string]int) map[string]int) {
	if d.Storage == nil {
		d.Storage = map[string]map[string]int{}
	}
	for addr, slots := range o.Storage {
		if have, ok := d.Storage[addr]; ok {
			maps.Copy(have, slots)
		} else {
			d.Storage[addr] = adopt(slots)
		}
	}
}

func (d *difference) mergeAdopting(o difference) {
	d.mergeWith(o, func(m map[string]int) map[string]int { return m })
}
func (d *difference) merge(o difference) { d.mergeWith(o, maps.Clone) }

func letters() *rapid.Generator[string] { return rapid.SampledFrom([]string{"a", "b", "c"}) }

func someDifferences() *rapid.Generator[difference] {
	return rapid.Map(rapid.MapOfN(letters(), rapid.MapOfN(letters(), rapid.IntRange(0, 9), 1, 3), 0, 3),
		func(m map[string]map[string]int) difference { return difference{m} })
}

// values is a configuration, of which what is given later counts.
type values = map[string]int

func overwritten(base, over values) values {
	if base == nil {
		base = values{}
	}
	maps.Copy(base, over)
	return base
}

func overlaid(base, over values) values { return overwritten(maps.Clone(base), over) }

func someValues() *rapid.Generator[values] {
	return rapid.MapOfN(letters(), rapid.IntRange(0, 9), 0, 3)
}

// manifest is what is kept of a command.
type manifest struct{ Timeout int }

func overlaidPointers(base, over map[string]*manifest) map[string]*manifest {
	j := map[string]*manifest{}
	maps.Copy(j, base)
	maps.Copy(j, over)
	return j
}

func overlaidCopies(base, over map[string]*manifest) map[string]*manifest {
	j := overlaidPointers(base, over)
	for k, m := range j {
		j[k] = &manifest{m.Timeout}
	}
	return j
}

func someManifests() *rapid.Generator[map[string]*manifest] {
	return rapid.MapOfN(letters(), rapid.Map(rapid.IntRange(0, 9), func(n int) *manifest { return &manifest{n} }), 0, 3)
}

// concatenated joins the texts of each key, which hold one line each.
func concatenated(a, b map[string]string) map[string]string {
	j := maps.Clone(a)
	if j == nil {
		j = map[string]string{}
	}
	for k, v := range b {
		j[k] += v
	}
	return j
}

func firstOf(a, b map[string]string) map[string]string {
	j := map[string]string{}
	maps.Copy(j, b)
	maps.Copy(j, a)
	return j
}

// options are filled up, but what comes after the labels is overwritten by what is empty.
type options struct {
	Labels map[string]int
	Name   string
}

func filled(a, b options, leak bool) options {
	j := options{overlaid(b.Labels, a.Labels), a.Name}
	if j.Name == "" || leak && b.Labels != nil {
		j.Name = b.Name
	}
	return j
}

func someOptions() *rapid.Generator[options] {
	return rapid.Custom(func(t *rapid.T) options {
		o := options{Name: rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "name")}
		if rapid.Bool().Draw(t, "labelled") {
			o.Labels = someValues().Draw(t, "labels")
		}
		return o
	})
}

func memoryReports() []report {
	asMerge := func(a, b difference) difference {
		j := difference{}
		j.merge(a)
		j.merge(b)
		return j
	}
	texts := rapid.MapOfN(letters(), rapid.SampledFrom([]string{"x\n", "y\n"}), 0, 3)
	leaking := func(a, b options) options { return filled(a, b, true) }
	return []report{
		{where: "NethermindEth/juno#3108", defect: "the storage of an address that is new is taken over, and written into by the next merge", door: "CheckMethod, NotCommutative",
			law:    "inplace/delta-not-retained",
			faulty: doorOf(laws.Method[difference]((*difference).mergeAdopting, laws.NotCommutative()), asMerge, someDifferences()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMethod(t, (*difference).merge, someDifferences(), o, laws.NotCommutative())
			}},
		{where: "istio-ecosystem/sail-operator#2099", defect: "the base of an overlay is written into", door: "CheckBand",
			law: "inplace/arguments-unchanged", faulty: doorOf(laws.Band(overwritten), overlaid, someValues()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckBand(t, overlaid, someValues(), o) }},
		{where: "metallb/metallb-operator#36", defect: "texts are appended to what is there, though it is the same", door: "CheckBand",
			law: "band/idempotent", faulty: doorOf(laws.Band(concatenated), firstOf, texts),
			correct: func(t *testing.T, o laws.Option) { laws.CheckBand(t, firstOf, texts, o) }},
		{where: "fawdyinc/shellguard#61", defect: "the result points at the values of its arguments", door: "CheckBand",
			why:     "the merge writes nothing, and values that are shared and never written are no fault; whoever writes into them is not the merge",
			faulty:  doorOf(laws.Band(overlaidPointers), overlaidPointers, someManifests()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckBand(t, overlaidCopies, someManifests(), o) }},
		{where: "darccio/mergo#187", defect: "once a map was met, fields that follow are overwritten in place of filled up", door: "CheckBand",
			law:    "wellposed/congruence",
			faulty: doorOf(laws.Band(leaking), leaking, someOptions()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckBand(t, func(a, b options) options { return filled(a, b, false) }, someOptions(), o)
			}},
	}
}
