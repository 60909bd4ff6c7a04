package campaign

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
)

// RunBytes is a run as a fuzzing engine writes it: the first eight bytes, the least first,
// are the seed of the plan, the others answer the choices in the order in which they are
// asked ([choice.FromBytes]). Every input is a valid run. Its tape is as of
// [Protocol.RunWith].
func (p *Protocol) RunBytes(ctx context.Context, data []byte) (*Tape, *Result, error) {
	var head [8]byte
	n := copy(head[:], data)
	return p.RunWith(ctx, binary.LittleEndian.Uint64(head[:]), choice.FromBytes(data[n:]))
}

// Bytes is the form of a tape that [Protocol.RunBytes] takes, for go test -fuzz to begin with:
// it fails as the tape does. Such a run has the whole plan of its seed, and every fault class
// asked at its low level, so not every tape has that form; of one that has not, or that
// fails otherwise in it, the error says so.
func (p *Protocol) Bytes(ctx context.Context, t *Tape) ([]byte, error) {
	whole, err := p.Replay(ctx, t)
	if err != nil {
		return nil, err
	}
	if len(whole.Violations) == 0 {
		return nil, fmt.Errorf("%w: there is nothing to begin with", ErrHolds)
	}
	if whole.late {
		return nil, fmt.Errorf("%w: it is of a run that does not end", ErrTape)
	}
	src, written := choice.ToBytes(tapeSource(&t.Setup, t.Decisions))
	if _, _, err := p.RunWith(ctx, t.Setup.Seed, src); err != nil {
		return nil, err
	}
	data := append(binary.LittleEndian.AppendUint64(nil, t.Setup.Seed), written()...)
	_, res, err := p.RunBytes(ctx, data)
	if err != nil {
		return nil, err
	}
	want := whole.Violations[0].Signature()
	if got := res.signature(want); got != want {
		return nil, fmt.Errorf("%w: with the whole plan of seed %d, and faults at their low level, it does not fail by %s but %s", ErrTape, t.Setup.Seed, want, res.verdict())
	}
	return data, nil
}
