package linearizability

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// appended is a run of n transactions of one to four operations over lists, in Jepsen's
// form: strictly serializable, of so many processes at a time, by turns on ten keys that
// give way to fresh ones when they have grown to so many elements. With cycle set two
// transactions in the middle skew.
func appended(n, processes, elements int, cycle bool) []byte {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	type state struct {
		name int
		text []byte
		size int
	}
	keys := make([]state, 10)
	for k := range keys {
		keys[k].name = k
	}
	fresh := len(keys)
	var out bytes.Buffer
	open := make([][]byte, processes) // completions that are due
	element := 0
	for i := range n {
		p := rng.IntN(processes)
		if open[p] != nil {
			out.Write(open[p])
		}
		var begun, done bytes.Buffer
		for range 1 + rng.IntN(4) {
			k := &keys[rng.IntN(len(keys))]
			if rng.IntN(2) == 0 {
				element++
				if k.size++; k.size > 1 {
					k.text = append(k.text, ' ')
				}
				k.text = fmt.Append(k.text, element)
				fmt.Fprintf(&begun, "[:append %d %d] ", k.name, element)
				fmt.Fprintf(&done, "[:append %d %d] ", k.name, element)
			} else {
				fmt.Fprintf(&begun, "[:r %d nil] ", k.name)
				fmt.Fprintf(&done, "[:r %d [%s]] ", k.name, k.text)
			}
			if k.size == elements {
				*k = state{name: fresh}
				fresh++
			}
		}
		if cycle && i == n/2 {
			fmt.Fprint(&out, "{:type :ok, :f :txn, :process 900, :value [[:r -1 nil] [:append -2 1]]}\n{:type :ok, :f :txn, :process 901, :value [[:r -2 nil] [:append -1 1]]}\n")
		}
		fmt.Fprintf(&out, "{:type :invoke, :f :txn, :process %d, :time %d, :value [%s]}\n", p, 100*i, begun.Bytes())
		open[p] = fmt.Appendf(nil, "{:type :ok, :f :txn, :process %d, :time %d, :value [%s]}\n", p, 100*i, done.Bytes())
	}
	for _, text := range open {
		out.Write(text)
	}
	return out.Bytes()
}

// Large runs are decided, and a cycle in one is shown small.
func TestLargeListRuns(t *testing.T) {
	t.Parallel()
	for _, cycle := range []bool{false, true} {
		h, err := history.Decode(history.Auto, "appended", bytes.NewReader(appended(5_000, 20, 30, cycle)))
		require.NoError(t, err)
		for level, want := range map[string]Status{"strict-serializable": OK, "serializable": OK, "snapshot-isolation": OK, "read-committed": OK} {
			if cycle && (level == "serializable" || level == "strict-serializable") {
				want = Violation
			}
			v := mustCheck(t, h, level)
			require.Equal(t, want, v.Status, "%v", v)
			if want == Violation {
				require.Len(t, v.Witness, 4, "%v", v)
				require.Equal(t, WriteSkew, anomalyOf(v.Reason))
			}
		}
	}
}

// The cost of a million transactions beside that of reading them:
//
//	go test -run - -bench ListAppend -benchtime 1x ./linearizability
func BenchmarkListAppend(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		text := appended(n, 20, 30, false)
		var h *history.History
		b.Run(fmt.Sprintf("read/%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				var err error
				if h, err = history.Decode(history.Auto, "appended", bytes.NewReader(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, level := range []string{"serializable", "strict-serializable", "snapshot-isolation"} {
			b.Run(fmt.Sprintf("%s/%d", level, n), func(b *testing.B) {
				for b.Loop() {
					v, err := Judge(context.Background(), h, level, Budget{})
					if err != nil || v.Status != OK {
						b.Fatal(v, err)
					}
				}
			})
		}
	}
}
