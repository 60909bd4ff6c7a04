package distributed

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/lattice/causal"
)

// Options describe a worker.
type Options struct {
	// Bucket is what workers share. Nothing else must be in it.
	Bucket store.Bucket
	// Of says in a line what the campaign is of: what decides what a seed is. Workers that
	// say otherwise are refused.
	Of string
	// Commit is of the code under test, "" if that is not known. Seeds of commits are
	// counted by themselves.
	Commit string
	// Name tells the workers apart that are at work at once, and Incarnation the starts of
	// one: a word that no other start has.
	Name, Incarnation string
	// Lease is how long a worker may give no sign of life before others take its claims
	// away, 5 minutes by default. It must be longer than a seed may take, or others run it
	// again; all workers should have one.
	Lease time.Duration
	// Now reads a clock. Only differences of its readings count.
	Now func() time.Time
	// Wait waits, so long or until the context ends.
	Wait func(ctx context.Context, d time.Duration) error
	// Tries is how often a head is changed that others change at the same time, 100 by
	// default.
	Tries int
}

// DefaultLease is how long a worker may give no sign of life unless Options say so.
const DefaultLease = 5 * time.Minute

// mishaps are how often an operation on the bucket may fail by other than a conflict.
const mishaps = 4

func (o *Options) validate() error {
	o.Lease, o.Tries = cmp.Or(o.Lease, DefaultLease), cmp.Or(o.Tries, 100)
	switch {
	case o.Bucket == nil || o.Now == nil || o.Wait == nil:
		return fmt.Errorf("%w: a bucket, a clock and a way to wait are needed", ErrOptions)
	case o.Of == "":
		return fmt.Errorf("%w: what the campaign is of must be said", ErrOptions)
	case o.Name == "" || o.Incarnation == "" || strings.Contains(o.Name+o.Incarnation, "#"):
		return fmt.Errorf("%w: worker %q, incarnation %q: want words without #", ErrOptions, o.Name, o.Incarnation)
	case o.Lease < 0 || o.Tries < 1:
		return fmt.Errorf("%w: a lease of %v, %d tries: want more than 0", ErrOptions, o.Lease, o.Tries)
	}
	for _, text := range []string{o.Of, o.Commit, o.Name + o.Incarnation} {
		if err := checkText("what a worker says of itself", text); err != nil {
			return err
		}
	}
	return nil
}

// Worker is one at work on a campaign. It is not safe for concurrent use.
type Worker struct {
	o      Options
	claims int // made so far
	seen   map[string]sign
	last   State // as it was read last
}

// sign is a sign of life as it was first seen.
type sign struct {
	presence
	at time.Time
}

// Claim is seeds that a worker is to run.
type Claim struct {
	From, To uint64 // both among them
	nth      string
}

// Join begins to work on a campaign, or begins the campaign. Where a worker of the name
// seems to be at work, it waits for that one to give a sign of life, which is [ErrName], or
// for the time of a lease. After this the bucket is known to be one that can be written.
func Join(ctx context.Context, o Options) (*Worker, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	w := &Worker{o: o, seen: make(map[string]sign)}
	var other presence // of the one that has the name, as it was found
	for {
		waits := false
		err := w.update(ctx, func(d *document) error {
			p, found := d.Present[o.Name]
			waits = found && p.Incarnation != o.Incarnation && !w.dead(o.Name)
			switch {
			case waits && other != p && other != presence{}:
				return fmt.Errorf("%w: %q; give this one another name", ErrName, o.Name)
			case waits:
				other = p
				return errUnchanged
			}
			d.orphan(o.Name)
			d.Present[o.Name] = presence{o.Incarnation, p.Beat}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if !waits {
			return w, nil
		}
		if err := o.Wait(ctx, o.Lease/8); err != nil {
			return nil, err
		}
	}
}

// errUnchanged ends an update that changes nothing.
var errUnchanged = errors.New("nothing is changed")

// State is what was known of the campaign when the worker last looked. It must not be
// changed.
func (w *Worker) State() *State { return &w.last }

// dead reports whether a worker has given no sign of life for the time of a lease.
func (w *Worker) dead(name string) bool {
	s, ok := w.seen[name]
	return ok && w.o.Now().Sub(s.at) >= w.o.Lease
}

// observe notes the signs of life of the others.
func (w *Worker) observe(d *document) {
	for _, name := range slices.Sorted(maps.Keys(d.Present)) {
		if p := d.Present[name]; w.seen[name].presence != p {
			w.seen[name] = sign{p, w.o.Now()}
		}
	}
}

// read reads the head, or makes one.
func (w *Worker) read() (*document, string, error) {
	data, tag, err := head(w.o.Bucket)
	if err != nil {
		return nil, "", err
	}
	d := &document{Of: w.o.Of}
	if tag != "" {
		if d, err = decode(data); err != nil {
			return nil, "", err
		}
	}
	if d.Of != w.o.Of {
		return nil, "", fmt.Errorf("%w: of %s, and this worker is of %s", ErrCampaign, d.Of, w.o.Of)
	}
	if d.Present == nil {
		d.Present = make(map[string]presence)
	}
	return d, tag, nil
}

// head is that of a bucket, of which something else may have written what is there.
func head(b store.Bucket) (data []byte, tag string, err error) {
	data, tag, err = b.Head()
	if errors.Is(err, store.ErrCorrupt) {
		err = fmt.Errorf("%w: %w; give the campaign a bucket, a folder or a prefix of its own", ErrForeign, err)
	}
	return data, tag, err
}

// update changes the head by change, which may be called again for another head, and may
// find what it did before, if an answer was lost. What it changes includes a sign of life.
func (w *Worker) update(ctx context.Context, change func(*document) error) error {
	failed := 0
	var last error
	for try := range w.o.Tries {
		if try > 0 {
			// Workers that were refused at once come back one after the other.
			if err := w.o.Wait(ctx, backoff(w.o.Name, try)); err != nil {
				return errors.Join(err, last)
			}
		}
		err := w.once(change)
		switch {
		case errors.Is(err, errUnchanged):
			return nil
		case err == nil, errors.Is(err, ErrForeign), errors.Is(err, ErrCampaign), errors.Is(err, ErrName), errors.Is(err, ErrFull), errors.Is(err, ErrOptions):
			return err
		case !errors.Is(err, store.ErrConflict):
			if failed++; failed >= mishaps {
				return fmt.Errorf("distributed: the bucket cannot be used: %w", err)
			}
		}
		last = err
	}
	return fmt.Errorf("%w: after %d tries: %w", ErrBusy, w.o.Tries, last)
}

// once is one try of update.
func (w *Worker) once(change func(*document) error) error {
	d, tag, err := w.read()
	if err != nil {
		return err
	}
	w.observe(d)
	err = change(d)
	w.last = d.State
	if err != nil {
		return err
	}
	if p, ok := d.Present[w.o.Name]; ok && p.Incarnation == w.o.Incarnation {
		p.Beat++
		d.Present[w.o.Name] = p
		w.seen[w.o.Name] = sign{p, w.o.Now()}
	}
	b, err := d.encode()
	if err != nil {
		return err
	}
	return w.o.Bucket.SwapHead(tag, b)
}

// backoff is how long to wait before a try, more for later ones, and by the name a little
// other for each worker.
func backoff(name string, try int) time.Duration {
	h := uint32(2166136261)
	for _, b := range []byte(name) {
		h = (h ^ uint32(b)) * 16777619
	}
	most := 10 * time.Millisecond << min(try, 8)
	return most/2 + time.Duration(h>>(uint(try)%16)%1024)*most/2048
}

// present refuses a worker that another start of it has taken the place of.
func (w *Worker) present(d *document) error {
	if p, ok := d.Present[w.o.Name]; !ok || p.Incarnation != w.o.Incarnation {
		return fmt.Errorf("%w: %q: this one gave no sign of life for so long that another took its name; what it had finished is kept", ErrName, w.o.Name)
	}
	return nil
}

// bury takes away the claims of workers that have given no sign of life for long.
func (w *Worker) bury(d *document) {
	for _, name := range slices.Sorted(maps.Keys(d.Present)) {
		if name != w.o.Name && w.dead(name) {
			d.orphan(name)
			delete(d.Present, name)
		}
	}
}

// Claim takes the next seeds, at most n of those from first to last. ok is false where
// there are none to be had, and then open says whether others are still at some, which come
// back if they die.
func (w *Worker) Claim(ctx context.Context, first, last, n uint64) (c Claim, ok, open bool, err error) {
	if first < 1 || first > last || last > maxSeed || n < 1 {
		return c, false, false, fmt.Errorf("%w: claim %d of seeds %d to %d", ErrOptions, n, first, last)
	}
	w.claims++
	nth := fmt.Sprintf("%s#%s#%d", w.o.Name, w.o.Incarnation, w.claims)
	err = w.update(ctx, func(d *document) error {
		if err := w.present(d); err != nil {
			return err
		}
		w.bury(d)
		if had := d.mine(nth); had != nil { // by a try whose answer was lost
			c, ok, open = Claim{had.From, had.To, nth}, true, true
			return nil
		}
		var got causal.Span
		var tries int
		if got, tries, ok, open = d.next(w.o.Commit, first, last, n); ok {
			c = Claim{got.Lo, got.Hi, nth}
			d.Claims = append(d.Claims, claim{Commit: w.o.Commit, From: got.Lo, To: got.Hi, Worker: w.o.Name, Nth: nth, Tries: tries})
		}
		return nil
	})
	return c, ok && err == nil, open, err
}

// Live gives a sign of life.
func (w *Worker) Live(ctx context.Context) error { return w.update(ctx, w.present) }

// Batch is what came of the first seeds of a claim.
type Batch struct {
	Seeds    uint64 // finished, from the first on
	Counters map[string]uint64
	Failures []Found
}

// Found is a failure of a class, and its tape, nil if it could not be kept.
type Found struct {
	Class string
	Failure
	Data []byte
}

// Publish makes known what came of a claim, and gives the rest of its seeds back. Failures
// that the campaign knows in a form as small are left out. With an error, [ErrName] but for,
// it may or may not have been made known, and can be published again.
func (w *Worker) Publish(ctx context.Context, c Claim, b Batch) error {
	if b.Seeds > c.To-c.From+1 {
		return fmt.Errorf("%w: %d seeds finished of a claim of %d to %d", ErrOptions, b.Seeds, c.From, c.To)
	}
	failures := make(map[string]Failure)
	for _, f := range b.Failures {
		if err := w.keep(ctx, &f); err != nil {
			return err
		}
		failuresMerge.MergeIn(&failures, map[string]Failure{Clip(f.Class): f.Failure})
	}
	var gone error
	err := w.update(ctx, func(d *document) error {
		gone = w.present(d)
		d.release(c.nth)
		failuresMerge.MergeIn(&d.State.Failures, failures)
		if b.Seeds == 0 {
			return nil
		}
		seeds := causal.Span{Lo: c.From, Hi: c.From + b.Seeds - 1}
		// Where others have finished some of them, they have counted them, or this is a
		// second try of what took place.
		fresh := without(causal.Spans{seeds}, d.State.Seeds[w.o.Commit])
		d.State.finish(w.o.Commit, seeds)
		if len(fresh) == 1 && fresh[0] == seeds {
			d.State.count(w.o.Name+"#"+w.o.Incarnation, b.Counters)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return gone
}

// count raises the counters of a worker.
func (s *State) count(worker string, by map[string]uint64) {
	sum := make(map[string]uint64)
	for _, name := range slices.Sorted(maps.Keys(by)) {
		sum[name] = s.Counters[worker][name] + by[name]
	}
	countersMerge.MergeIn(&s.Counters, map[string]map[string]uint64{worker: sum})
}

// keep puts the tape of a failure into the bucket, unless a smaller one is there.
func (w *Worker) keep(ctx context.Context, f *Found) error {
	f.Commit, f.Message = w.o.Commit, Clip(f.Message)
	f.Tape, f.Bytes = "", 0
	if f.Data == nil || len(f.Data) > maxTape {
		return nil
	}
	sum := sha256.Sum256(f.Data)
	f.Tape, f.Bytes = hex.EncodeToString(sum[:]), len(f.Data)
	if had, ok := w.last.Failures[Clip(f.Class)]; ok && compareFailures(had, f.Failure) <= 0 {
		return nil
	}
	var err error
	for try := range mishaps {
		if try > 0 {
			if e := w.o.Wait(ctx, backoff(w.o.Name, try)); e != nil {
				return errors.Join(e, err)
			}
		}
		if err = w.o.Bucket.Put(tapeObject(f.Tape), int64(len(f.Data)), bytes.NewReader(f.Data)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("distributed: put the tape of %.80q: %w", f.Class, err)
}

// tapeObject is the name of a tape in a bucket.
func tapeObject(hash string) string { return "seg-" + hash }

// Tape reads the tape of a failure from a bucket.
func Tape(b store.Bucket, f Failure) (data []byte, err error) {
	if f.Tape == "" {
		return nil, fmt.Errorf("%w: seed %d has none", ErrTape, f.Seed)
	}
	r, err := b.Get(tapeObject(f.Tape))
	if err != nil {
		return nil, fmt.Errorf("%w: of seed %d: %w", ErrTape, f.Seed, err)
	}
	data, err = io.ReadAll(io.LimitReader(r, int64(f.Bytes)+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("%w: of seed %d: %w", ErrTape, f.Seed, err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.Tape {
		return nil, fmt.Errorf("%w: of seed %d: %s is not what its name says", ErrTape, f.Seed, tapeObject(f.Tape))
	}
	return data, nil
}

// Leave ends the work: the worker's claims are given back, and its name is free.
func (w *Worker) Leave(ctx context.Context) error {
	return w.update(ctx, func(d *document) error {
		if w.present(d) != nil {
			return errUnchanged // its place is another's
		}
		d.Claims = slices.DeleteFunc(d.Claims, func(c claim) bool { return c.Worker == w.o.Name })
		delete(d.Present, w.o.Name)
		return nil
	})
}
