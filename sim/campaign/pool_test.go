package campaign

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPoolCountsInTheOrderOfSeeds: a seed that finishes last of all is counted first, and
// nothing is counted beyond the one that was enough.
func TestPoolCountsInTheOrderOfSeeds(t *testing.T) {
	var counted []uint64
	release := make(chan struct{})
	p := &Pool[string]{
		First: 10, Seeds: 40, Workers: 4,
		Worker: func() func(context.Context, uint64) (string, error) {
			return func(_ context.Context, seed uint64) (string, error) {
				switch seed {
				case 10:
					<-release
				case 30:
					close(release) // by now the others have finished many
				}
				return fmt.Sprint(seed), nil
			}
		},
		Count: func(seed uint64, r string) bool {
			assert.Equal(t, fmt.Sprint(seed), r)
			counted = append(counted, seed)
			return seed < 33
		},
	}
	require.NoError(t, p.Run(t.Context()))
	require.Len(t, counted, 24)
	for i, seed := range counted {
		require.Equal(t, uint64(10+i), seed)
	}
	assert.Equal(t, uint64(24), p.Counted())
}

// TestPoolIsBounded: no worker gets further ahead of the seed that is counted next than
// the bound, and no worker waits for ever.
func TestPoolIsBounded(t *testing.T) {
	var begun atomic.Int64
	release := make(chan struct{})
	const workers = 3
	p := &Pool[int]{
		Seeds: 1000, Workers: workers,
		Worker: func() func(context.Context, uint64) (int, error) {
			return func(_ context.Context, seed uint64) (int, error) {
				if begun.Add(1) == workers*ahead { // the last that may begin while the first runs
					close(release)
				}
				if seed == 0 {
					<-release
					assert.LessOrEqual(t, begun.Load(), int64(workers*ahead))
				}
				return 0, nil
			}
		},
		Count: func(uint64, int) bool { return true },
	}
	require.NoError(t, p.Run(t.Context()))
	assert.Equal(t, uint64(1000), p.Counted())
}

// TestPoolErrorsInTheOrderOfSeeds: of several errors that of the first seed counts,
// whichever worker meets one first, and what came before it is counted.
func TestPoolErrorsInTheOrderOfSeeds(t *testing.T) {
	for range 20 {
		counted := 0
		p := &Pool[int]{
			Seeds: 100, Workers: 5,
			Worker: func() func(context.Context, uint64) (int, error) {
				return func(_ context.Context, seed uint64) (int, error) {
					if seed >= 7 {
						return 0, fmt.Errorf("seed %d", seed)
					}
					return 0, nil
				}
			},
			Count: func(uint64, int) bool { counted++; return true },
		}
		require.EqualError(t, p.Run(t.Context()), "seed 7")
		require.Equal(t, 7, counted)
	}
}

// TestPoolEnds: by the last seed there is, by exhaustion, by its context, and not at all
// without what it needs.
func TestPoolEnds(t *testing.T) {
	run := func(p *Pool[int], exhausted uint64) uint64 {
		p.Workers = 2
		p.Worker = func() func(context.Context, uint64) (int, error) {
			return func(_ context.Context, seed uint64) (int, error) {
				if seed >= exhausted && exhausted > 0 {
					return 0, fmt.Errorf("none: %w", ErrExhausted)
				}
				return 0, nil
			}
		}
		p.Count = func(uint64, int) bool { return true }
		require.NoError(t, p.Run(t.Context()))
		return p.Counted()
	}
	p := &Pool[int]{First: math.MaxUint64 - 4}
	assert.Equal(t, uint64(5), run(p, 0))
	assert.False(t, p.Exhausted())
	p = &Pool[int]{}
	assert.Equal(t, uint64(9), run(p, 9))
	assert.True(t, p.Exhausted())

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p = &Pool[int]{Workers: 1, Worker: func() func(context.Context, uint64) (int, error) { return nil }, Count: func(uint64, int) bool { return true }}
	require.NoError(t, p.Run(ctx))
	assert.Zero(t, p.Counted())
	require.Error(t, (&Pool[int]{}).Run(t.Context()))
}

func TestViolationsOfErrors(t *testing.T) {
	assert.Equal(t, "check/two leaders//-1", violationOf(OracleCheck, errors.New("two leaders: n1 and n2")).Signature())
	wrapped := fmt.Errorf("judge: %w", Violation{Kind: "stale read", Op: "read", Node: 2})
	v := violationOf(OracleCheck, wrapped)
	assert.Equal(t, "check/stale read/read/2", v.Signature())
	assert.Equal(t, "check: stale read", v.Error())
}

func TestSignaturesParse(t *testing.T) {
	for _, v := range []Violation{{Oracle: "check", Kind: "two leaders", Node: -1}, {Oracle: "a", Kind: "b/c", Op: "read", Node: 3}, {}} {
		assert.Equal(t, v, ParseSignature(v.Signature()))
	}
	for _, none := range []string{"", "lost", "a/b", "a/b/c", "a/b/c/d"} {
		assert.Equal(t, Violation{Kind: none, Node: -1}, ParseSignature(none))
	}
}

// TestPoolGivesUp: a seed that does not end is given up with a result of its own, in its
// place: seeds before it are counted, none after it, and nobody waits for its worker.
func TestPoolGivesUp(t *testing.T) {
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	var counted []string
	p := &Pool[string]{
		First: 10, Seeds: 1_000_000, Workers: 3, Patience: 100 * time.Millisecond,
		Worker: func() func(context.Context, uint64) (string, error) {
			return func(_ context.Context, seed uint64) (string, error) {
				if seed == 15 {
					<-never
				}
				return fmt.Sprint(seed), nil
			}
		},
		Late: func(seed uint64, l Late) (string, error) {
			return fmt.Sprintf("%d %v", seed, l), nil
		},
		Count: func(seed uint64, r string) bool {
			counted = append(counted, r)
			return seed < 15
		},
	}
	require.NoError(t, p.Run(t.Context()))
	require.Len(t, counted, 6)
	assert.Equal(t, "14", counted[4])
	assert.Equal(t, "15 after 100ms, and goes on", counted[5])
}

// TestPoolWaitsForWhatIsGivenUp: the outcome of a seed that is given up is awaited, also while the
// other workers have nothing left to do: its error is not lost.
func TestPoolWaitsForWhatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		defer close(never)
		late := errors.New("nobody can tell")
		p := &Pool[int]{
			Seeds: 3, Workers: 2, Patience: 200 * time.Millisecond,
			Worker: func() func(context.Context, uint64) (int, error) {
				return func(_ context.Context, seed uint64) (int, error) {
					switch seed {
					case 0:
						<-never
					case 1:
						time.Sleep(100 * time.Millisecond)
					case 2:
						time.Sleep(180 * time.Millisecond) // it ends while seed 0 is being given up
					}
					return 0, nil
				}
			},
			Late: func(uint64, Late) (int, error) {
				time.Sleep(time.Minute)
				return 0, late
			},
			Count: func(uint64, int) bool { return true },
		}
		require.ErrorIs(t, p.Run(t.Context()), late)
		assert.Zero(t, p.Counted())
	})
}
