package handout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
	"github.com/joinery-go/joinery/sim/wall"
)

// do does a task and publishes what came of it. Done by two it is as if one had.
func (w *Worker) do(ctx context.Context, t Task) error {
	if t.Kind == Frontier {
		return w.run(ctx, t)
	}
	g, err := distributed.Gather(w.Campaign.Bucket)
	if err != nil {
		return err
	}
	f := g.State.Failures[t.Class]
	if f.Tape != t.Tape {
		return nil // a smaller one is known by now
	}
	p := &w.Campaign.Protocol
	tape, _, err := campaign.LoadTape(bytes.NewReader(g.Tapes[t.Tape]), p)
	if err != nil {
		return fmt.Errorf("%v: %w", t, err)
	}
	if t.Kind == Bisect {
		return w.bisect(ctx, t, tape)
	}
	return w.shrink(ctx, t, f, tape)
}

// shrink looks for a smaller tape. It is published before the bucket says that the search is
// over.
func (w *Worker) shrink(ctx context.Context, t Task, f distributed.Failure, tape *campaign.Tape) error {
	s, err := w.Campaign.Protocol.Shrink(ctx, tape, w.Replays)
	if err == nil {
		err = ctx.Err() // what was found by then is no end of the search
	}
	if err != nil {
		return fmt.Errorf("%v: %w", t, err)
	}
	var small bytes.Buffer
	if err := s.Tape.Write(&small); err != nil {
		return fmt.Errorf("%v: %w", t, err)
	}
	sum := sha256.Sum256(small.Bytes())
	came := Came{Kind: Shrink, Tape: t.Tape, Smaller: hex.EncodeToString(sum[:]), Replays: s.Replays}
	f.Operations, f.Exceptions = len(s.Tape.Operations), len(s.Tape.Decisions)
	err = w.joined(ctx, func(d *distributed.Worker) error {
		return d.Publish(ctx, distributed.Claim{}, distributed.Batch{Failures: []distributed.Found{{Class: t.Class, Failure: f, Data: small.Bytes()}}})
	})
	if err != nil {
		return err
	}
	if err := keep(w.Campaign.Bucket, came); err != nil {
		return err
	}
	came.Tape = came.Smaller
	return keep(w.Campaign.Bucket, came)
}

// bisect says where a failure comes about.
func (w *Worker) bisect(ctx context.Context, t Task, tape *campaign.Tape) error {
	b, err := w.Campaign.Protocol.Bisect(ctx, tape)
	if err != nil {
		return fmt.Errorf("%v: %w", t, err)
	}
	came := Came{Kind: Bisect, Tape: t.Tape, Faults: b.Faults, Operations: b.Operations, Classes: b.Classes, Replays: b.Replays}
	if b.Faults > 0 {
		came.Decision = campaign.FormatDecision(b.Decided.Decision)
	}
	if b.Operations > 0 {
		came.Operation = b.Last.String()
	}
	return keep(w.Campaign.Bucket, came)
}

// run runs seeds, of which the bucket says which are free.
func (w *Worker) run(ctx context.Context, t Task) error {
	err := w.joined(ctx, func(d *distributed.Worker) error {
		complete, err := d.Run(ctx, distributed.Job{
			First: t.From, Seeds: t.To - t.From + 1, Every: wall.Every,
			Run: func(ctx context.Context, from, n uint64) (distributed.Batch, bool, error) {
				b, err := w.seeds(ctx, from, n)
				return b, err == nil, err
			},
		})
		if err == nil && !complete {
			err = ctx.Err()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%v: %w", t, err)
	}
	return nil
}

// seeds runs n seeds from one on, and records the first failure of each class.
func (w *Worker) seeds(ctx context.Context, from, n uint64) (b distributed.Batch, err error) {
	p := &w.Campaign.Protocol
	r, err := p.Fuzz(ctx, campaign.Options{Seed: from, Seeds: n, Workers: max(w.Workers, 1), Failures: mostFailing})
	if r == nil {
		return b, err
	}
	b.Seeds = uint64(r.Seeds)
	b.Counters = map[string]uint64{"deliveries": uint64(r.Deliveries), "operations": uint64(r.Operations), "violating": uint64(r.Violating)}
	seen := make(map[string]bool)
	for _, res := range r.Failures {
		class := distributed.Clip(res.Violations[0].Signature())
		if seen[class] {
			continue
		}
		seen[class] = true
		found := distributed.Found{Class: class, Failure: distributed.Failure{Seed: res.Seed, Message: res.Violations[0].String()}}
		tape, _, e := p.Record(ctx, res)
		var text bytes.Buffer
		if e == nil {
			e = tape.Write(&text)
		}
		if e != nil {
			err = errors.Join(err, e) // the failure counts without a tape
		} else {
			found.Data, found.Operations, found.Exceptions = text.Bytes(), len(tape.Operations), len(tape.Decisions)
		}
		b.Failures = append(b.Failures, found)
	}
	return b, err
}

// mostFailing is how many failing seeds of a claim are looked at.
const mostFailing = 1000

// joined has something done by a worker of the campaign, which leaves it after.
func (w *Worker) joined(ctx context.Context, do func(d *distributed.Worker) error) error {
	w.joins++
	c := w.Campaign
	d, err := distributed.Join(ctx, distributed.Options{
		Bucket: c.Bucket, Of: c.Of, Commit: c.Commit, Name: w.Name, Incarnation: fmt.Sprintf("%s-%d", w.Incarnation, w.joins),
		Lease: w.Lease, Now: w.now, Wait: wall.Wait,
	})
	if err != nil {
		return err
	}
	return errors.Join(do(d), d.Leave(context.WithoutCancel(ctx)))
}
