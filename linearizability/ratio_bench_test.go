//go:build unix

package linearizability

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Models as a user of porcupine writes them by hand: no hash, the state in its plainest
// form, objects partitioned by key.
var byHand = map[history.Type]porcupine.Model{
	history.Register: handModel(nil, func(state any, o *history.Op) (bool, any) {
		switch pair, _ := o.Arg.AsList(); o.Func {
		case history.Write:
			return true, plainInt(o.Arg)
		case history.CAS:
			if o.Outcome == history.Failed {
				return state != plainInt(pair[0]), state
			}
			if o.Outcome == history.Unknown && state != plainInt(pair[0]) {
				return true, state
			}
			return state == plainInt(pair[0]), plainInt(pair[1])
		}
		return o.Outcome == history.Unknown || state == plainInt(o.Out), state
	}, func(a, b any) bool { return a == b }),
	history.Counter: handModel(int64(0), func(state any, o *history.Op) (bool, any) {
		n, _ := o.Arg.AsInt()
		if o.Func == history.Inc {
			return true, state.(int64) + n
		}
		out, _ := o.Out.AsInt()
		return out == state.(int64), state
	}, func(a, b any) bool { return a == b }),
	history.Text: handModel("", func(state any, o *history.Op) (bool, any) {
		text, _ := o.Arg.AsStr()
		switch o.Func {
		case history.Write:
			return true, text
		case history.Append:
			return true, state.(string) + text
		}
		out, _ := o.Out.AsStr()
		return out == state.(string), state
	}, func(a, b any) bool { return a == b }),
	history.Set: handModel([]int64(nil), func(state any, o *history.Op) (bool, any) {
		held := state.([]int64)
		if n, _ := o.Arg.AsInt(); o.Func == history.Add {
			at, is := slices.BinarySearch(held, n)
			if is {
				return true, held
			}
			return true, slices.Insert(slices.Clone(held), at, n)
		}
		list, _ := o.Out.AsList()
		return slices.EqualFunc(held, list, func(n int64, v history.Value) bool { m, _ := v.AsInt(); return m == n }), state
	}, func(a, b any) bool { return slices.Equal(a.([]int64), b.([]int64)) }),
}

// plainInt is an integer as it is in Go, nil for none.
func plainInt(v history.Value) any {
	if n, is := v.AsInt(); is {
		return n
	}
	return nil
}

func handModel(initial any, step func(state any, o *history.Op) (bool, any), equal func(a, b any) bool) porcupine.Model {
	return porcupine.Model{
		Init:  func() any { return initial },
		Step:  func(state, input, _ any) (bool, any) { return step(state, input.(*history.Op)) },
		Equal: equal,
		Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
			at := map[string]int{}
			var parts [][]porcupine.Operation
			for _, o := range all {
				k := o.Input.(*history.Op).Key
				if _, known := at[k]; !known {
					at[k] = len(parts)
					parts = append(parts, nil)
				}
				parts[at[k]] = append(parts[at[k]], o)
			}
			return parts
		},
	}
}

// asPorcupine are the operations as porcupine takes them.
func asPorcupine(h *history.History) []porcupine.Operation {
	var ops []porcupine.Operation
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Happened() || o.Func == history.CAS {
			ops = append(ops, porcupine.Operation{ClientId: o.Session, Input: o, Call: o.Call, Return: effect(o)})
		}
	}
	return ops
}

// swapping is a right run of one register by five clients that read, write and compare and
// set five values, of which some crash in so many of a hundred operations.
func swapping(n, percent int) *history.History { return crashingIn(n, percent, 100) }

// crashingIn is swapping with so many crashes in another number of operations.
func crashingIn(n, crashes, in int) *history.History {
	rng := rand.New(rand.NewPCG(8, uint64(n+crashes)))
	h := &history.History{Name: "cas", Ops: make([]history.Op, n)}
	const clients = 5
	order, instants := make([]int, n), make([]int64, n)
	var free [clients]int64
	sessions, next := [clients]int{0, 1, 2, 3, 4}, clients
	for i := range n {
		c := i % clients
		o := &h.Ops[i]
		*o = history.Op{Session: sessions[c], Node: -1, Type: history.Register, Key: "x", Func: history.Read, Call: free[c]}
		instants[i] = o.Call + 1 + rng.Int64N(1000)
		o.Return = instants[i] + 1 + rng.Int64N(1000)
		free[c], order[i] = o.Return+1, i
		switch v := history.Int(rng.Int64N(5)); rng.IntN(3) {
		case 0:
			o.Func, o.Arg = history.Write, v
		case 1:
			o.Func, o.Arg = history.CAS, history.List(v, history.Int(rng.Int64N(5)))
		}
		if rng.IntN(in) < crashes && o.IsPut() {
			o.Outcome = history.Unknown
			sessions[c] = next
			next++
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(instants[a], instants[b]) })
	now := history.Nil
	for _, i := range order {
		o := &h.Ops[i]
		if lost := o.Outcome == history.Unknown && rng.IntN(2) == 0; lost {
			continue
		}
		switch pair, _ := o.Arg.AsList(); o.Func {
		case history.Write:
			now = o.Arg
		case history.Read:
			o.Out = now
		case history.CAS:
			if now.Equal(pair[0]) {
				now = pair[1]
			} else if o.Outcome == history.OK {
				o.Outcome = history.Failed
			}
		}
	}
	for i := range h.Ops {
		if h.Ops[i].Outcome == history.Unknown {
			h.Ops[i].Return = history.Pending
		}
	}
	return inOrder(h)
}

// spoiled is a run in which the operation at some share of it, or one after it, found what
// cannot have been there: a read or a compare-and-set an older value, or a read one that
// nobody wrote.
func spoiled(b testing.TB, h *history.History, share float64, unwritten bool) *history.History {
	b.Helper()
	for at := int(share * float64(len(h.Ops))); at < len(h.Ops); at++ {
		o := &h.Ops[at]
		pair, isPair := o.Arg.AsList()
		if o.Outcome != history.OK || o.Func == history.Write || isPair && unwritten {
			continue
		}
		before := *o
		for v := range int64(5) {
			if unwritten {
				v = -1
			}
			if o.Out = history.Int(v); isPair {
				o.Out, o.Arg = history.Nil, history.List(history.Int(v), pair[1])
			}
			c, _ := checkerNamed("cas-register")
			budget, err := Budget{Steps: 400_000}.withDefaults() // more, and what crashes may have done takes it all
			require.NoError(b, err)
			r, err := c.decide(newMeter(context.Background(), budget), h)
			require.NoError(b, err)
			if r.status == Violation {
				return h
			}
			*o = before
		}
	}
	require.Fail(b, "nothing can be spoiled")
	return nil
}

// smallSet is a right run of one set by four clients, of so many elements.
func smallSet(n, elements int) *history.History {
	h := ofOneObject(history.Set, n, 4)
	for i := range h.Ops {
		o := &h.Ops[i]
		small := func(v history.Value) history.Value { m, _ := v.AsInt(); return history.Int(m % int64(elements)) }
		if o.Func == history.Add {
			o.Arg = small(o.Arg)
			continue
		}
		list, _ := o.Out.AsList()
		var fewer []history.Value
		for _, v := range list {
			fewer = append(fewer, small(v))
		}
		fewer = slices.CompactFunc(slices.SortedFunc(slices.Values(fewer), history.Value.Compare), history.Value.Equal)
		o.Out = history.List(fewer...)
	}
	return h
}

// texts is a right run of the store of texts that porcupine's logs are of.
func texts(n, clients, keys int) *history.History {
	h := saturated(n, clients)
	rng := rand.New(rand.NewPCG(9, uint64(n)))
	held := make([]string, keys)
	slices.SortStableFunc(h.Ops, func(a, b history.Op) int { return cmp.Compare(a.Call+a.Return, b.Call+b.Return) }) // an instant of each
	for i := range h.Ops {
		o := &h.Ops[i]
		k := rng.IntN(keys)
		put := o.IsPut()
		o.Type, o.Key, o.Func, o.Arg, o.Out = history.Text, fmt.Sprint(k), history.Read, history.Nil, history.Str(held[k])
		if put {
			o.Func, o.Arg, o.Out = history.Append, history.Str(fmt.Sprintf("x %d %d y", o.Session, i)), history.Nil
			held[k] += fmt.Sprintf("x %d %d y", o.Session, i)
		}
	}
	return inOrder(h)
}

// ratioCase is a family of histories of one type.
type ratioCase struct {
	name  string
	model string
	all   []*history.History
}

func ratioCases(b *testing.B) []ratioCase {
	b.Helper()
	var cases []ratioCase
	add := func(name, model string, all ...*history.History) { cases = append(cases, ratioCase{name, model, all}) }
	spoil := func(name string, h *history.History, share float64, unwritten bool) {
		if strings.Contains(name, *ratioOnly) {
			add(name, "cas-register", spoiled(b, h, share, unwritten))
		}
	}
	for _, n := range []int{200, 1000, 5000} {
		add(fmt.Sprintf("cas, 0.5%% crashes, %d", n), "cas-register", crashingIn(n, 1, 200))
	}
	for _, n := range []int{200, 1000} {
		spoil(fmt.Sprintf("cas, 0.5%% crashes, %d, wrong at 0.5", n), crashingIn(n, 1, 200), 0.5, false)
		spoil(fmt.Sprintf("cas, 0.5%% crashes, %d, wrong, unwritten", n), crashingIn(n, 1, 200), 0.5, true)
	}
	for _, percent := range []int{0, 1, 2} {
		for _, n := range []int{200, 1000, 5000} {
			add(fmt.Sprintf("cas, %d%% crashes, %d", percent, n), "cas-register", swapping(n, percent))
		}
	}
	for _, percent := range []int{0, 1, 2} {
		for _, n := range []int{200, 1000, 5000} {
			for _, share := range []float64{0.1, 0.5, 0.9} {
				if percent > 0 && share*float64(n) > 500 {
					continue // what hundreds of crashes may have done neither decides
				}
				spoil(fmt.Sprintf("cas, %d%% crashes, %d, wrong at %.1f", percent, n, share), swapping(n, percent), share, false)
			}
			spoil(fmt.Sprintf("cas, %d%% crashes, %d, wrong, unwritten", percent, n), swapping(n, percent), 0.5, true)
		}
	}
	for _, n := range []int{200, 1000, 3000} {
		add(fmt.Sprintf("set, growing, %d", n), "linearizable", ofOneObject(history.Set, n, 4))
		add(fmt.Sprintf("set, 20 elements, %d", n), "linearizable", smallSet(n, 20))
		add(fmt.Sprintf("counter, %d", n), "linearizable", ofOneObject(history.Counter, n, 4))
		add(fmt.Sprintf("texts, 10 clients, %d", n), "linearizable", texts(n, 10, 10))
	}
	etcd := etcdHistories(b)
	add("etcd logs, 102", "cas-register", etcd...)
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/anishathalye/porcupine").Output()
	require.NoError(b, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "test_data", "kv", "*.txt"))
	require.NoError(b, err)
	for _, f := range files {
		add("kv "+filepath.Base(f), "linearizable", decodedFile(b, history.Auto, f))
	}
	found, err := filepath.Glob("../../shared/histories/knossos/*/*.edn")
	require.NoError(b, err)
	for _, f := range found {
		add("knossos "+filepath.Base(f), "cas-register", decodedFile(b, history.Auto, f))
	}
	return cases
}

// ratio is that of a case.
type ratio struct {
	name string
	of   float64
}

// or is the larger ratio.
func (r ratio) or(name string, of float64) ratio {
	if of > r.of {
		return ratio{name, of}
	}
	return r
}

func decodedFile(b *testing.B, format, path string) *history.History {
	b.Helper()
	h, err := decodeFile(b, format, path)
	require.NoError(b, err)
	return h
}

// spent is the least processor time of a few runs, more of them where they are short, and
// the largest heap that they grew.
func spent(b *testing.B, runs int, do func()) (least time.Duration, grown uint64) {
	b.Helper()
	least = time.Hour
	for n, all := 0, time.Duration(0); n < runs || n < 20*runs && all < 100*time.Millisecond; n++ {
		runtime.GC()
		before := heap()
		peak := peakOf(func() {
			start := processorTime(b)
			do()
			once := processorTime(b) - start
			least, all = min(least, once), all+once
		})
		grown = max(grown, peak-min(peak, before))
	}
	return least, grown
}

var ratioOnly = flag.String("ratio", "", "of BenchmarkPorcupineRatio: only cases with this in their name")

// How Judge compares with porcupine used by hand, in one run: processor time and heap, as
// ratios, of every history that porcupine decides in half a minute. What Judge does beside,
// for witnesses and their reasons, is in it.
func BenchmarkPorcupineRatio(b *testing.B) {
	for b.Loop() {
		worst, worstHeap := ratio{}, ratio{}
		fmt.Printf("\n%-36s %10s %12s %12s %6s %9s %9s\n", "history", "verdict", "porcupine", "Judge", "×", "MiB", "MiB Judge")
		for _, c := range ratioCases(b) {
			if !strings.Contains(c.name, *ratioOnly) {
				continue
			}
			verdicts := map[Status]int{}
			ours, oursGrown := spent(b, 2, func() {
				clear(verdicts)
				for _, h := range c.all {
					v, err := Judge(context.Background(), h, c.model, Budget{})
					require.NoError(b, err)
					verdicts[v.Status]++
				}
			})
			decided := true
			theirs, theirsGrown := spent(b, 2, func() {
				for _, h := range c.all {
					ops := asPorcupine(h)
					answer := porcupine.CheckOperationsTimeout(byHand[h.Ops[0].Type], ops, 30*time.Second)
					decided = decided && answer != porcupine.Unknown
					if len(c.all) == 1 && answer != porcupine.Unknown {
						require.Equal(b, map[porcupine.CheckResult]Status{porcupine.Ok: OK, porcupine.Illegal: Violation}[answer] == OK, verdicts[OK] == 1, c.name)
					}
				}
			})
			if !decided {
				fmt.Printf("%-36s %10v %12s %12v\n", c.name, verdicts, "over 30 s", ours.Round(time.Microsecond))
				continue
			}
			fmt.Printf("%-36s %10v %12v %12v %6.2f %9.2f %9.2f\n", c.name, verdicts, theirs.Round(time.Microsecond), ours.Round(time.Microsecond),
				float64(ours)/float64(theirs), float64(theirsGrown)/mebi, float64(oursGrown)/mebi)
			worst = worst.or(c.name, float64(ours)/float64(theirs))
			if oursGrown > mebi/10 { // less is of the collector
				worstHeap = worstHeap.or(c.name, float64(oursGrown)/float64(max(theirsGrown, 1)))
			}
		}
		fmt.Printf("worst: %.2f × the time (%s), %.2f × the memory where it is 0.1 MiB or more (%s)\n", worst.of, worst.name, worstHeap.of, worstHeap.name)
	}
}
