package linearizability

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

var orderedLevels = map[string]txnLevel{
	"prefix": levelPrefix, "snapshot-isolation": levelSnapshot, "serializable": levelSerializable, "strict-serializable": levelStrict,
}

// timelineOf is the timeline of a history that is causally consistent; nil if it is not.
func timelineOf(t *testing.T, h *history.History, level txnLevel) *timeline {
	if judgeBy(t, h, "transactional-causal") != OK {
		return nil
	}
	b, r, err := groupTransactions(nil, "", h)
	require.NoError(t, err)
	require.Equal(t, OK, r.status)
	txns := b.arrange(levelTCC, OwnReadsAlways)
	for n := range txns.ops {
		require.Equal(t, OK, txns.inside(b, int32(n)).status)
	}
	txns.orderSplits()
	return newTimeline(txns, level)
}

// The search alone, without the rules that infer precedences, answers what both
// together do, and the rules alone never call a violation what is none.
func TestCommitSearchAlone(t *testing.T) {
	t.Parallel()
	counts := map[string]map[bool]int{}
	for seed := range uint64(3000) {
		h := oracle.SomeSnapshots(seed, 8, 4, 2+int(seed%2))
		for level, l := range orderedLevels {
			x := timelineOf(t, h, l)
			if x == nil {
				continue
			}
			m := newMeter(context.Background(), Budget{Steps: DefaultSteps, Bytes: DefaultBytes})
			found := x.sweep() && newCommitSearch(m, x).run(1<<20) == holds
			require.Empty(t, m.stopped())
			require.Equal(t, judgeBy(t, h, level) == OK, found, "%s: seed %d%s", level, seed, dump{h})
			if counts[level] == nil {
				counts[level] = map[bool]int{}
			}
			counts[level][found]++
		}
	}
	t.Log(counts)
	for level := range orderedLevels {
		require.Greater(t, counts[level][true], 100, level)
		require.Greater(t, counts[level][false], 5, level)
	}
}

// blindly takes out some of the reads, so that less is known of the order of writes.
func blindly(h *history.History, seed uint64) *history.History {
	rng := rand.New(rand.NewPCG(seed, 41))
	out := &history.History{}
	for _, o := range h.Ops {
		if o.IsPut() || rng.IntN(2) == 0 {
			o.Index = len(out.Ops)
			out.Ops = append(out.Ops, o)
		}
	}
	return out
}

// refutedAlone reports whether these transactions, and what they read from, are
// refuted without the others.
func refutedAlone(t *testing.T, txns *transactions, h *history.History, level string, nodes []int32) bool {
	return stillViolates(t, h, level, txns.witness(nodes))
}

// Guessing with all that follows from a guess, and no search that turns back, answers
// what the search alone does; what is left over of a refuted history is refuted.
func TestGuessesDecide(t *testing.T) {
	t.Parallel()
	guessed := map[outcome]int{}
	for seed := range uint64(1000) {
		h := blindly(oracle.SomeSnapshots(seed, 20, 7, 4), seed)
		for level, l := range orderedLevels {
			x := timelineOf(t, h, l)
			if x == nil {
				continue
			}
			m := newMeter(context.Background(), Budget{Steps: DefaultSteps, Bytes: DefaultBytes})
			found := refuted
			if x.sweep() {
				found = newCommitSearch(m, x).run(1 << 20)
			}
			got, why := x.decide(m, len(x.latest), 0)
			require.Equal(t, found, got, "%s: seed %d%s", level, seed, dump{h})
			require.Empty(t, m.stopped())
			require.Empty(t, why.guesses)
			if got == refuted && !why.all {
				require.True(t, refutedAlone(t, x.t, h, level, why.nodes), "%s: seed %d: %v%s", level, seed, why.nodes, dump{h})
			}
			if x.guesses > 0 {
				guessed[got]++
			}
		}
	}
	t.Log(guessed)
	require.NotZero(t, guessed[holds])
}

// Two writers a and b of x, of which neither order is possible, and nothing less than
// the other order of two writers each refutes the one: if a is first, its readers
// come before b, and with them c and d, in either order after the readers of the
// other. The same the other way around, by e and f.
func TestBothGuessesRefuted(t *testing.T) {
	txns := map[string]string{
		"a": "w x 1\nw a 1", "b": "w x 2\nw b 1",
		"c": "w y 1\nw c 1", "d": "w y 2\nw d 1", "ac": "r x 1\nr c 1", "ad": "r x 1\nr d 1", "bc": "r y 1\nr b 1", "bd": "r y 2\nr b 1",
		"e": "w z 1\nw e 1", "f": "w z 2\nw f 1", "be": "r x 2\nr e 1", "bf": "r x 2\nr f 1", "ae": "r z 1\nr a 1", "af": "r z 2\nr a 1",
	}
	names := slices.Sorted(maps.Keys(txns))
	without := func(left string) *history.History {
		var text []string
		for _, name := range names {
			if name != left {
				text = append(text, txns[name])
			}
		}
		h, err := history.Decode("awdit", left, strings.NewReader(strings.Join(text, "\n=====\n")))
		require.NoError(t, err)
		return h
	}
	all := without("none")
	for _, level := range []string{"serializable", "prefix", "snapshot-isolation"} {
		x := timelineOf(t, all, orderedLevels[level])
		m := newMeter(context.Background(), Budget{Steps: DefaultSteps, Bytes: DefaultBytes})
		got, why := x.decide(m, len(x.latest), 0)
		require.Equal(t, refuted, got, level)
		require.GreaterOrEqual(t, x.guesses, 2)
		require.False(t, why.all)
		require.Empty(t, why.cycle)
		require.Len(t, why.nodes, len(txns))
		v := mustCheck(t, all, level)
		require.Equal(t, Violation, v.Status)
		require.Len(t, v.Witness, 2*len(txns), "%v", v)
		for _, name := range names {
			if len(name) == 2 {
				require.Equal(t, OK, mustCheck(t, without(name), level).Status, "%s without %s", level, name)
			}
		}
	}
}

// Witnesses of the levels that ask for one order are violations, and none of their
// operations can be left out.
func TestCommitOrderWitnesses(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for seed := range uint64(1500) {
		h := oracle.SomeSnapshots(seed, 12, 4, 3)
		for level := range orderedLevels {
			v := mustCheck(t, h, level)
			if v.Status != Violation {
				continue
			}
			seen[level]++
			var kept []int
			for _, o := range v.Witness {
				kept = append(kept, o.Index)
			}
			require.True(t, stillViolates(t, h, level, kept), "%s: seed %d: %v%s", level, seed, v, dump{h})
			require.NotEmpty(t, v.Reason)
		}
	}
	t.Log(seen)
	for level := range orderedLevels {
		require.Greater(t, seen[level], 50, level)
	}
}

// A transaction that reads a version and writes the register comes right behind the writer of
// what it read: what else wrote the register comes before both or after both. The rules
// infer that of all that is known, so that such transactions order versions without a rule
// of their own.
func TestReadModifyWriteOrdersVersions(t *testing.T) {
	t.Parallel()
	pairs, before, after := 0, 0, 0
	for seed := range sample(1_500, 100_000) {
		h := oracle.SomeSnapshots(seed, 14, 5, 2)
		x := timelineOf(t, h, levelSerializable)
		if x == nil {
			continue
		}
		m := newMeter(context.Background(), Budget{Steps: DefaultSteps, Bytes: DefaultBytes})
		acyclic := x.sweep()
		for acyclic && x.infer(m) {
			acyclic = x.sweep()
		}
		if !acyclic {
			continue
		}
		precedes := func(a, b int32) bool {
			chain, rank := x.place(x.commit(a))
			return x.row(x.commit(b))[chain] > rank
		}
		for n := range int32(len(x.t.ops)) {
			for _, r := range x.t.reads[n] {
				if _, wrote := x.version[[2]int32{n, r.key}]; !wrote || r.from == initial {
					continue
				}
				pairs++
				for w := range int32(len(x.t.ops)) {
					if _, wrote := x.version[[2]int32{w, r.key}]; !wrote || w == n || w == r.from {
						continue
					}
					require.Equal(t, precedes(w, r.from), precedes(w, n), "seed %d%s", seed, dump{h})
					require.Equal(t, precedes(r.from, w), precedes(n, w), "seed %d%s", seed, dump{h})
					if precedes(w, n) {
						before++
					}
					if precedes(n, w) {
						after++
					}
				}
			}
		}
	}
	t.Logf("%d such transactions; %d others known to come before, %d after", pairs, before, after)
	require.Positive(t, before)
	require.Positive(t, after)
}
