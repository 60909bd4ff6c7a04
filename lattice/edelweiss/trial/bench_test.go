package trial_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
)

// BenchmarkTimestep is the cost of a timestep of the causal store on a node alone:
// a write to one of ten keys, and everything sent. The original keeps every write
// and sends it again; the rewritten program is told at once that all have it. The
// figure to read is the ratio of the two lines of one size.
func BenchmarkTimestep(b *testing.B) {
	p, r := rewritten(b, "causal_kvs")
	for _, before := range []int{0, 1_000, 10_000} {
		for name, program := range map[string]*el.Program{"original": p, "rewritten": r.Program} {
			b.Run(fmt.Sprintf("%s/after=%d", name, before), func(b *testing.B) {
				m, err := eval.New(program, eval.Options{Sealed: []eval.Fact{
					{Collection: "node", Tuple: el.Tuple{el.Node(0)}}, {Collection: "node", Tuple: el.Tuple{el.Node(1)}},
				}})
				require.NoError(b, err)
				id := int64(0)
				step := func() {
					id++
					deps := el.Numbers()
					if id > 10 {
						deps = el.Numbers(id - 10)
					}
					require.NoError(b, m.Tick(eval.Events{Inputs: []eval.Fact{{Collection: "write", Tuple: el.Tuple{
						el.Number(id), el.Symbol(string(rune('a' + id%10))), el.Symbol("v"), deps,
					}}}}))
					if name == "original" {
						return
					}
					var acks []eval.Message
					for n := range int64(2) {
						acks = append(acks, eval.Message{From: n, Fact: eval.Fact{Collection: "log_chn_ack",
							Tuple: el.Tuple{el.Node(0), el.Node(n), el.Number(id)}}})
					}
					require.NoError(b, m.Tick(eval.Events{Messages: acks}))
				}
				for range before {
					step()
				}
				b.ReportAllocs()
				for b.Loop() {
					step()
					_ = m.Sends()
				}
			})
		}
	}
}

// BenchmarkStart is the first fifty timesteps of the causal store with a write each,
// without compiling the program, the garbage of which is collected before: the
// rewritten program's include those in which it is told of its acknowledgements, and
// yet there is little to give back. Original and rewritten take turns, and what is
// compared is the two of a turn, which have the same share of a busy machine: the figure
// to read is throughput, the median over the turns of that of the rewritten program,
// where the original's is 1.
func BenchmarkStart(b *testing.B) {
	p, r := rewritten(b, "causal_kvs")
	const writes = 50
	programs := []*el.Program{p, r.Program}
	var took [2][]time.Duration
	b.ReportAllocs()
	for b.Loop() {
		for i, program := range programs {
			m, err := eval.New(program, eval.Options{Sealed: []eval.Fact{
				{Collection: "node", Tuple: el.Tuple{el.Node(0)}}, {Collection: "node", Tuple: el.Tuple{el.Node(1)}},
			}})
			require.NoError(b, err)
			events := startEvents(writes, i == 1)
			runtime.GC()
			start := time.Now()
			for _, e := range events {
				if err := m.Tick(e); err != nil {
					b.Fatal(err)
				}
				_ = m.NewSends()
			}
			took[i] = append(took[i], time.Since(start))
		}
	}
	ratios := make([]float64, len(took[0]))
	for i := range ratios {
		ratios[i] = float64(took[0][i]) / float64(took[1][i])
	}
	slices.Sort(ratios)
	for i, name := range []string{"original-ns/write", "rewritten-ns/write"} {
		slices.Sort(took[i])
		b.ReportMetric(float64(took[i][len(took[i])/2].Nanoseconds())/writes, name)
	}
	b.ReportMetric(ratios[len(ratios)/2], "throughput")
}

// startEvents are n timesteps with a write each, in which the acknowledgements of the
// write before come too.
func startEvents(n int64, acked bool) []eval.Events {
	var events []eval.Events
	for id := int64(1); id <= n; id++ {
		deps := el.Numbers()
		if id > 10 { // the write of the same key before
			deps = el.Numbers(id - 10)
		}
		e := eval.Events{Inputs: []eval.Fact{{Collection: "write", Tuple: el.Tuple{
			el.Number(id), el.Symbol(string(rune('a' + id%10))), el.Symbol("v"), deps,
		}}}}
		for node := int64(0); acked && id > 1 && node < 2; node++ {
			e.Messages = append(e.Messages, eval.Message{From: node, Fact: eval.Fact{Collection: "log_chn_ack",
				Tuple: el.Tuple{el.Node(0), el.Node(node), el.Number(id - 1)}}})
		}
		events = append(events, e)
	}
	return events
}
