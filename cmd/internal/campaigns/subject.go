package campaigns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
)

// Subject is what a campaign is of.
type Subject struct {
	// Of says in a line what decides what a seed is.
	Of string
	// Title says what is fuzzed, in a word or two.
	Title string
	// Run runs n seeds from one on, with so many workers, and gives what came of those that
	// it finished, in their order.
	Run func(ctx context.Context, from, n uint64, workers int) (Ran, error)
	// Corpus is a tape as an input of go test -fuzz that fails alike; nil where there is no
	// such form.
	Corpus func(ctx context.Context, tape []byte) ([]byte, error)
	// Out is where run folders are written.
	Out *campaign.Folder
}

// Ran is what came of seeds.
type Ran struct {
	Seeds    uint64 // finished, from the first on
	Counters map[string]uint64
	Failing  []Failing // in the order of seeds
}

// MaxFailing is how many failing seeds one call of Subject.Run may give.
const MaxFailing = 1000

// Failing is a failing seed.
type Failing struct {
	Seed uint64
	// Violation is the first of it, whose signature is the class of the failure.
	Violation campaign.Violation
	// Keep writes its folder, with a smaller tape where there is one, and gives the path of the
	// smallest, "" where none could be written.
	Keep func(ctx context.Context, out *campaign.Folder) (tape string, err error)
}

// Keep is Failing.Keep of a run that package campaign keeps.
func Keep[S any](run campaign.Failing[S]) func(ctx context.Context, out *campaign.Folder) (string, error) {
	return func(ctx context.Context, out *campaign.Folder) (string, error) {
		k := campaign.Keep(ctx, out, run, shrinkReplays)
		if k.Small != "" {
			return k.Small, k.Err
		}
		return k.Tape, k.Err
	}
}

const (
	shrinkReplays = 400
	// keptOfClass is how many failures of a class one worker looks for the smallest form of.
	keptOfClass = 2
)

// found makes failures of a claim known: the first of each class, unless this worker has
// looked at enough of that one.
func (r *runner) found(ctx context.Context, failing []Failing) (all []distributed.Found) {
	here := make(map[string]bool) // classes of this claim
	for _, f := range failing {
		class := distributed.Clip(f.Violation.Signature())
		if here[class] || r.kept[class] >= keptOfClass {
			continue
		}
		here[class] = true
		r.kept[class]++
		one := distributed.Found{Class: class, Failure: distributed.Failure{Seed: f.Seed, Message: f.Violation.String()}}
		path, err := f.Keep(ctx, r.subject.Out)
		if path != "" {
			one.Data, one.Operations, one.Exceptions, err = readTape(path, err)
		}
		if err != nil {
			r.h.note("seed %d: %v", f.Seed, err)
		}
		all = append(all, one)
	}
	return all
}

// readTape reads a tape that was kept, and how much is on it, which tapes of all programs
// list alike. err is what was amiss before.
func readTape(path string, err error) (data []byte, operations, exceptions int, _ error) {
	data, e := os.ReadFile(path)
	if e != nil {
		return nil, 0, 0, errors.Join(err, fmt.Errorf("read its tape again: %w", e))
	}
	var on struct {
		Operations, Decisions []json.RawMessage
	}
	if e := json.Unmarshal(data, &on); e != nil {
		return nil, 0, 0, errors.Join(err, fmt.Errorf("read its tape again: %s: %w", path, e))
	}
	return data, len(on.Operations), len(on.Decisions), err
}
