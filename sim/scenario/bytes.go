package scenario

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
)

// Bytes is the form of a tape that [RunBytes] takes, with nothing fixed, for go test -fuzz to
// begin with: it fails as the tape does. Such a run has the whole plan of its seed, as it was
// drawn first, so not every tape has that form; of one that has not, or that fails otherwise
// in it, the error says so.
func Bytes(ctx context.Context, t *Tape) ([]byte, error) {
	whole, err := Replay(ctx, t)
	if err != nil {
		return nil, err
	}
	if len(whole.Violations) == 0 {
		return nil, ErrHolds
	}
	src, written := choice.ToBytes(choice.NewReplay(t.Decisions))
	if _, err := RunWith(ctx, Config{}, t.Setup.Seed, src); err != nil {
		return nil, err
	}
	data := append(binary.LittleEndian.AppendUint64(nil, t.Setup.Seed), written()...)
	res, err := RunBytes(ctx, Config{}, data)
	if err != nil {
		return nil, err
	}
	want := whole.Violations[0].Signature()
	if got := signatureOf(res, want); got != want {
		return nil, fmt.Errorf("%w: with the whole plan of seed %d it does not fail by %s, but by %q", ErrTape, t.Setup.Seed, want, got)
	}
	return data, nil
}
