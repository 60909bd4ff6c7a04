package linearizability

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// etcdChecker judges what etcd's robustness tests record: linearizability of the whole
// store, by the rules of its revisions. A store begins empty at revision 1. A transaction
// that puts or deletes anything makes the next one, which is the modification revision of
// what it put; so does a lease that is revoked and had keys, which are deleted. A response
// has the revision after it. A put with a lease that there is not does nothing. A range at
// an earlier revision is not looked at but for that: the revision must not be one that is
// to come, and the store may say that it was compacted only if it was. The response to a
// compaction, a defragmentation, or a range at an earlier revision may have the revision -1,
// which says nothing. Of a request that is known to have been persisted, at a revision or
// at any, no more than that is looked at.
//
// Long values are recorded as hashes, as those tests have it: FNV-1a of 32 bits from 20
// bytes on.
func etcdChecker() checker {
	c := Own{Name: "etcd", Doc: "linearizability of etcd with its revisions, leases and transactions, as its robustness tests record it", Spec: &etcdStore{}}.checker()
	c.Needs = "operations of the format etcd-robustness"
	c.judge = func(m *meter, h *history.History) (result, error) {
		watches, at, err := splitWatches(h)
		if err != nil {
			return result{}, err
		}
		seen, r := judgeWatches(m, watches)
		if r.status != OK || len(at) == 0 {
			return r, nil
		}
		alone := restricted(h, at)
		left := seen.settle(alone)
		spec, err := newEtcdStore(left)
		if err != nil {
			return result{}, err
		}
		r, err = search(m, Own{Name: "etcd", Spec: spec}.model(), left, "since only the rules of revisions order the operations")
		if len(watches) > 0 && r.status == Violation {
			// Without some of the operations a watch may show what nobody did.
			r.witness, r.minimal = nil, true
			for i := range h.Ops {
				if o := &h.Ops[i]; r.from == nil || o.Call <= *r.from || o.Func == history.EtcdWatch {
					r.witness = append(r.witness, i)
				}
			}
		}
		return r, err
	}
	return c
}

// etcdStore is the specification, with the operations of a history taken apart.
type etcdStore struct{ ops map[*history.Op]*etcdOp }

// etcdOp is a request and what is known of the response.
type etcdOp struct {
	request  etcdRequest
	response etcdResponse
}

type etcdRequest struct {
	Type       string
	Range      *etcdRange
	Txn        *etcdTxn
	LeaseGrant *struct{ LeaseID int64 }
	// A compaction is of all revisions below this one.
	LeaseRevoke *struct{ LeaseID int64 }
	Compact     *struct{ Revision int64 }
	Defragment  *struct{}
}

type etcdRange struct {
	Start, End      string
	Limit, Revision int64
	KeysOnly        bool
}

type etcdTxn struct {
	Conditions []struct {
		Key                               string
		ExpectedRevision, ExpectedVersion int64
	}
	OperationsOnSuccess, OperationsOnFailure []etcdAction
}

type etcdAction struct {
	Type  string
	Range etcdRange
	Put   struct {
		Key     string
		Value   etcdValue
		LeaseID int64
	}
	Delete struct{ Key string }
}

// etcdValue is a value, or the hash of a long one.
type etcdValue struct {
	Value string
	Hash  uint32
}

type etcdPair struct {
	Key                  string
	Value                etcdValue
	ModRevision, Version int64
}

type etcdResponse struct {
	Range *struct {
		KVs   []etcdPair
		Count int64
	}
	Txn *struct {
		Failure bool
		Results []struct {
			KVs            []etcdPair
			Count, Deleted int64
		}
	}
	LeaseGrant *struct{ LeaseID int64 }

	LeaseRevoke, Defragment, Compact *struct{}

	ClientError, Error          string
	Revision, PersistedRevision int64
	Persisted                   bool
	// PartialResponse is what recordings of old have for a response of which only the
	// revision is known.
	PartialResponse bool
	// MemberID says who answered, which bears on nothing.
	MemberID string `json:"member-id"`
}

// The names of actions, as they are and as they once were.
var etcdActions = map[string]string{
	"range-operation": "range", "put-operation": "put", "delete-operation": "delete",
}

func newEtcdStore(h *history.History) (*etcdStore, error) {
	s := &etcdStore{ops: make(map[*history.Op]*etcdOp, len(h.Ops))}
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Type != history.Etcd {
			return nil, unsupported("etcd", o)
		}
		op := &etcdOp{}
		err := errors.Join(fromValue(o.Arg, &op.request), fromValue(o.Out, &op.response))
		if r := &op.response; r.PartialResponse {
			r.Persisted, r.PersistedRevision = true, r.Revision
		}
		if err == nil {
			err = op.complete(o)
		}
		if err != nil {
			return nil, &history.OpError{Index: i, Err: fmt.Errorf("model etcd: %w: %v: %w", models.ErrUnsupported, o, err)}
		}
		s.ops[o] = op
	}
	return s, nil
}

// fromValue reads a value as what it is in Go; fields that are not known are an error.
func fromValue(v history.Value, into any) error {
	if v.IsNil() {
		return nil
	}
	text, err := v.MarshalJSON()
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// complete says what is missing in a request or a response.
func (op *etcdOp) complete(o *history.Op) error {
	q, r := &op.request, &op.response
	known := r.Error != "" || r.Persisted || r.ClientError != "" || o.Outcome != history.OK
	missing := func(request, response bool) error {
		switch {
		case !request:
			return errors.New("the request is not told")
		case !response && !known:
			return errors.New("the response is not told")
		}
		return nil
	}
	switch o.Func {
	case history.Read:
		return missing(q.Range != nil, r.Range != nil || r.Revision == noRevision)
	case history.EtcdGrant:
		return missing(q.LeaseGrant != nil, r.LeaseGrant != nil)
	case history.EtcdRevoke:
		return missing(q.LeaseRevoke != nil, r.LeaseRevoke != nil)
	case history.EtcdCompact:
		return missing(q.Compact != nil, r.Compact != nil)
	case history.EtcdDefragment:
		return missing(true, r.Defragment != nil)
	case history.EtcdTxn:
	default:
		return errors.New("no function of etcd")
	}
	if q.Txn != nil {
		for _, a := range slices.Concat(q.Txn.OperationsOnSuccess, q.Txn.OperationsOnFailure) {
			if etcdActions[a.Type] == "" {
				return fmt.Errorf("an action of type %q", a.Type)
			}
		}
	}
	return missing(q.Txn != nil, r.Txn != nil)
}

// noRevision stands in a response whose revision says nothing.
const noRevision = -1

// etcdState is the store at one time. It is never changed.
type etcdState struct {
	revision, compacted int64
	pairs               []etcdHeld // by key
	leases              string     // those that there are, by number
}

// etcdHeld is a key with its value and its lease, 0 for none.
type etcdHeld struct {
	etcdPair
	lease int64
}

// Init implements Specification.
func (s *etcdStore) Init() any { return &etcdState{revision: 1} }

// Describes says which operations there are.
func (s *etcdStore) Describes(o *history.Op) bool { return o.Type == history.Etcd }

// Observes says what changes nothing.
func (s *etcdStore) Observes(o *history.Op) bool {
	return o.Func == history.Read || o.Func == history.EtcdDefragment
}

// Equal compares states.
func (s *etcdStore) Equal(a, b any) bool {
	x, y := a.(*etcdState), b.(*etcdState)
	return x == y || x.revision == y.revision && x.compacted == y.compacted && x.leases == y.leases && slices.Equal(x.pairs, y.pairs)
}

// Hash is the same for equal states.
func (s *etcdStore) Hash(state any) uint64 {
	x := state.(*etcdState)
	h := uint64(x.revision)*0x9e3779b97f4a7c15 ^ uint64(x.compacted)
	for i := range x.pairs {
		h = (h ^ uint64(x.pairs[i].ModRevision)) * 0x100000001b3
		h = (h ^ hashOf(x.pairs[i].Key)) * 0x100000001b3
	}
	return h ^ uint64(len(x.leases))
}

// Show prints a state.
func (s *etcdStore) Show(state any) string {
	x := state.(*etcdState)
	text := fmt.Sprintf("revision %d", x.revision)
	for _, p := range x.pairs {
		text += fmt.Sprintf(" %s=%v@%d", p.Key, p.Value, p.ModRevision)
	}
	return text
}

// Step implements Specification.
func (s *etcdStore) Step(state any, o *history.Op) (any, bool) {
	x, op := state.(*etcdState), s.ops[o]
	next, want := x.apply(&op.request)
	got := &op.response
	switch {
	case got.Persisted:
		return next, want.ClientError == "" && (got.PersistedRevision == 0 || got.PersistedRevision == next.revision)
	case o.Outcome == history.Unknown || got.Error != "":
		return next, true
	case got.ClientError != "" || want.ClientError != "":
		return x, strings.Contains(got.ClientError, want.ClientError) && want.ClientError != "" && got.ClientError != ""
	}
	return next, want.matches(got)
}

// What the store says of revisions that it cannot serve, in the words that are part of all
// its versions.
const (
	etcdFuture    = "future rev"
	etcdCompacted = "compacted"
)

// apply returns the state after a request, and the response to it.
func (x *etcdState) apply(q *etcdRequest) (*etcdState, *etcdResponse) {
	r := &etcdResponse{Revision: x.revision}
	next := *x
	switch {
	case q.Range != nil:
		switch at := q.Range.Revision; {
		case at > x.revision:
			r.ClientError = etcdFuture
		case at > 0 && at < x.compacted:
			r.ClientError = etcdCompacted
		case at > 0 && at < x.revision: // which the state does not tell
		default:
			r.Range = &struct {
				KVs   []etcdPair
				Count int64
			}{}
			r.Range.KVs, r.Range.Count = x.find(*q.Range)
		}
		return x, r
	case q.LeaseGrant != nil:
		next.leases = withLease(x.leases, q.LeaseGrant.LeaseID)
	case q.LeaseRevoke != nil:
		next.leases = strings.Replace(x.leases, leaseMark(q.LeaseRevoke.LeaseID), "", 1)
		kept := slices.DeleteFunc(slices.Clone(x.pairs), func(p etcdHeld) bool { return p.lease == q.LeaseRevoke.LeaseID && p.lease != 0 })
		if len(kept) < len(x.pairs) {
			next.pairs, next.revision = kept, x.revision+1
		}
	case q.Compact != nil:
		switch at := q.Compact.Revision; {
		case at > x.revision:
			r.ClientError = etcdFuture
		case at <= x.compacted:
			r.ClientError = etcdCompacted
		default:
			next.compacted = at
		}
	case q.Txn != nil:
		next.transact(x, q.Txn, r)
	}
	if r.ClientError != "" {
		return x, r
	}
	r.Revision = next.revision
	return &next, r
}

// transact is a transaction on a copy of before.
func (x *etcdState) transact(before *etcdState, t *etcdTxn, r *etcdResponse) {
	r.Txn = &struct {
		Failure bool
		Results []struct {
			KVs            []etcdPair
			Count, Deleted int64
		}
	}{}
	actions := t.OperationsOnSuccess
	for _, c := range t.Conditions {
		var held etcdHeld
		if i, is := before.at(c.Key); is {
			held = before.pairs[i]
		}
		if c.ExpectedVersion > 0 && held.Version != c.ExpectedVersion || c.ExpectedVersion <= 0 && held.ModRevision != c.ExpectedRevision {
			r.Txn.Failure, actions = true, t.OperationsOnFailure
			break
		}
	}
	changed := false
	for _, a := range actions {
		var did struct {
			KVs            []etcdPair
			Count, Deleted int64
		}
		switch i, is := x.at(cmp.Or(a.Put.Key, a.Delete.Key)); etcdActions[a.Type] {
		case "range":
			did.KVs, did.Count = x.find(a.Range)
		case "put":
			if a.Put.LeaseID != 0 && !strings.Contains(x.leases, leaseMark(a.Put.LeaseID)) {
				break
			}
			held := etcdHeld{etcdPair{a.Put.Key, a.Put.Value.normal(), before.revision + 1, 1}, a.Put.LeaseID}
			if x.pairs = slices.Clone(x.pairs); is {
				held.Version = x.pairs[i].Version + 1
				x.pairs[i] = held
			} else {
				x.pairs = slices.Insert(x.pairs, i, held)
			}
			changed = true
		case "delete":
			if is {
				x.pairs = slices.Delete(slices.Clone(x.pairs), i, i+1)
				did.Deleted, changed = 1, true
			}
		}
		r.Txn.Results = append(r.Txn.Results, did)
	}
	if changed {
		x.revision = before.revision + 1
	}
}

// at is where a key is, or would be.
func (x *etcdState) at(key string) (int, bool) {
	return slices.BinarySearchFunc(x.pairs, key, func(p etcdHeld, k string) int { return strings.Compare(p.Key, k) })
}

// find returns what is in a range, at most as much as it asks for, and how much there is.
func (x *etcdState) find(q etcdRange) (found []etcdPair, count int64) {
	first, is := x.at(q.Start)
	last := first
	switch {
	case q.End != "":
		last, _ = x.at(q.End)
	case is:
		last = first + 1
	}
	for i := first; i < last; i++ {
		if q.Limit == 0 || count < q.Limit || q.End == "" {
			pair := x.pairs[i].etcdPair
			if q.KeysOnly {
				pair.Value = etcdValue{Value: anyValue}
			}
			found = append(found, pair)
		}
		count++
	}
	return found, count
}

// anyValue stands for the value of a key that was asked for without it: it is not looked at.
const anyValue = "\x00any"

func leaseMark(id int64) string { return fmt.Sprintf("<%d>", id) }

// withLease adds a lease to those that there are, in an order that does not depend on that
// in which they came.
func withLease(leases string, id int64) string {
	if strings.Contains(leases, leaseMark(id)) {
		return leases
	}
	all := append(strings.SplitAfter(leases, ">"), leaseMark(id))
	slices.Sort(all)
	return strings.Join(all, "")
}

// normal is the value as it is recorded.
func (v etcdValue) normal() etcdValue {
	const long = 20
	if v.Hash != 0 || len(v.Value) < long {
		return v
	}
	h := fnv.New32a()
	_, _ = io.WriteString(h, v.Value) // it cannot fail
	return etcdValue{Hash: h.Sum32()}
}

// matches reports whether a response is the one that is due.
func (want *etcdResponse) matches(got *etcdResponse) bool {
	if got.Revision != noRevision && got.Revision != want.Revision {
		return false
	}
	if want.Range != nil && (got.Range == nil || got.Range.Count != want.Range.Count || !samePairs(want.Range.KVs, got.Range.KVs)) {
		return false
	}
	if want.Txn == nil {
		return true
	}
	if got.Txn == nil || got.Txn.Failure != want.Txn.Failure || len(got.Txn.Results) != len(want.Txn.Results) {
		return false
	}
	for i, w := range want.Txn.Results {
		g := &got.Txn.Results[i]
		if g.Count != w.Count || g.Deleted != w.Deleted || !samePairs(w.KVs, g.KVs) {
			return false
		}
	}
	return true
}

// samePairs compares what a range returned. Recordings of old have no versions.
func samePairs(want, got []etcdPair) bool {
	return slices.EqualFunc(want, got, func(w, g etcdPair) bool {
		return w.Key == g.Key && (w.Value.Value == anyValue || w.Value == g.Value.normal()) && w.ModRevision == g.ModRevision && (g.Version == 0 || g.Version == w.Version)
	})
}
