package handout

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
)

// Kind is what a task is.
type Kind string

// The kinds of tasks.
const (
	Shrink   Kind = "shrink"   // look for a smaller tape of a class of failures
	Bisect   Kind = "bisect"   // say with which fault and operation a small tape fails
	Frontier Kind = "frontier" // run seeds that nobody has finished
)

// Task is something to be done. Equal tasks are one.
type Task struct {
	Kind Kind `json:"kind"`
	// Class is the failure's, and Tape its hash, of Shrink and Bisect.
	Class string `json:"class,omitempty"`
	Tape  string `json:"tape,omitempty"`
	// From and To are seeds, both among them, of Frontier.
	From uint64 `json:"from,omitempty"`
	To   uint64 `json:"to,omitempty"`
}

// String says what is to be done.
func (t Task) String() string {
	if t.Kind == Frontier {
		return fmt.Sprintf("run seeds %d to %d", t.From, t.To)
	}
	return fmt.Sprintf("%s %s, a tape of %s", t.Kind, t.Tape, t.Class)
}

// id is the same for equal tasks, and for no others.
func (t Task) id() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %s %s", t.Kind, t.From, t.To, t.Tape, t.Class))
	return hex.EncodeToString(sum[:])
}

// Campaign is what workers have in common.
type Campaign struct {
	Bucket   store.Bucket
	Protocol campaign.Protocol
	// Of and Commit are as [distributed.Options] have them: what decides what a seed is.
	Of, Commit string
	// Seeds are those wanted, from 1 on, and Piece how many of them are one task, 1,000 by
	// default.
	Seeds, Piece uint64
}

// Outstanding is what is left to be done, by what the bucket holds: failures first, since
// somebody waits for them. It reads the whole of the campaign.
func Outstanding(c *Campaign) ([]Task, error) {
	g, err := distributed.Gather(c.Bucket)
	if err != nil && !errors.Is(err, distributed.ErrEmpty) {
		return nil, fmt.Errorf("handout: %w", err)
	}
	if err != nil {
		g = new(distributed.Gathered)
	}
	objects, err := c.Bucket.List("seg-")
	if err != nil {
		return nil, fmt.Errorf("handout: %w", err)
	}
	there := make(map[string]bool)
	for _, name := range objects {
		there[name] = true
	}
	var tasks []Task
	for _, class := range g.State.Classes() {
		tape := g.State.Failures[class].Tape
		switch {
		case tape == "":
		case !there[object(Shrink, tape)]:
			tasks = append(tasks, Task{Kind: Shrink, Class: class, Tape: tape})
		case !there[object(Bisect, tape)]:
			tasks = append(tasks, Task{Kind: Bisect, Class: class, Tape: tape})
		}
	}
	piece := c.Piece
	if piece == 0 {
		piece = 1000
	}
	var done causal.Spans
	m := causal.SpansMerge()
	m.MergeIn(&done, g.State.Seeds[c.Commit])
	m.MergeIn(&done, g.State.Abandoned[c.Commit])
	for from := uint64(1); from <= c.Seeds; from += piece {
		if to := min(from+piece-1, c.Seeds); !covers(done, from, to) {
			tasks = append(tasks, Task{Kind: Frontier, From: from, To: to})
		}
	}
	return tasks, nil
}

// covers reports whether all numbers from one to another are among those of a set, whose
// spans do not touch.
func covers(set causal.Spans, from, to uint64) bool {
	for _, s := range set {
		if s.Lo <= from && to <= s.Hi {
			return true
		}
	}
	return false
}

// object is the name in a bucket of what came of a tape.
func object(k Kind, tape string) string {
	sum := sha256.Sum256([]byte(string(k) + " " + tape))
	return "seg-" + hex.EncodeToString(sum[:])
}

// Came is what came of a task on a tape, as the bucket keeps it.
type Came struct {
	Kind Kind   `json:"kind"`
	Tape string `json:"tape"` // that was given
	// Smaller is the hash of the tape that it was shrunk to, which may be the same one.
	Smaller string `json:"smaller,omitempty"`
	// Of Bisect: how many of the tape's faults, and of its operations, in order, lead to the
	// failure where one less does not, and the last of each.
	Faults     int      `json:"faults,omitempty"`
	Decision   string   `json:"decision,omitempty"`
	Operations int      `json:"operations,omitempty"`
	Operation  string   `json:"operation,omitempty"`
	Classes    []string `json:"classes,omitempty"` // of faults, of which none can be left out
	Replays    int      `json:"replays"`
}

// Result reads what came of a task on a tape. The error wraps [store.ErrNoObject] where
// nobody has done it.
func Result(b store.Bucket, k Kind, tape string) (c Came, err error) {
	r, err := b.Get(object(k, tape))
	if err != nil {
		return c, fmt.Errorf("handout: %s of %s: %w", k, tape, err)
	}
	data, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		return c, fmt.Errorf("handout: %s of %s: %w", k, tape, err)
	}
	return c, nil
}

// keep puts what came of a task into the bucket.
func keep(b store.Bucket, c Came) error {
	data, err := json.Marshal(c)
	if err == nil {
		err = b.Put(object(c.Kind, c.Tape), int64(len(data)), bytes.NewReader(data))
	}
	if err != nil {
		return fmt.Errorf("handout: keep the %s of %s: %w", c.Kind, c.Tape, err)
	}
	return nil
}
