package deltas

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/lattice/flow"
)

type stamps struct {
	rev   int
	attrs map[string]string
}

type Hist struct {
	stamps
	ids  []int
	sets map[string]Set
	tags Set
}

func (h *Hist) Merge(o Hist) error {
	if h.tags == nil {
		*h = o // want `the target keeps memory of o`
		return nil
	}
	h.ids = append(o.ids, h.ids...)         // want `append may write behind o.ids, where the sender does, and keeps its memory`
	_ = append(o.ids[:0], h.ids...)         // want `append may write behind`
	h.stamps = o.stamps                     // want `the target keeps memory of o`
	h.sets = maps.Clone(o.sets)             // want `the target keeps memory of o`
	h.sets = maps.Collect(maps.All(o.sets)) // want `the target keeps memory of o`
	maps.Copy(h.sets, o.sets)               // want `the target keeps memory of o`
	h.tags, o.tags = o.tags, h.tags         // want `the target keeps memory of o`
	return nil
}

type Other struct {
	sets map[string]Set
	list []int
	at   stamps
	n    int
}

func (h *Other) Merge(o *Other) error {
	for k, v := range maps.All(o.sets) {
		h.sets[k] = v // want `the target keeps memory of o`
	}
	other := o
	other.list[0] = 1                    // want `the merge writes into o`
	other.n++                            // want `the merge writes into o`
	o.at.rev = 3                         // want `the merge writes into o`
	h.list = slices.Insert(o.list, 0, 3) // want `the merge writes into o`
	return nil
}

var mergeHists = func(dst *Hist, delta Hist) {
	dst.tags = delta.tags // want `the target keeps memory of delta`
}

func reused(in *flow.Input[[]byte], sc *bufio.Scanner, r io.Reader) {
	var buf []byte
	for sc.Scan() {
		buf = append(buf[:0], sc.Bytes()...) // want `buf is written into after it was sent`
		in.Push(buf)
	}
	block := make([]byte, 64)
	for range 3 {
		n, _ := r.Read(block) // want `block is written into after it was sent`
		in.Push(block[:n])
	}
	in.Push(buf)
	buf = append(buf[:0], 'x') // want `buf is written into after it was sent`
}

func lines(in *flow.Input[[]byte], sc *bufio.Scanner) {
	for sc.Scan() {
		in.Push(sc.Bytes()) // want `sc.Bytes\(\) is written over by the next Scan`
	}
}

func buffered(in *flow.Input[[]byte], lines []string) {
	var buf bytes.Buffer
	for _, l := range lines {
		buf.Reset()
		buf.WriteString(l)
		in.Push(buf.Bytes()) // want `buf.Bytes\(\) is written over after Reset`
	}
	for _, l := range lines {
		var own bytes.Buffer
		own.WriteString(l)
		in.Push(own.Bytes())
	}
}

type Rows struct{ rows []stamps }

func (r *Rows) Merge(o Rows) error {
	o.rows[0].rev = 1 // want `the merge writes into o`
	row := o.rows[0]
	row.rev = 2
	return nil
}

type rec struct {
	tags map[string]int
	n    int
}

func sent(recs *flow.Input[rec], ptrs *flow.Input[*rec], sets *flow.Input[Set], a, b Set) {
	r := rec{tags: map[string]int{}}
	recs.Push(r)
	r.n++
	r.tags["x"] = 1 // want `r.tags is written into after it was sent`
	p := &rec{}
	ptrs.Push(p)
	p.n++ // want `p is written into after it was sent`
	sets.PushAll(a, b)
	clear(b) // want `b is written into after it was sent`
}

// What follows is right.

type Register struct {
	stamp int
	value []byte
}

func (r *Register) Merge(o Register) error {
	if o.stamp > r.stamp {
		*r = o // its bytes are never written into
	}
	return nil
}

type Right struct {
	stamps
	ids  []int
	sets map[string]Set
	tags map[string]int
	n    int
}

func (h *Right) Merge(o *Right) error {
	if o == nil {
		o = &Right{}
		o.n = 3
	}
	h.ids = append(h.ids, o.ids...)
	h.ids = append(o.ids[:len(o.ids):len(o.ids)], 7)
	h.ids = append(slices.Clip(o.ids), 7)
	h.tags = maps.Clone(o.tags)
	for k, v := range maps.All(o.sets) {
		h.sets[k] = maps.Clone(v)
	}
	for _, k := range slices.Sorted(maps.Keys(o.attrs)) {
		h.attrs[k] = o.attrs[k]
	}
	return nil
}

func fresh(in *flow.Input[[]byte], sc *bufio.Scanner, r io.Reader) {
	var line []byte
	for sc.Scan() {
		line = append(line[:0], sc.Bytes()...)
		in.Push(slices.Clone(line))
	}
	var block []byte
	for range 3 {
		block = make([]byte, 64)
		n, _ := r.Read(block)
		in.Push(block[:n])
	}
	var all []byte
	for sc.Scan() {
		all = append(all, sc.Bytes()...) // behind what was sent
		in.Push(all)
	}
}
