package explore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

// grid is n counters that each go from 0 to k: (k+1)^n states, n·k·(k+1)^(n-1)
// transitions, and as many states up to renaming as there are multisets.
func grid(n, k int) Model[string, int] {
	return Model[string, int]{
		Init: func() []string { return []string{string(make([]byte, n))} },
		Actions: func(out []int, s string) []int {
			for i := range n {
				if s[i] < byte(k) {
					out = append(out, i)
				}
			}
			return out
		},
		Apply: func(s string, i int) (string, error) {
			b := []byte(s)
			b[i]++
			return string(b), nil
		},
		Append:      func(dst []byte, s string) []byte { return append(dst, s...) },
		Independent: func(a, b int) bool { return a != b },
		Symmetry:    Permutations(n),
		Permute: func(s string, p []int) string {
			b := make([]byte, n)
			for i := range n {
				b[p[i]] = s[i]
			}
			return string(b)
		},
		PermuteAction: func(a int, p []int) int { return p[a] },
	}
}

func TestCountsOfAGridAreKnown(t *testing.T) {
	plain := Options{NoCommute: true, NoSymmetry: true}
	r, err := Run(grid(3, 3), plain)
	require.NoError(t, err)
	require.True(t, r.Complete)
	require.Equal(t, 64, r.States)
	require.Equal(t, 144, r.Transitions)
	require.Equal(t, 9, r.Depth)

	r, err = Run(grid(4, 9), Options{NoSymmetry: true, Samples: 1})
	require.NoError(t, err)
	require.Equal(t, 10_000, r.States, "commutativity costs no state")
	require.Less(t, r.Transitions, 10_010, "of 36000 transitions, about one a state is left")
	require.Greater(t, r.Transitions, 9_998)
	require.Equal(t, [][2]string{{"", ""}}, r.Believed)

	r, err = Run(grid(4, 9), Options{NoCommute: true})
	require.NoError(t, err)
	require.Equal(t, 715, r.States, "multisets of 4 out of 10")
}

// The two-phase commit of Gray and Lamport, whose numbers of states are published
// with TLA+'s and Stateright's examples: 288 for three resource managers, 8832 for
// five.
type commit struct {
	rms      string // 'w' working, 'p' prepared, 'c' committed, 'a' aborted
	tm       byte   // 'i', 'c', 'a'
	got      string // of each resource manager, whether the coordinator has its vote: '0' or '1'
	prepared string // whether its vote was sent
	c, a     bool   // whether commit and abort were sent
}

type commitAction struct {
	kind string
	rm   int
}

var commitKinds = []string{"commit", "abort", "vote", "prepare", "choose", "told commit", "told abort"}

func set(s string, i int, c byte) string { return s[:i] + string(c) + s[i+1:] }

func twoPhase(n int, bug bool) Model[commit, commitAction] {
	all := func(c byte) string { return string(slices.Repeat([]byte{c}, n)) }
	return Model[commit, commitAction]{
		Init: func() []commit { return []commit{{rms: all('w'), tm: 'i', got: all('0'), prepared: all('0')}} },
		Actions: func(out []commitAction, s commit) []commitAction {
			if s.tm == 'i' && (s.got == all('1') || bug && s.got[0] == '1') {
				out = append(out, commitAction{"commit", -1})
			}
			if s.tm == 'i' {
				out = append(out, commitAction{"abort", -1})
			}
			for rm := range n {
				if s.tm == 'i' && s.prepared[rm] == '1' {
					out = append(out, commitAction{"vote", rm})
				}
				if s.rms[rm] == 'w' {
					out = append(out, commitAction{"prepare", rm}, commitAction{"choose", rm})
				}
				if s.c {
					out = append(out, commitAction{"told commit", rm})
				}
				if s.a {
					out = append(out, commitAction{"told abort", rm})
				}
			}
			return out
		},
		Apply: func(s commit, a commitAction) (commit, error) {
			switch a.kind {
			case "commit":
				s.tm, s.c = 'c', true
			case "abort":
				s.tm, s.a = 'a', true
			case "vote":
				s.got = set(s.got, a.rm, '1')
			case "prepare":
				s.rms, s.prepared = set(s.rms, a.rm, 'p'), set(s.prepared, a.rm, '1')
			case "choose", "told abort":
				s.rms = set(s.rms, a.rm, 'a')
			case "told commit":
				s.rms = set(s.rms, a.rm, 'c')
			}
			return s, nil
		},
		Append: func(dst []byte, s commit) []byte { return fmt.Appendf(dst, "%v", s) },
		Check: func(s commit) string {
			if slices.Contains([]byte(s.rms), 'a') && slices.Contains([]byte(s.rms), 'c') {
				return "one committed, one aborted"
			}
			return ""
		},
		Independent: func(a, b commitAction) bool { return a.rm >= 0 && b.rm >= 0 && a.rm != b.rm },
		Class:       func(a commitAction) int { return slices.Index(commitKinds, a.kind) },
		Classes:     commitKinds,
		Symmetry:    Permutations(n),
		Permute: func(s commit, p []int) commit {
			rename := func(x string) string {
				b := []byte(x)
				for i := range p {
					b[p[i]] = x[i]
				}
				return string(b)
			}
			s.rms, s.got, s.prepared = rename(s.rms), rename(s.got), rename(s.prepared)
			return s
		},
		PermuteAction: func(a commitAction, p []int) commitAction {
			if a.rm >= 0 {
				a.rm = p[a.rm]
			}
			return a
		},
	}
}

func TestTwoPhaseCommitHasThePublishedStates(t *testing.T) {
	for n, want := range map[int]int{3: 288, 5: 8832} {
		full, err := Run(twoPhase(n, false), Options{NoCommute: true, NoSymmetry: true})
		require.NoError(t, err)
		require.True(t, full.Complete)
		require.Nil(t, full.Violation)
		require.Equal(t, want, full.States)

		fewer, err := Run(twoPhase(n, false), Options{NoSymmetry: true})
		require.NoError(t, err)
		require.True(t, fewer.Complete)
		require.Equal(t, want, fewer.States)
		require.Less(t, fewer.Transitions, full.Transitions)
		require.Equal(t, full.Depth, fewer.Depth)

		orbits := map[string]bool{}
		m := twoPhase(n, false)
		for s := range brute(m, nil) {
			least := string(m.Append(nil, s))
			for _, p := range m.Symmetry {
				least = min(least, string(m.Append(nil, m.Permute(s, p))))
			}
			orbits[least] = true
		}
		small, err := Run(m, Options{})
		require.NoError(t, err)
		require.True(t, small.Complete)
		require.Equal(t, len(orbits), small.States)
		t.Logf("%d managers: %d states, %d up to renaming; %d transitions, %d by commuting, %d by both",
			n, want, small.States, full.Transitions, fewer.Transitions, small.Transitions)
	}
}

// brute is the plain twin: distances from the start by breadth-first search over a
// map, with nothing left out. It records in failing the least distance of each
// failing state.
func brute[S comparable, A comparable](m Model[S, A], failing *int) map[S]int {
	dist := map[S]int{}
	queue := m.Init()
	for _, s := range queue {
		dist[s] = 0
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		acts := m.Actions(nil, s)
		bad := m.Check != nil && m.Check(s) != "" || len(acts) == 0 && m.CheckEnd != nil && m.CheckEnd(s) != ""
		if failing != nil && bad && *failing < 0 {
			*failing = dist[s]
		}
		for _, a := range acts {
			next, err := m.Apply(s, a)
			if err != nil {
				panic(err)
			}
			if _, known := dist[next]; !known {
				dist[next] = dist[s] + 1
				queue = append(queue, next)
			}
		}
	}
	return dist
}

// tangle is a random system: processes that each walk a random graph, a step
// reading and writing one of a few shared variables, so that some steps of
// different processes commute and some do not. Check fails at random states.
func tangle(seed uint64, bad int) Model[uint64, int] {
	const procs, places, vars = 3, 4, 3
	src := choice.Seeded(seed)
	draw := func(site string, key, n int) int {
		return int(src.Choose(choice.Point{Site: site, Key: uint64(key), N: uint64(n)}))
	}
	at := func(s uint64, i int) int { return int(s >> (4 * i) & 15) }
	put := func(s uint64, i, v int) uint64 { return s&^(15<<(4*i)) | uint64(v)<<(4*i) }
	// An action is proc·places·2 + place·2 + branch.
	variable := func(a int) int { return draw("var", a, vars) }
	return Model[uint64, int]{
		Init: func() []uint64 { return []uint64{0, put(0, 1, 2)} },
		Actions: func(out []int, s uint64) []int {
			for p := range procs {
				for b := range 2 {
					a := (p*places+at(s, p))*2 + b
					if need := draw("need", a, 4); need < 2 || at(s, procs+variable(a)) == need-2 {
						out = append(out, a)
					}
				}
			}
			return out
		},
		Apply: func(s uint64, a int) (uint64, error) {
			p, v := a/(2*places), procs+variable(a)
			s = put(s, p, draw("to", a, places))
			return put(s, v, (at(s, v)+draw("add", a, 3))%3), nil
		},
		Append: func(dst []byte, s uint64) []byte { return binary.LittleEndian.AppendUint64(dst, s) },
		Check: func(s uint64) string {
			if bad > 0 && choice.Mix(seed+99, s)%uint64(bad) == 0 && s != 0 {
				return "bad"
			}
			return ""
		},
		CheckEnd:    func(uint64) string { return "stuck" },
		Independent: func(a, b int) bool { return a/(2*places) != b/(2*places) && variable(a) != variable(b) },
		Class:       func(a int) int { return a / (2 * places) },
		Classes:     []string{"p0", "p1", "p2"},
	}
}

func TestReducedSearchAgreesWithItsPlainTwin(t *testing.T) {
	reduced, violations := 0, 0
	for seed := range uint64(400) {
		bad := []int{0, 50, 400}[seed%3]
		m := tangle(seed, bad)
		least := -1
		dist := brute(m, &least)
		for _, o := range []Options{{NoCommute: true}, {}, {Samples: 1, AuditEvery: 1000}, {Samples: 3, AuditEvery: 2}} {
			r, err := Run(m, o)
			require.NoError(t, err)
			require.Empty(t, r.Refuted, "the declaration is true")
			require.Equal(t, least < 0, r.Complete, "seed %d", seed)
			if least >= 0 {
				violations++
				require.NotNil(t, r.Violation)
				require.Len(t, r.Violation.Path, least, "seed %d: the violation is the shortest", seed)
				replay(t, m, r.Violation)
				continue
			}
			require.Equal(t, len(dist), r.States, "seed %d %+v", seed, o)
			depth := 0
			for _, d := range dist {
				depth = max(depth, d)
			}
			require.Equal(t, depth, r.Depth)
			reduced += r.Asleep
		}
	}
	require.Greater(t, reduced, 10_000)
	require.Greater(t, violations, 200)
	t.Logf("%d transitions asleep, %d violations", reduced, violations)
}

// replay holds a violation to what it says.
func replay[S any, A comparable](t *testing.T, m Model[S, A], v *Violation[S, A]) {
	t.Helper()
	s := v.Init
	for _, a := range v.Path {
		require.Contains(t, m.Actions(nil, s), a)
		next, err := m.Apply(s, a)
		require.NoError(t, err)
		s = next
	}
	require.Equal(t, m.Append(nil, v.End), m.Append(nil, s))
	what := ""
	if m.Check != nil {
		what = m.Check(s)
	}
	if what == "" && len(m.Actions(nil, s)) == 0 && m.CheckEnd != nil {
		what = m.CheckEnd(s)
	}
	require.Equal(t, v.What, what)
}

func TestAViolationUnderSymmetryIsConcreteAndShortest(t *testing.T) {
	m := twoPhase(4, true)
	least := -1
	brute(m, &least)
	require.Positive(t, least)
	// The bug names manager 0, so that only renamings that leave it are a symmetry.
	m.Symmetry = slices.DeleteFunc(m.Symmetry, func(p []int) bool { return p[0] != 0 })
	r, err := Run(m, Options{})
	require.NoError(t, err)
	require.Len(t, r.Violation.Path, least)
	replay(t, m, r.Violation)
}

func TestAFalseSymmetryIsAnError(t *testing.T) {
	m := twoPhase(3, true)
	m.Check = nil
	_, err := Run(m, Options{})
	require.ErrorIs(t, err, ErrSymmetry)
}

// TestAFalseDeclarationIsRefuted declares everything independent: the pairs of
// classes that do not commute are found out, and the verdict is that of the twin.
func TestAFalseDeclarationIsRefuted(t *testing.T) {
	refuted := 0
	for seed := range uint64(60) {
		m := tangle(seed, 0)
		m.CheckEnd = nil
		m.Class = func(a int) int { return a }
		m.Classes = make([]string, 3*4*2)
		for i := range m.Classes {
			m.Classes[i] = fmt.Sprint(i)
		}
		m.Independent = func(a, b int) bool { return a != b }
		dist := brute(m, nil)
		r, err := Run(m, Options{Samples: 1 << 30})
		require.NoError(t, err)
		require.True(t, r.Complete)
		require.Len(t, dist, r.States)
		refuted += len(r.Refuted)
	}
	require.Greater(t, refuted, 100)
}

func TestBoundsAreReported(t *testing.T) {
	r, err := Run(grid(3, 3), Options{MaxStates: 10, NoSymmetry: true})
	require.NoError(t, err)
	require.False(t, r.Complete)
	require.Contains(t, r.Stopped, "10 states")
	require.Equal(t, 10, r.States)

	r, err = Run(grid(3, 3), Options{MaxDepth: 4, NoSymmetry: true})
	require.NoError(t, err)
	require.False(t, r.Complete)
	require.Contains(t, r.Stopped, "depth bound of 4")

	r, err = Run(grid(3, 3), Options{MaxDepth: 9, NoSymmetry: true})
	require.NoError(t, err)
	require.True(t, r.Complete, "nothing lies beyond")
}

func TestModelsAreChecked(t *testing.T) {
	whole := grid(2, 2)
	cases := map[string]func(m *Model[string, int], o *Options){
		"no function":    func(m *Model[string, int], _ *Options) { m.Apply = nil },
		"no state":       func(m *Model[string, int], _ *Options) { m.Init = func() []string { return nil } },
		"no renaming":    func(m *Model[string, int], _ *Options) { m.Permute = nil },
		"not a group":    func(m *Model[string, int], _ *Options) { m.Symmetry = [][]int{{1, 0}} },
		"no permutation": func(m *Model[string, int], _ *Options) { m.Symmetry = [][]int{{0, 0}} },
		"negative bound": func(_ *Model[string, int], o *Options) { o.MaxDepth = -1 },
	}
	for name, spoil := range cases {
		m, o := whole, Options{}
		spoil(&m, &o)
		_, err := Run(m, o)
		require.ErrorIs(t, err, ErrModel, name)
	}
	m := whole
	cause := errors.New("cannot go on")
	m.Apply = func(string, int) (string, error) { return "", cause }
	_, err := Run(m, Options{})
	require.ErrorIs(t, err, cause)
}

func TestPermutations(t *testing.T) {
	require.Equal(t, [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}, Permutations(3))
	require.Len(t, Permutations(6), 720)
	require.Nil(t, Permutations(9))
	for _, p := range Permutations(4) {
		require.Equal(t, []int{0, 1, 2, 3}, compose(p, invert(p)))
	}
}
