package linearizability_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// A client reads a value that another one has overwritten meanwhile: no order
// of the operations explains that.
func ExampleJudge() {
	log := "INFO  jepsen.util - 0\t:invoke\t:write\t1\n" +
		"INFO  jepsen.util - 0\t:ok\t:write\t1\n" +
		"INFO  jepsen.util - 1\t:invoke\t:write\t2\n" +
		"INFO  jepsen.util - 1\t:ok\t:write\t2\n" +
		"INFO  jepsen.util - 2\t:invoke\t:read\tnil\n" +
		"INFO  jepsen.util - 2\t:ok\t:read\t1\n"
	h, err := history.Decode("porcupine-etcd", "example.log", strings.NewReader(log))
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := linearizability.Judge(context.Background(), h, "cas-register", linearizability.Budget{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v)
	// Output:
	// cas-register: violation: register "": #2 read 1 after #1 had written 2, and nothing wrote 1 in between: #0 had written 1 before #1 was called
	//   #0 s0 [1,2] register "" write 1 ok
	//   #1 s1 [3,4] register "" write 2 ok
	//   #2 s2 [5,6] register "" read -> 1 ok
}

// Two replicas have settled, and yet one of them has not got an element that
// was acknowledged.
func ExampleConvergence() {
	h := &history.History{
		Tagged: true,
		Fences: []int64{10},
		Ops: []history.Op{
			{Index: 0, Session: 0, Node: 0, Type: history.Set, Func: history.Add, Key: "k", Arg: history.Int(7), Call: 0, Return: 3, Tag: 1},
			{Index: 1, Session: 0, Node: 0, Type: history.Set, Func: history.Read, Key: "k", Out: history.List(history.Int(7)), Saw: []uint64{1}, Call: 11, Return: 12},
			{Index: 2, Session: 1, Node: 1, Type: history.Set, Func: history.Read, Key: "k", Out: history.List(), Saw: []uint64{}, Call: 12, Return: 13},
		},
	}
	fmt.Println(linearizability.Convergence(h))
	// Output:
	// convergence: violation: set "k": read #2 misses put #0, acknowledged before the fence
	//   #0 s0@n0 [0,3] set "k" add 7 ok tag 1
	//   #2 s1@n1 [12,13] set "k" read -> [] ok saw []
}

// One history of the size of a simulated run, by each model that describes it.
func BenchmarkCheck(b *testing.B) {
	h := oracle.Random(1, oracle.Shape{
		Ops: 40, Sessions: 4, Keys: 3, Tagged: true, Stamped: true, Unique: true,
		Causal: true, Sticky: true, Fence: true, Unknown: 10,
	})
	for _, model := range []string{"convergence", "lattice-causal", "eventual", "causal"} {
		b.Run(model, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v, err := linearizability.Judge(context.Background(), h, model, linearizability.Budget{})
				if err != nil || v.Status != linearizability.OK {
					b.Fatal(v, err)
				}
			}
		})
	}
}
