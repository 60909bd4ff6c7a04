package lsm

import (
	"errors"
	"fmt"
	"io"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// merge makes one run of several that stand one behind the other.
type merge struct {
	inputs    []*run
	heads     []head
	published bool // the inputs are part of a version
	lifted    bool // the oldest run of all gets the level of what comes out
	bottom    bool // nothing is older than the inputs
	out       *writer
	written   bool // all is in out
	synced    bool
}

// head is the record of an input that is next.
type head struct {
	run  *run
	scan *record.Scanner
	left []span // of the run, behind what scan reads
	keys store.KeyRange
	rec  record.Record
	done bool
}

// next goes on to the next record that counts.
func (h *head) next() error {
	for {
		rec, _, _, err := h.scan.Next()
		if err == io.EOF {
			if len(h.left) > 0 {
				h.scan = record.NewScanner(h.run.f, h.run.salt, h.left[0].from, h.left[0].to)
				h.left = h.left[1:]
				continue
			}
			h.done = true
			return nil
		}
		if h.rec = rec; err != nil || h.keys.Holds(rec.Key) {
			return err
		}
	}
}

// advance has an input go on. One that cannot be read is known for it from then on, so that
// what is set later need not wait for a merge that never succeeds.
func (e *Engine) advance(r *run, h *head) error {
	err := h.next()
	if err != nil {
		e.spoil(r)
		err = fmt.Errorf("merge %s: %w", e.home.Path(r.number, runExt), err)
	}
	return err
}

func (e *Engine) spoil(r *run) { r.spoiled, e.look = true, true }

// begin starts to merge runs, of those in parts no more than what is said there.
func (e *Engine) begin(t catalog.Tiers, parts map[*run][]span) (*merge, error) {
	m := &merge{
		inputs: append([]*run(nil), e.runs[t.From:t.To]...), published: t.To <= e.home.Published(), lifted: t.Lifted, bottom: t.From == 0,
	}
	records := 0
	for _, r := range m.inputs {
		h := head{run: r, scan: r.scanner(), keys: r.keys}
		if of, ok := parts[r]; ok {
			h.scan, h.left = nothing(r), of
		}
		if err := e.advance(r, &h); err != nil {
			return nil, err
		}
		m.heads = append(m.heads, h)
		records += r.records
	}
	var err error
	m.out, err = e.newWriter(records, t.Level)
	return m, err
}

// copy writes up to n records: of those with one key that of the youngest run, but no
// tombstone if there is nothing older that it could be needed for.
func (e *Engine) copy(m *merge, n int) error {
	for ; n > 0; n-- {
		least := -1
		for i := range m.heads {
			if h := &m.heads[i]; !h.done && (least < 0 || string(h.rec.Key) <= string(m.heads[least].rec.Key)) {
				least = i // of equal keys, the last one is the youngest
			}
		}
		if least < 0 {
			m.written = true
			return nil
		}
		rec := m.heads[least].rec
		if rec.Kind == record.Value || !m.bottom {
			if err := m.out.add(record.Record{Kind: rec.Kind, Key: rec.Key, Value: rec.Value}); err != nil {
				return err
			}
		}
		for i := range m.heads {
			if h := &m.heads[i]; i != least && !h.done && string(h.rec.Key) == string(rec.Key) {
				if err := e.advance(m.inputs[i], h); err != nil {
					return err
				}
			}
		}
		if err := e.advance(m.inputs[least], &m.heads[least]); err != nil { // last: rec is valid no longer
			return err
		}
	}
	return nil
}

// replace has the catalog name what came out in place of what went in.
func (e *Engine) replace(m *merge) error {
	from := -1
	for i, r := range e.runs {
		if r == m.inputs[0] {
			from = i
		}
	}
	to := from + len(m.inputs)
	if from < 0 || to > len(e.runs) || e.runs[to-1] != m.inputs[len(m.inputs)-1] {
		panic("lsm: the inputs of a merge have moved")
	}
	s := e.home.State()
	part := m.out.run.part()
	for _, p := range s.Parts[from:to] {
		part.Remote = append(part.Remote, p.Remote...)
	}
	out, parts := []*run{m.out.run}, []catalog.Part{part}
	if m.out.run.records == 0 {
		out, parts = nil, nil // nothing of it counts
	}
	if m.published {
		s.Published += len(parts) - len(m.inputs)
	}
	if m.published && s.Published == 0 {
		s.ParentEmpty = true
	}
	if m.lifted {
		s.Parts[0].Level, e.runs[0].level = m.out.run.level, m.out.run.level
	}
	s.Parts = append(append(append([]catalog.Part(nil), s.Parts[:from]...), parts...), s.Parts[to:]...)
	if err := e.commit(s); err != nil {
		return errors.Join(err, m.out.run.close())
	}
	e.runs = append(append(append([]*run(nil), e.runs[:from]...), out...), e.runs[to:]...)
	for _, r := range m.inputs {
		e.gone(r)
	}
	if out == nil {
		e.gone(m.out.run)
	}
	return nil
}

// abort gives up the merge in progress; what went in still counts.
func (e *Engine) abort() {
	if e.merge != nil {
		e.gone(e.merge.out.run)
		e.merge = nil
	}
}

// mergeNow merges without a break, for a snapshot. A run that cannot be read is no hindrance
// where all that it lost has been set again since.
func (e *Engine) mergeNow(from, to int) error {
	err := e.mergeParts(from, to, nil)
	if !errors.Is(err, store.ErrCorrupt) {
		return err
	}
	parts, ok, e2 := superseded(e.runs[from:to])
	if e2 != nil || !ok {
		return errors.Join(err, e2)
	}
	return e.mergeParts(from, to, parts)
}

func (e *Engine) mergeParts(from, to int, parts map[*run][]span) error {
	m, err := e.begin(catalog.Tiers{From: from, To: to}, parts)
	if err != nil {
		return err
	}
	for err == nil && !m.written {
		err = e.copy(m, e.opts.StepRecords)
	}
	if err == nil {
		err = m.out.finish(e.home)
	}
	if err != nil {
		e.gone(m.out.run)
		return err
	}
	return e.replace(m)
}
