package workload_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// drawn is a plan, with the ring that it was drawn for.
func drawn(t *testing.T, seed uint64, o workload.Options) ([]workload.Operation, *ring.Ring) {
	t.Helper()
	var ids []ring.NodeID
	for n := range o.Nodes {
		ids = append(ids, ring.NodeID(n))
	}
	r, err := ring.New(ids, 4, 3)
	require.NoError(t, err)
	return workload.Draw(choice.Seeded(seed), o, r, new(workload.Memory)), r
}

// TestPlans: plans of many seeds hold what they promise, and have all that there is to
// have in them.
func TestPlans(t *testing.T) {
	met := map[string]int{}
	for seed := range uint64(1000) {
		o := workload.Options{Nodes: 3 + int(seed%4), Sessions: 4, Operations: 40, Horizon: 500 * sim.Millisecond, Tagged: seed%5 != 0}
		plan, r := drawn(t, seed, o)
		assert.GreaterOrEqual(t, len(plan), o.Operations)
		assert.LessOrEqual(t, len(plan), o.Operations+workload.Beyond)
		types, args := map[string]map[history.Type]bool{}, map[string]bool{}
		for i, x := range plan {
			require.Equal(t, uint64(i+1), x.ID)
			require.True(t, i == 0 || plan[i-1].At <= x.At, "in the order of time")
			require.Less(t, x.At, o.Horizon)
			require.Less(t, x.Session, o.Sessions)
			for _, n := range append([]int{x.Node}, x.Retries...) {
				require.Less(t, n, o.Nodes)
			}
			owners := r.Owners(r.PartitionOf(x.Key))
			if x.Func == history.Read {
				require.Equal(t, x.Amiss != workload.NotOwner, contains(owners, x.Node), "%v", x)
			}
			if types[x.Key] == nil {
				types[x.Key] = map[history.Type]bool{}
			}
			types[x.Key][x.Type] = true
			count(met, x, owners)
			if x.Func != history.Read && x.Func != history.Inc && x.Func != workload.Delete && x.Arg != "e" {
				require.False(t, args[x.Arg], "a value occurs once")
				args[x.Arg] = true
			}
			again, err := workload.ParseOperation(x.String())
			require.NoError(t, err)
			require.Equal(t, x, again)
		}
		if len(types) > 9 {
			met["many keys"]++
		}
		for _, all := range types {
			if len(all) > 1 {
				met["a key of several kinds"]++
			}
		}
	}
	for _, what := range []string{
		"read", "write", "add", "inc", "delete", "delete of an element", "batch", "batch of puts", "decrement", "huge amount", "large value", "many keys", "a key of several kinds", "given up",
		"setmap", "multivalue", "countermap", "amiss in a batch of reads", "amiss in a batch of puts", "asked again", "asked elsewhere", "both", "stranger", "owner", "kind", "deps", "clock", "wait", "arg",
	} {
		assert.Greater(t, met[what], 20, what)
	}
}

func contains(owners []ring.NodeID, n int) bool {
	for _, o := range owners {
		if int(o) == n {
			return true
		}
	}
	return false
}

// TestAcksAndTransactions: puts of some plans ask for less or more than a disk; in plans of
// transactions each operation is of one, which ends, and some read again.
func TestAcksAndTransactions(t *testing.T) {
	acks, ends, again := map[session.Ack]int{}, map[workload.End]int{}, 0
	for seed := range uint64(400) {
		o := workload.Options{Nodes: 4, Sessions: 4, Operations: 40, Horizon: 500 * sim.Millisecond, Replicas: 3, Txns: seed%2 == 1}
		plan, r := drawn(t, seed, o)
		last, read := map[int]uint64{}, map[string]bool{}
		for _, x := range plan {
			require.True(t, x.Func != history.Read || x.Ack == session.AckDurable)
			acks[x.Ack]++
			require.Equal(t, o.Txns, x.Txn > 0)
			require.LessOrEqual(t, last[x.Session], x.Txn)
			if ended := x.End != ""; o.Txns {
				if last[x.Session] = x.Txn; ended {
					last[x.Session]++
				}
			}
			ends[x.End]++
			if name := fmt.Sprint(x.Session, x.Txn, x.Key, x.Type); x.Func == history.Read && x.Txn > 0 {
				if read[name] {
					again++
				}
				read[name] = true
				require.Equal(t, x.Amiss != workload.NotOwner, contains(r.Owners(r.PartitionOf(x.Key)), x.Node), "%v", x)
			}
			back, err := workload.ParseOperation(x.String())
			require.NoError(t, err)
			require.Equal(t, x, back)
		}
	}
	for _, a := range []session.Ack{session.AckMemory, session.Owners(1), session.Owners(2), session.Owners(3)} {
		assert.Greater(t, acks[a], 40, "%v", a)
	}
	assert.Greater(t, acks[session.AckDurable], acks[session.AckMemory]*10)
	assert.Greater(t, ends[workload.Commit], ends[workload.Abort])
	assert.Greater(t, ends[workload.Abort], 100)
	assert.Greater(t, again, 100)
	for _, bad := range []string{
		`1 at 1ms s0 n0 read set "k" ack w=2`, `1 at 1ms s0 n0 add set "k" "e" ack w=99`, `1 at 1ms s0 n0 add set "k" "e" ack durable`,
		`1 at 1ms s0 n0 add set "k" "e" txn 0`, `1 at 1ms s0 n0 add set "k" "e" txn 1 maybe`, `1 at 1ms s0 n0 add set "k" "e" commit`,
	} {
		_, err := workload.ParseOperation(bad)
		assert.ErrorIs(t, err, workload.ErrPlan, bad)
	}
}

// TestDeletesInTransactions: some plans of transactions delete, and read what the same
// transaction has deleted.
func TestDeletesInTransactions(t *testing.T) {
	with, ends, own, kinds, puts := 0, map[workload.End]int{}, 0, map[string]int{}, 0
	for seed := range uint64(400) {
		for _, asked := range []bool{false, true} {
			o := workload.Options{Nodes: 4, Sessions: 4, Operations: 40, Horizon: 500 * sim.Millisecond, Replicas: 3, Txns: true, Deletes: asked}
			plan, r := drawn(t, seed, o)
			deletes, ended := 0, map[string]workload.End{}
			for i, x := range plan {
				require.Positive(t, x.Txn)
				require.Zero(t, x.Batch)
				if x.End != "" {
					ended[fmt.Sprint(x.Session, x.Txn)] = x.End
				}
				if x.Func != workload.Delete {
					continue
				}
				deletes++
				kinds[x.Kind()]++
				require.Empty(t, x.Amiss)
				if x.Sees() {
					require.True(t, contains(r.Owners(r.PartitionOf(x.Key)), x.Node), "%v", x)
				}
				for _, y := range plan[i+1:] {
					if y.Session == x.Session && y.Txn == x.Txn && y.Key == x.Key && y.Type == x.Type {
						if y.Func == history.Read {
							own++
						} else if y.Func != workload.Delete {
							puts++
						}
					}
				}
			}
			for _, x := range plan {
				if x.Func == workload.Delete {
					ends[ended[fmt.Sprint(x.Session, x.Txn)]]++
				}
			}
			if deletes > 0 {
				with++
			}
		}
	}
	assert.Greater(t, with, 200, "half of those that are to have deletes, and one in eight of the others")
	assert.Less(t, with, 280)
	for _, k := range []string{"register", "addwins", "counter"} {
		assert.Greater(t, kinds[k], 100, k)
	}
	assert.Zero(t, kinds["set"])
	assert.Greater(t, ends[workload.Commit], ends[workload.Abort])
	assert.Greater(t, ends[workload.Abort], 50)
	assert.Greater(t, own, 150)
	assert.Greater(t, puts, 50)
}

// count notes what an operation is an example of.
func count(met map[string]int, x workload.Operation, owners []ring.NodeID) {
	met[string(x.Func)]++
	met[x.Kind()]++
	if x.Batch != 0 {
		met["batch"]++
		if x.Amiss != "" && x.Func == history.Read {
			met["amiss in a batch of reads"]++
		} else if x.Amiss != "" {
			met["amiss in a batch of puts"]++
		}
		if x.Func != history.Read {
			met["batch of puts"]++
		}
	}
	if x.Func == workload.Delete && x.Arg != "" {
		met["delete of an element"]++
	}
	if x.Amiss != "" {
		met[string(x.Amiss)]++
	}
	if x.Func == history.Inc && strings.HasPrefix(x.Arg, "-") {
		met["decrement"]++
	}
	if len(x.Arg) > 16 {
		met["huge amount"]++
	}
	if strings.Contains(x.Arg, "~") {
		met["large value"]++
	}
	if !contains(owners, x.Node) && x.Func != history.Read {
		met["stranger"]++
	}
	same, elsewhere := false, false
	for _, n := range x.Retries {
		same, elsewhere = same || n == x.Node, elsewhere || n != x.Node
	}
	switch {
	case same && elsewhere:
		met["both"]++
	case same:
		met["asked again"]++
	case elsewhere:
		met["asked elsewhere"]++
	default:
		met["given up"]++
	}
}

func TestRefusedOperations(t *testing.T) {
	for _, line := range []string{
		"", "0 at 1ms s0 n0 read set \"k\"", "1 at 1ms s0 n0> read set \"k\"", "1 at 1ms s0 n0>1 read set \"k\"", "1 at 1ms s n0 read set \"k\"",
		"1 at 1ms s0 n0 read set \"k\" !", "1 at 1ms s0 n0 read set \"k\" !luck", "1 at 1ms s0 n0 read set \"k\" !arg",
		"1 at 1ms s0 n0 add set \"k\" \"e\" !wait", "1 at 1ms s0 n0 inc set \"k\" \"1\"", "1 at 1ms s0 n0 inc counter \"k\" \"one\"",
		"1 at 1ms s0 n0 add set \"k\" \"e~99999999\"", "1 at 1ms s0 n0 read set \"k\" more", "1 at 1ms s0 n0" + strings.Repeat(">n0", 9) + " read set \"k\"",
	} {
		_, err := workload.ParseOperation(line)
		assert.ErrorIs(t, err, workload.ErrPlan, "%q", line)
	}
}

// TestLargeValues: what is given to the store is as large as the plan says, comes back by
// its short name, and not with a byte of it changed, missing or added.
func TestLargeValues(t *testing.T) {
	set, ok := kind.Default().Find("set")
	require.True(t, ok)
	for _, size := range []int{8, 9, 10, 44, 45, 300, 5000} {
		o := workload.Operation{ID: 1, Func: history.Add, Type: history.Set, Key: "s", Arg: fmt.Sprintf("e12~%d", size)}
		arg, err := o.Argument(nil, false, nil)
		require.NoError(t, err)
		assert.Len(t, arg, size)
		read := func(element []byte) (workload.Reading, error) {
			v, err := set.Mutate(kind.Update{Arg: element}, nil)
			require.NoError(t, err)
			return workload.ReadingOf(history.Set, v, false, new([]history.Value))
		}
		got, err := read(arg)
		require.NoError(t, err)
		assert.True(t, got.Value.Equal(history.List(o.Value())), "%v", got.Value)
		if len(arg) == len(o.Arg) {
			continue
		}
		for at := range arg {
			bad := bytes.Clone(arg)
			bad[at] ^= 1
			if got, err := read(bad); err == nil {
				assert.False(t, got.Value.Equal(history.List(o.Value())), "byte %d of %d", at, size)
			}
		}
		for _, bad := range [][]byte{arg[:len(arg)-1], append(bytes.Clone(arg), 'x')} {
			_, err := read(bad)
			assert.Error(t, err)
		}
	}
}

// TestHugeAmounts: sums of huge amounts are shown in a unit that checkers can work with.
func TestHugeAmounts(t *testing.T) {
	counter, ok := kind.Default().Find("counter")
	require.True(t, ok)
	v := counter.New()
	want := int64(0)
	for i, n := range []int64{127 << 56, -128 << 56, 1 << 56} {
		o := workload.Operation{ID: 1, Func: history.Inc, Type: history.Counter, Key: "c", Arg: fmt.Sprint(n)}
		arg, err := o.Argument(nil, false, nil)
		require.NoError(t, err)
		d, err := counter.Mutate(kind.Update{Arg: arg, Origin: uint64(i + 1)}, nil)
		require.NoError(t, err)
		v.MergeIn(d)
		want += n >> 56
		assert.True(t, o.Value().Equal(history.Int(n>>56)))
		assert.True(t, workload.Huge([]workload.Operation{o}, "c"))
	}
	got, err := workload.ReadingOf(history.Counter, v, false, nil)
	require.NoError(t, err)
	assert.True(t, got.Value.Equal(history.Int(want)), "%v", got.Value)
}

func FuzzParseOperation(f *testing.F) {
	f.Add(`12 at 35ms s3 n1>n2 add set "k2" "e12"`)
	f.Add(`1 at 0s s0 n0 read register "r" !deps`)
	f.Fuzz(func(t *testing.T, line string) {
		o, err := workload.ParseOperation(line)
		if err != nil {
			return
		}
		again, err := workload.ParseOperation(o.String())
		require.NoError(t, err)
		require.Equal(t, o, again)
	})
}
