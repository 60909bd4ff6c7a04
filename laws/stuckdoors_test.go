package laws_test

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// misbehave names the variable that has [TestMisbehaving] do so, in a process of its own.
const misbehave = "LAWS_MISBEHAVE"

// grid is a state of two numbers.
type grid struct{ A, B int }

func grids() *rapid.Generator[grid] {
	return rapid.Custom(func(t *rapid.T) grid {
		return grid{rapid.IntRange(0, 5).Draw(t, "a"), rapid.IntRange(0, 5).Draw(t, "b")}
	})
}

// odd is a state whose equality misbehaves.
type odd struct{ A int }

func (o odd) Equal(other odd) bool {
	trap(o.A == 3 && other.A == 2)
	return o == other
}

// trap does not return, or panics, where the condition holds.
func trap(now bool) {
	switch {
	case !now:
	case os.Getenv(misbehave) == "panic":
		panic("boom")
	default:
		<-make(chan int)
	}
}

func sound(a, b grid) grid { return grid{max(a.A, b.A), max(a.B, b.B)} }

func trapped(a, b grid) grid {
	trap(a.A == 3 && b.B == 2)
	return sound(a, b)
}

func (g *grid) Merge(other grid) { *g = trapped(*g, other) }

func first(g grid) int {
	trap(g.A == 3)
	return g.A
}

func castVotes(apply func(grid, int, int) grid, merge func(a, b grid) grid, start func() grid) laws.Replicated[grid, int] {
	return laws.Replicated[grid, int]{Start: start, Apply: apply, Merge: merge, Delta: apply, Ops: rapid.IntRange(1, 5)}
}

func cast(g grid, replica, n int) grid {
	if replica == 0 {
		return grid{g.A + n, g.B}
	}
	return grid{g.A, g.B + n}
}

func castTrapped(g grid, replica, n int) grid {
	trap(g.A == 3)
	return cast(g, replica, n)
}

func none() grid { return grid{} }

func noneTrapped() grid {
	trap(true)
	return grid{}
}

func encodeGrid(g grid) ([]byte, error) {
	return binary.BigEndian.AppendUint32(nil, uint32(g.A<<8|g.B)), nil
}

func decodeGrid(b []byte) (grid, error) {
	if len(b) != 4 || b[0]|b[1] != 0 {
		return grid{}, errors.New("not a grid")
	}
	return grid{int(b[2]), int(b[3])}, nil
}

// misbehaving are checks of what does not return, or panics, in every place where a user
// gives a function.
func misbehaving() map[string]func(t *testing.T, p laws.Option) {
	low, no := func(a, b int) bool { return a <= b }, func(a, b int) bool { trap(a == 3); return a <= b }
	ints, greatest := rapid.IntRange(1, 5), func(a, b int) int { return max(a, b) }
	pass := func(_, _, n int) int { return n }
	start := func() int { return 0 }
	return map[string]func(*testing.T, laws.Option){
		"merge":    func(t *testing.T, p laws.Option) { laws.CheckMerge(t, trapped, grids(), p) },
		"merge in": func(t *testing.T, p laws.Option) { laws.CheckMergeIn(t, (*grid).Merge, grids(), p) },
		"method":   func(t *testing.T, p laws.Option) { laws.CheckMethod(t, (*grid).Merge, grids(), p) },
		"equal": func(t *testing.T, p laws.Option) {
			laws.CheckMerge(t, func(a, b odd) odd { return odd{max(a.A, b.A)} }, rapid.Map(ints, func(n int) odd { return odd{n} }), p)
		},
		"clone": func(t *testing.T, p laws.Option) {
			laws.CheckMerge(t, sound, grids(), p, laws.Clone(func(g grid) grid { trap(g.A == 3); return g }))
		},
		"show": func(t *testing.T, p laws.Option) {
			laws.CheckMerge(t, func(a, b grid) grid { return a }, grids(), p, laws.Show(func(grid) string { trap(true); return "" }))
		},
		"generator": func(t *testing.T, p laws.Option) {
			laws.CheckMerge(t, sound, rapid.Custom(func(t *rapid.T) grid {
				n := rapid.IntRange(0, 5).Draw(t, "n")
				trap(n == 3)
				return grid{n, n}
			}), p)
		},
		"monoid":   func(t *testing.T, p laws.Option) { laws.CheckMonoid(t, trapped, grid{}, grids(), p) },
		"band":     func(t *testing.T, p laws.Option) { laws.CheckBand(t, trapped, grids(), p) },
		"morphism": func(t *testing.T, p laws.Option) { laws.CheckMorphism(t, first, sound, greatest, grids(), p) },
		"monotone": func(t *testing.T, p laws.Option) { laws.CheckMonotone(t, first, sound, low, grids(), p) },
		"order of results": func(t *testing.T, p laws.Option) {
			laws.CheckMonotone(t, func(g grid) int { return g.A }, sound, no, grids(), p)
		},
		"order": func(t *testing.T, p laws.Option) {
			laws.CheckOrder(t, func(a, b grid) bool { trap(a.A == 3); return a.A <= b.A && a.B <= b.B }, grids(), p)
		},
		"encoder": func(t *testing.T, p laws.Option) {
			laws.CheckCodec(t, func(g grid) ([]byte, error) { trap(g.A == 3); return encodeGrid(g) }, decodeGrid, grids(), p)
		},
		"decoder": func(t *testing.T, p laws.Option) {
			laws.CheckCodec(t, encodeGrid, func(b []byte) (grid, error) { trap(len(b) != 4); return decodeGrid(b) }, grids(), p)
		},
		"replicas, merge":       func(t *testing.T, p laws.Option) { laws.Converge(t, castVotes(cast, trapped, none), p) },
		"replicas, apply":       func(t *testing.T, p laws.Option) { laws.Converge(t, castVotes(castTrapped, sound, none), p) },
		"replicas, start":       func(t *testing.T, p laws.Option) { laws.Converge(t, castVotes(cast, sound, noneTrapped), p) },
		"deltas, apply":         func(t *testing.T, p laws.Option) { laws.CheckDelta(t, castVotes(castTrapped, sound, none), p) },
		"deltas, start":         func(t *testing.T, p laws.Option) { laws.CheckDelta(t, castVotes(cast, sound, noneTrapped), p) },
		"operations, their end": func(t *testing.T, p laws.Option) { laws.ConvergeOps(t, operations(start, pass, 3), p) },
		"operations, their begin": func(t *testing.T, p laws.Option) {
			laws.ConvergeOps(t, operations(start, func(_, _, n int) int { trap(n == 2); return n }, -1), p)
		},
	}
}

// operations is a sum whose effect misbehaves at one value.
func operations(start func() int, prepare func(s, replica, n int) int, at int) laws.OperationBased[int, int, int] {
	return laws.OperationBased[int, int, int]{
		Start: start, Prepare: prepare, Effect: func(s, n int) int { trap(s == at); return s + n }, Ops: rapid.IntRange(1, 5),
	}
}

// TestMisbehaving fails in each of its subtests, and is run by [TestDoorsSurvive] alone.
func TestMisbehaving(t *testing.T) {
	if os.Getenv(misbehave) == "" {
		t.Skip("it is run by TestDoorsSurvive, in a process of its own")
	}
	for name, check := range misbehaving() {
		t.Run(name, func(t *testing.T) { check(t, laws.Patience(100*time.Millisecond)) })
	}
}

// Whatever function of a user's does not return, or panics, its check ends, fails, and
// says so, with the limit and the option that sets it.
func TestDoorsSurvive(t *testing.T) {
	for how, said := range map[string]string{
		"hang":  `does not return\n\s+limit  100ms without a sign of it; laws.Patience sets another, 0 none\n`,
		"panic": `boom`,
	} {
		t.Run(how, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestMisbehaving$", "-test.v", "-test.timeout=2m")
			cmd.Env = append(os.Environ(), misbehave+"="+how)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "%s", out)
			require.Equal(t, 1, exit.ExitCode(), "%s", out)
			parts := regexp.MustCompile(`(?m)^=== RUN   TestMisbehaving/([^/\n]*)$`).Split(string(out), -1)
			require.Len(t, parts, 1+len(misbehaving()))
			for name := range misbehaving() {
				name = strings.ReplaceAll(name, " ", "_")
				_, own, _ := strings.Cut(string(out), "=== RUN   TestMisbehaving/"+name+"\n")
				end := regexp.MustCompile(`(?m)^=== RUN   TestMisbehaving/[^/\n]*$`).FindStringIndex(own)
				if end != nil {
					own = own[:end[0]]
				}
				assert.Regexp(t, said, own, name)
			}
		})
	}
}
