package linearizability

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// saturated is a linearizable run of one register by clients that never pause:
// each operation takes effect at an instant within its interval.
func saturated(n, clients int) *history.History {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	type instant struct {
		at int64
		op int
	}
	h := &history.History{Name: "saturated", Ops: make([]history.Op, n)}
	effects := make([]instant, n)
	free := make([]int64, clients)
	for i := range n {
		c := i % clients
		o := &h.Ops[i]
		*o = history.Op{Session: c, Node: -1, Type: history.Register, Func: history.Read, Key: "x", Call: free[c]}
		if rng.IntN(2) == 0 {
			o.Func, o.Arg = history.Write, history.Int(int64(i+1))
		}
		effects[i] = instant{o.Call + 1 + rng.Int64N(1000), i}
		o.Return = effects[i].at + 1 + rng.Int64N(1000)
		free[c] = o.Return + 1
	}
	slices.SortFunc(effects, func(a, b instant) int { return cmp.Compare(a.at, b.at) })
	var now history.Value
	for _, e := range effects {
		if o := &h.Ops[e.op]; o.IsPut() {
			now = o.Arg
		} else {
			o.Out = now
		}
	}
	return inOrder(h)
}

func inOrder(h *history.History) *history.History {
	slices.SortStableFunc(h.Ops, func(a, b history.Op) int { return cmp.Compare(a.Call, b.Call) })
	for i := range h.Ops {
		h.Ops[i].Index = i
	}
	return h
}

// lagging is a causally convergent run: all writes go to one log, of which each
// session sees a prefix that lags, and its own writes.
func lagging(n, sessions, keys int) *history.History {
	rng := rand.New(rand.NewPCG(2, uint64(n)))
	h := &history.History{Name: "lagging", Ops: make([]history.Op, n)}
	log := 0                         // writes so far
	onKey := make([][]int, keys)     // by key: places in the log, ascending
	value := make([]int64, 0, n)     // by place in the log
	prefix := make([]int, sessions)  // by session: what it sees of the log
	own := make([]map[int]int, keys) // by key: session -> place of its last write
	for k := range own {
		own[k] = make(map[int]int)
	}
	for i := range n {
		s, k := rng.IntN(sessions), rng.IntN(keys)
		o := &h.Ops[i]
		*o = history.Op{
			Index: i, Session: s, Node: -1, Type: history.Register, Func: history.Read, Key: fmt.Sprint(k),
			Call: int64(2 * i), Return: int64(2*i + 1),
		}
		if rng.IntN(2) == 0 {
			o.Func, o.Arg = history.Write, history.Int(int64(i+1))
			onKey[k] = append(onKey[k], log)
			value = append(value, int64(i+1))
			own[k][s] = log
			log++
			continue
		}
		if rng.IntN(4) == 0 {
			prefix[s] = max(prefix[s], log-rng.IntN(min(log+1, 500)))
		}
		at, _ := slices.BinarySearch(onKey[k], prefix[s])
		place := -1
		if at > 0 {
			place = onKey[k][at-1]
		}
		if mine, ok := own[k][s]; ok {
			place = max(place, mine)
		}
		if place >= 0 {
			o.Out = history.Int(value[place])
		}
	}
	return h
}

// received is a run of causal memory that does not converge: each session applies
// the writes of the others in an order of its own, each once it has applied what
// came causally before, and reads what it applied last.
func received(n, sessions, keys int) *history.History {
	rng := rand.New(rand.NewPCG(4, uint64(n)))
	type write struct {
		key   int
		value int64
		past  []int32 // by session: how many of its writes come causally before
	}
	h := &history.History{Name: "received", Ops: make([]history.Op, n)}
	sent := make([][]write, sessions)
	applied := make([][]int32, sessions) // by session and origin: how many
	holds := make([][]int64, sessions)   // by session and key
	for s := range sessions {
		applied[s], holds[s] = make([]int32, sessions), make([]int64, keys)
	}
	for i := range n {
		s, k := rng.IntN(sessions), rng.IntN(keys)
		for range 2 * sessions { // receive about as fast as others write
			from := rng.IntN(sessions)
			next := int(applied[s][from])
			if from == s || next == len(sent[from]) || slices.ContainsFunc(sent[from][next:next+1], func(w write) bool {
				for c, t := range w.past {
					if applied[s][c] < t {
						return true
					}
				}
				return false
			}) {
				continue
			}
			w := sent[from][next]
			applied[s][from]++
			holds[s][w.key] = w.value
		}
		o := &h.Ops[i]
		*o = history.Op{
			Index: i, Session: s, Node: -1, Type: history.Register, Func: history.Read, Key: fmt.Sprint(k),
			Call: int64(2 * i), Return: int64(2*i + 1),
		}
		if rng.IntN(2) == 0 {
			o.Func, o.Arg = history.Write, history.Int(int64(i+1))
			sent[s] = append(sent[s], write{k, int64(i + 1), slices.Clone(applied[s])})
			applied[s][s]++
			holds[s][k] = int64(i + 1)
		} else if v := holds[s][k]; v != 0 {
			o.Out = history.Int(v)
		}
	}
	return h
}

// joined is a tagged run of grow sets in which each read sees every add so far. A
// thousand sets are in use at a time, each for some twenty operations: sets that
// grow for ever would cost their size a read, whatever the checker.
func joined(n, sessions int) *history.History {
	rng := rand.New(rand.NewPCG(3, uint64(n)))
	h := &history.History{Name: "joined", Tagged: true, Ops: make([]history.Op, n)}
	adds := make([][]int, n/20+1000)
	for i := range n {
		k := i/20_000*1000 + rng.IntN(1000)
		o := &h.Ops[i]
		*o = history.Op{
			Index: i, Session: rng.IntN(sessions), Node: -1, Type: history.Set, Func: history.Read, Key: fmt.Sprint(k),
			Call: int64(2 * i), Return: int64(2*i + 1),
		}
		if rng.IntN(2) == 0 {
			o.Func, o.Arg, o.Tag = history.Add, history.Int(int64(i)), uint64(i+1)
			adds[k] = append(adds[k], i)
			continue
		}
		var elems []history.Value
		o.Saw = []uint64{}
		for _, j := range adds[k] {
			elems, o.Saw = append(elems, h.Ops[j].Arg), append(o.Saw, h.Ops[j].Tag)
		}
		o.Out = history.List(elems...)
	}
	return h
}

var benchSessions = 20

// sized makes the run on which a level's cost is measured.
func sized(model string, n int) *history.History {
	switch model {
	case "linearizable-register":
		return saturated(n, benchSessions)
	case "lattice-causal":
		return joined(n, benchSessions)
	case "cm", "pram":
		return received(n, benchSessions, 1000)
	}
	return lagging(n, benchSessions, 1000)
}

var costly = []string{"linearizable-register", "cc", "ccv", "cm", "pram", "lattice-causal"}

func BenchmarkLevels(b *testing.B) {
	for _, model := range costly {
		for _, n := range []int{10_000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", model, n), func(b *testing.B) {
				h := sized(model, n)
				b.ReportAllocs()
				for b.Loop() {
					v, err := Judge(context.Background(), h, model, Budget{})
					if err != nil || v.Status != OK {
						b.Fatal(v, err)
					}
				}
				perOp := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(n)
				b.ReportMetric(perOp, "ns/operation")
				b.ReportMetric(perOp/float64(benchSessions), "ns/operation/session")
			})
		}
	}
}

// A violation hidden in a large history is found and shown small.
func TestLargeViolationsShrink(t *testing.T) {
	for _, model := range []string{"linearizable-register", "cc", "ccv", "lattice-causal", "ryw+mr", "pram", "transactional-causal"} {
		h := sized(model, 20_000)
		for i := 15_000; ; i++ { // lose what the session had seen
			r := &h.Ops[i]
			if r.IsPut() || r.Out.IsNil() {
				continue
			}
			before := slices.IndexFunc(h.Ops[:i], func(o history.Op) bool {
				return o.Session == r.Session && o.Key == r.Key && o.Return < r.Call && (o.IsPut() || !o.Out.IsNil())
			})
			if before < 0 {
				continue
			}
			r.Out = history.Nil
			if h.Tagged {
				r.Saw = []uint64{}
			}
			break
		}
		v := mustCheck(t, h, model)
		require.Equal(t, Violation, v.Status, model)
		require.LessOrEqual(t, len(v.Witness), 6, "%v", v)
	}
}
