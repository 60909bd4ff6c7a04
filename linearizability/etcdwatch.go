package linearizability

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// Watches of etcd (its "KV API guarantees", section on watches), as its robustness tests
// record and check them. What a watch must keep by itself: its events match the request
// (filter), come in the order of revisions (ordered) and once (unique), those of a revision
// together (atomic), and none comes after a progress notification of a later or the same
// revision (bookmarkable). What several watches tell of each other: an event that one has
// seen is not missing from another one that matches it, neither at its beginning (resumable)
// nor after (reliable), and is the same there. And where a watch of all keys has seen
// everything from the beginning, whether a key was new (is-create) and what it held before
// (previous value). etcd's own tests take the events from the write-ahead log of a member
// instead, which is not part of what is read here: an event that no watch has seen is not
// missed.

const byWatches = "the rules of watches, event by event"

type etcdWatchRequest struct {
	Key                                        string
	Revision                                   int64
	WithPrefix, WithProgressNotify, WithPrevKV bool
}

type etcdWatchResponse struct {
	Events           []etcdEvent
	IsProgressNotify bool
	Revision, Time   int64
	Error            string
}

type etcdEvent struct {
	Type, Key string
	Value     etcdValue
	LeaseID   int64
	Revision  int64
	IsCreate  *bool // recordings of old do not tell
	PrevValue *etcdVersion
}

// etcdVersion is what a key held at a time.
type etcdVersion struct {
	Value                etcdValue
	ModRevision, Version int64 // 0 if they are not told
}

// is reports whether two versions are one, as far as both tell.
func (v *etcdVersion) is(w *etcdVersion) bool {
	alike := func(a, b int64) bool { return a == 0 || b == 0 || a == b }
	return v.Value.normal() == w.Value.normal() && alike(v.ModRevision, w.ModRevision) && alike(v.Version, w.Version)
}

// etcdWatch is a watch with its operation.
type etcdWatch struct {
	at        int // of the operation
	index     int // as it is called in messages
	request   etcdWatchRequest
	responses []etcdWatchResponse
}

// splitWatches takes the watches out of a history; at are the positions of what is left.
func splitWatches(h *history.History) (watches []etcdWatch, at []int, err error) {
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Type != history.Etcd || o.Func != history.EtcdWatch {
			at = append(at, i)
			continue
		}
		w := etcdWatch{at: i, index: o.Index}
		err := fromValue(o.Arg, &w.request)
		if err == nil {
			err = fromValue(o.Out, &w.responses)
		}
		if err != nil {
			return nil, nil, &history.OpError{Index: i, Err: fmt.Errorf("model etcd: %w: watch #%d: %w", models.ErrUnsupported, o.Index, err)}
		}
		watches = append(watches, w)
	}
	return watches, at, nil
}

// matches reports whether a watch asks for a key.
func (w *etcdWatch) matches(key string) bool {
	return key == w.request.Key || w.request.WithPrefix && strings.HasPrefix(key, w.request.Key)
}

// ofAll reports whether a watch asks for all keys.
func (w *etcdWatch) ofAll() bool { return w.request.Key == "" && w.request.WithPrefix }

// events calls take with every event, until it says no.
func (w *etcdWatch) events(take func(e *etcdEvent) bool) {
	for n := range w.responses {
		for i := range w.responses[n].Events {
			if !take(&w.responses[n].Events[i]) {
				return
			}
		}
	}
}

// span is the revisions of which a watch tells all that match; first is 0 if there are none.
func (w *etcdWatch) span() (first, last int64) {
	if first = w.request.Revision; first == 0 && len(w.responses) > 0 {
		switch r := &w.responses[0]; {
		case r.IsProgressNotify:
			first = r.Revision + 1
		case len(r.Events) > 0:
			first = r.Events[0].Revision
		}
	}
	for n := len(w.responses) - 1; n >= 0; n-- {
		switch r := &w.responses[n]; {
		case r.IsProgressNotify:
			return first, r.Revision
		case len(r.Events) > 0:
			return first, r.Events[len(r.Events)-1].Revision
		}
	}
	return 0, 0
}

// alone says what is wrong with a watch by itself; empty if nothing is.
func (w *etcdWatch) alone() string {
	var last, notified int64
	type name struct {
		revision int64
		key      string
	}
	seen := make(map[name]bool)
	for n := range w.responses {
		r := &w.responses[n]
		if n > 0 && len(r.Events) > 0 && r.Events[0].Revision == last {
			return fmt.Sprintf("atomic: the events of revision %d come in more than one response", last)
		}
		for i := range r.Events {
			e := &r.Events[i]
			switch at := (name{e.Revision, e.Key}); {
			case !w.matches(e.Key):
				return fmt.Sprintf("filter: an event of %q at revision %d, which it did not ask for", e.Key, e.Revision)
			case w.request.Revision > 0 && e.Revision < w.request.Revision:
				return fmt.Sprintf("filter: an event of revision %d, where it asked for those from %d on", e.Revision, w.request.Revision)
			case e.Revision < last:
				return fmt.Sprintf("ordered: an event of revision %d comes after one of revision %d", e.Revision, last)
			case seen[at]:
				return fmt.Sprintf("unique: the event of %q at revision %d comes twice", e.Key, e.Revision)
			case e.Revision <= notified:
				return fmt.Sprintf("bookmarkable: an event of revision %d comes after all up to revision %d were said to have come", e.Revision, notified)
			default:
				seen[at], last = true, e.Revision
			}
		}
		if r.IsProgressNotify {
			if r.Revision < max(last, notified) {
				return fmt.Sprintf("bookmarkable: all events up to revision %d are said to have come, after revision %d had", r.Revision, max(last, notified))
			}
			notified = r.Revision
		}
	}
	return ""
}

// watched is what all watches have seen.
type watched struct {
	byRevision map[int64][]sighting
	revisions  []int64 // ascending
	upTo       int64   // all events are known up to this revision, from the first; 1 if none is
}

// sighting is an event and who has seen it first.
type sighting struct {
	*etcdEvent
	by *etcdWatch
}

func (s *sighting) same(e *etcdEvent) bool {
	return s.Type == e.Type && s.Key == e.Key && s.Value.normal() == e.Value.normal() &&
		(s.IsCreate == nil || e.IsCreate == nil || *s.IsCreate == *e.IsCreate) &&
		(s.PrevValue == nil || e.PrevValue == nil || s.PrevValue.is(e.PrevValue))
}

// judgeWatches judges the watches, and returns what they have seen.
func judgeWatches(m *meter, watches []etcdWatch) (*watched, result) {
	all := &watched{byRevision: make(map[int64][]sighting), upTo: 1}
	broken := func(reason string, ws ...*etcdWatch) result {
		r := result{status: Violation, method: byWatches, minimal: true, reason: fmt.Sprintf("watch #%d: %s", ws[0].index, reason)}
		for _, w := range ws {
			r.witness = append(r.witness, w.at)
		}
		slices.Sort(r.witness)
		r.witness = slices.Compact(r.witness)
		return r
	}
	for n := range watches {
		w := &watches[n]
		if m.mustStop(lookEvery) {
			return all, result{status: Undecided}
		}
		if why := w.alone(); why != "" {
			return all, broken(why, w)
		}
		var clash *sighting
		w.events(func(e *etcdEvent) bool {
			on := all.byRevision[e.Revision]
			if i := slices.IndexFunc(on, func(s sighting) bool { return s.Key == e.Key }); i < 0 {
				all.byRevision[e.Revision] = append(on, sighting{e, w})
			} else if !on[i].same(e) {
				clash = &on[i]
			}
			return clash == nil
		})
		if clash != nil {
			return all, broken(fmt.Sprintf("reliable: the event of %q at revision %d is another one to watch #%d", clash.Key, clash.Revision, clash.by.index), w, clash.by)
		}
	}
	for r := range all.byRevision { //joinery:anyorder sorted below
		all.revisions = append(all.revisions, r)
	}
	slices.Sort(all.revisions)
	for n := range watches {
		if m.mustStop(8 * len(all.revisions)) {
			return all, result{status: Undecided}
		}
		if why, by := all.missed(&watches[n]); why != "" {
			return all, broken(why, &watches[n], by)
		}
	}
	all.cover(watches)
	if why, by := all.histories(); why != "" {
		return all, broken(why, by)
	}
	return all, result{status: OK, method: byWatches}
}

// missed says which event that another watch has seen a watch has missed.
func (all *watched) missed(w *etcdWatch) (why string, by *etcdWatch) {
	first, last := w.span()
	if first == 0 {
		return "", nil
	}
	has, begun := make(map[[2]string]bool), int64(0)
	w.events(func(e *etcdEvent) bool {
		if begun == 0 {
			begun = e.Revision
		}
		has[[2]string{fmt.Sprint(e.Revision), e.Key}] = true
		return true
	})
	from, _ := slices.BinarySearch(all.revisions, first)
	for _, r := range all.revisions[from:] {
		if r > last {
			break
		}
		for _, s := range all.byRevision[r] {
			if !w.matches(s.Key) || has[[2]string{fmt.Sprint(r), s.Key}] {
				continue
			}
			if w.request.Revision > 0 && r < begun {
				return fmt.Sprintf("resumable: it asked for events from revision %d on, and began with one of revision %d; watch #%d has seen one of %q at revision %d",
					w.request.Revision, begun, s.by.index, s.Key, r), s.by
			}
			return fmt.Sprintf("reliable: it has seen events up to revision %d without that of %q at revision %d, which watch #%d has", last, s.Key, r, s.by.index), s.by
		}
	}
	return "", nil
}

// cover finds up to which revision watches of all keys have seen everything from the first,
// which is 2: a store begins at revision 1 with nothing in it.
func (all *watched) cover(watches []etcdWatch) {
	for grown := true; grown; {
		grown = false
		for n := range watches {
			if first, last := watches[n].span(); watches[n].ofAll() && first > 0 && first <= all.upTo+1 && last > all.upTo {
				all.upTo, grown = last, true
			}
		}
	}
	// A revision without an event would be one that the store did not make.
	for r := int64(2); r <= all.upTo; r++ {
		if len(all.byRevision[r]) == 0 {
			all.upTo = r - 1
		}
	}
}

// histories holds what events say of the key before them against the events before them.
func (all *watched) histories() (why string, by *etcdWatch) {
	held := make(map[string]*etcdVersion)
	for _, r := range all.revisions {
		if r > all.upTo {
			break
		}
		for _, s := range all.byRevision[r] {
			before := held[s.Key]
			switch {
			case s.IsCreate != nil && *s.IsCreate == (before != nil):
				return fmt.Sprintf("is-create: the event of %q at revision %d says %v, and the key was there before: %v", s.Key, r, *s.IsCreate, before != nil), s.by
			case s.PrevValue != nil && (before == nil || !before.is(s.PrevValue)):
				return fmt.Sprintf("previous value: the event of %q at revision %d says that %v of revision %d was there before, which was not",
					s.Key, r, s.PrevValue.Value, s.PrevValue.ModRevision), s.by
			}
		}
		for _, s := range all.byRevision[r] {
			before := held[s.Key]
			if delete(held, s.Key); s.Type == "put-operation" {
				v := etcdVersion{Value: s.Value, ModRevision: r, Version: 1}
				if before != nil {
					v.Version += before.Version
				}
				held[s.Key] = &v
			}
		}
	}
	return "", nil
}

// settle says of requests of unknown outcome what watches tell: one whose put nobody else
// asks for was persisted, at the revision of the event; or, where all events are known as far
// as any response goes, came after all that was observed, or never, and is left out. The
// operations are copied where they change.
func (all *watched) settle(h *history.History) *history.History {
	if all.upTo < 2 {
		return h
	}
	asked := make(map[[2]string]int)
	at := make(map[[2]string]int64)
	id := func(key string, v etcdValue) [2]string {
		n := v.normal()
		return [2]string{key, fmt.Sprintf("%d %s", n.Hash, n.Value)}
	}
	for _, r := range all.revisions {
		for _, s := range all.byRevision[r] {
			if s.Type == "put-operation" {
				at[id(s.Key, s.Value)] = r
			}
		}
	}
	ops, furthest, returns := make([]etcdOp, len(h.Ops)), int64(0), &revisionReturns{}
	for i := range h.Ops {
		op := &ops[i]
		if fromValue(h.Ops[i].Arg, &op.request) != nil || fromValue(h.Ops[i].Out, &op.response) != nil {
			return h // and who judges says what is wrong
		}
		furthest = max(furthest, op.response.Revision, op.response.PersistedRevision)
		returns.note(&h.Ops[i], op)
		if t := op.request.Txn; t != nil {
			for _, a := range slices.Concat(t.OperationsOnSuccess, t.OperationsOnFailure) {
				if etcdActions[a.Type] == "put" {
					asked[id(a.Put.Key, a.Put.Value)]++
				}
			}
		}
	}
	settled := *h
	settled.Ops = nil
	for i := range h.Ops {
		o, t := h.Ops[i], ops[i].request.Txn
		if o.Outcome != history.Unknown || t == nil || ops[i].response.Persisted {
			settled.Ops = append(settled.Ops, o)
			continue
		}
		revision, unique := int64(0), true
		for _, list := range [][]etcdAction{t.OperationsOnSuccess, t.OperationsOnFailure} {
			puts, writes := 0, 0
			for _, a := range list {
				switch etcdActions[a.Type] {
				case "put":
					if writes++; asked[id(a.Put.Key, a.Put.Value)] == 1 {
						puts++
						revision = max(revision, at[id(a.Put.Key, a.Put.Value)])
					}
				case "delete":
					writes++
				}
			}
			unique = unique && (puts > 0 || writes == 0)
		}
		switch {
		case revision > 0:
			o.Out = history.MapOf([2]history.Value{history.Str("Persisted"), history.Bool(true)}, [2]history.Value{history.Str("PersistedRevision"), history.Int(revision)})
			o.Outcome, o.Return = history.OK, max(o.Call, returns.from(revision)) // it did happen
		case unique && furthest <= all.upTo:
			continue
		}
		settled.Ops = append(settled.Ops, o)
	}
	return &settled
}

// revisionReturns tells when a revision had been made at the latest: when the first request
// that was answered at it, or at a later one, had returned.
type revisionReturns struct {
	at     []revisionReturn // by revision once it is sorted, each with the earliest of those from there on
	sorted bool
	last   int64
}

type revisionReturn struct{ revision, returned int64 }

func (x *revisionReturns) note(o *history.Op, op *etcdOp) {
	if x.last = max(x.last, o.Call); o.Return == history.Pending {
		return
	}
	x.last = max(x.last, o.Return)
	current := op.request.Txn != nil || op.request.Range != nil && op.request.Range.Revision == 0
	if o.Outcome == history.OK && current && op.response.Revision > 0 {
		x.at = append(x.at, revisionReturn{op.response.Revision, o.Return})
	}
}

func (x *revisionReturns) from(revision int64) int64 {
	if !x.sorted {
		x.sorted = true
		slices.SortFunc(x.at, func(a, b revisionReturn) int { return cmp.Compare(a.revision, b.revision) })
		for i := len(x.at) - 2; i >= 0; i-- {
			x.at[i].returned = min(x.at[i].returned, x.at[i+1].returned)
		}
	}
	i, _ := slices.BinarySearchFunc(x.at, revision, func(r revisionReturn, n int64) int { return cmp.Compare(r.revision, n) })
	if i == len(x.at) {
		return x.last + 1
	}
	return x.at[i].returned
}
