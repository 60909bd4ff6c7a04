package linearizability

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/contract"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
	"github.com/joinery-go/joinery/models/oracle"
)

// plainModel has, of one model, small histories, right ones and wrong ones, and what its
// definition says of one, tried by brute force.
type plainModel struct {
	some func(t *testing.T, seed uint64) (h *history.History, holds func(*history.History) bool)
}

// ofKind is a plain model whose definition hangs on nothing but the history.
func ofKind(some func(seed uint64) *history.History, holds func(*history.History) bool) plainModel {
	return plainModel{func(_ *testing.T, seed uint64) (*history.History, func(*history.History) bool) {
		return some(seed), holds
	}}
}

func smallRegister(cas bool) func(uint64) *history.History {
	return func(seed uint64) *history.History {
		return oracle.RandomRegister(seed, oracle.Shape{Ops: 5 + int(seed%3), Sessions: 3, Keys: 1 + int(seed%2), Faults: 15, Unknown: 8}, cas)
	}
}

func smallReplicated(seed uint64) *history.History {
	if seed%3 == 0 {
		return fenced(oracle.SomeSets(seed, 6, 2, 1+int(seed%2)), seed)
	}
	shape := shapeOf(seed)
	shape.Ops, shape.Sessions, shape.Keys, shape.Fence = 4, 2, 1+int(seed/2%2), seed%2 == 0
	return oracle.Random(seed, shape)
}

// objectsInTurn are the types of linearizable but texts, whose witnesses are of another
// kind (see TestTextsAgreeWithBruteForce).
var objectsInTurn = []history.Type{history.Set, history.Counter, history.MultiValue, history.Map, history.Queue, history.Register}

// inWords judges transactions by name.
func transactionsHold(level string) func(*history.History) bool {
	return func(h *history.History) bool {
		if ofLists(h) {
			return oracle.NewLists(h).Judge()[level]
		}
		o := oracle.NewTransactions(h)
		return map[string]func() bool{
			"read-committed": o.ReadCommitted, "item-cut": o.ItemCut, "read-atomic": o.ReadAtomic, "transactional-causal": o.Causal,
			"prefix": o.Prefix, "snapshot-isolation": o.Snapshot, "serializable": o.Serializable, "strict-serializable": o.StrictSerializable,
			"monotonic-atomic-view": func() bool { return o.Free().ReadCommitted() }, "pl-2": func() bool { return o.Free().PL2() },
			"read-uncommitted": func() bool { return o.Free().PL1() }, "repeatable-read": func() bool { return o.Free().Serializable() },
			"pl-si": func() bool { return o.Free().Snapshot() },
		}[level]()
	}
}

func smallTransactions(seed uint64) *history.History {
	switch seed % 3 {
	case 0:
		return oracle.SomeTransactions(seed, 6, 3, 2)
	case 1:
		return oracle.SomeSnapshots(seed, 4, 3, 2)
	}
	return oracle.SomeLists(seed, 4, 3, 2)
}

// plainModels has every model that is not a contract: those have their own table, and the
// same test, in package contract.
func plainModels() map[string]plainModel {
	linearizable := func(h *history.History) bool { return oracle.Linearizable(h) == oracle.Allowed }
	all := map[string]plainModel{
		"linearizable-register": ofKind(smallRegister(false), linearizable),
		"cas-register":          ofKind(smallRegister(true), linearizable),
		"linearizable": ofKind(func(seed uint64) *history.History {
			return oracle.RandomObject(seed, objectsInTurn[seed%uint64(len(objectsInTurn))], 4+int(seed/8%3), false)
		}, func(h *history.History) bool { return oracle.LinearizableObjects(h, false) }),
		"lww-register": ofKind(func(seed uint64) *history.History {
			return oracle.RandomObject(seed, history.Register, 4+int(seed%4), true)
		}, func(h *history.History) bool { return oracle.LinearizableObjects(h, true) }),
		"mutex": ofKind(someMutex, plainMutex),
		"etcd":  {someEtcd},
	}
	for name, holds := range byDefinition {
		all[name] = ofKind(func(seed uint64) *history.History {
			if seed%2 == 0 {
				return oracle.SomeRegisters(seed, 6, 3, 2)
			}
			return oracle.SomeStore(seed)
		}, func(h *history.History) bool {
			r, answer := oracle.NewRegisters(h)
			return answer != oracle.Forbidden && holds(r)
		})
	}
	for _, r := range transactionHierarchy() {
		all[r.level] = ofKind(smallTransactions, transactionsHold(r.level))
	}
	allowed := func(judge func(*history.History) oracle.Answer) plainModel {
		return ofKind(smallReplicated, func(h *history.History) bool { return judge(h) == oracle.Allowed })
	}
	all["eventual"], all["causal"], all["lattice-causal"] = allowed(oracle.Eventual), allowed(oracle.Causal), allowed(oracle.LatticeCausal)
	all["lattice-linearizable"] = ofKind(smallReplicated, oracle.LatticeLinearizable)
	all["pipelined"] = ofKind(smallReplicated, oracle.LatticePRAM)
	all["lattice-pram"] = ofKind(smallReplicated, oracle.LatticePRAM)
	for n, name := range []string{"lattice-ryw", "lattice-mr", "lattice-mw", "lattice-wfr"} {
		all[name] = ofKind(smallReplicated, func(h *history.History) bool {
			ryw, mr, mw, wfr := oracle.LatticeSession(h)
			return []bool{ryw, mr, mw, wfr}[n]
		})
	}
	for n, name := range []string{"explained", "strong-eventual", "settled", "convergence"} {
		all[name] = ofKind(smallReplicated, func(h *history.History) bool {
			explained, same, settled := oracle.Convergence(h)
			return []bool{explained, same, settled, explained && same && settled}[n]
		})
	}
	return all
}

// smallOf is a small history of a model, contracts included.
func smallOf(t *testing.T, model string, seed uint64) *history.History {
	if p, is := plainModels()[model]; is {
		h, _ := p.some(t, seed)
		return h
	}
	all := contract.All()
	c := all[slices.IndexFunc(all, func(c contract.Contract) bool { return c.Name == model })]
	rng := rand.New(rand.NewPCG(seed, 61))
	ops := make([]history.Op, 4+rng.IntN(8))
	for i := range ops {
		o := &ops[i]
		*o = history.Op{Type: map[string]history.Type{"lock": history.Lock, "bank": history.Bank, "unique-ids": history.IDs}[model], Func: history.Generate, Out: history.Int(int64(rng.IntN(30)))}
		switch n := int64(rng.IntN(3)); {
		case o.Type == history.Lock:
			o.Func, o.Out = []history.Func{history.Acquire, history.Release}[i%2], history.Nil
		case o.Type == history.Bank:
			o.Func, o.Out = history.Read, history.MapOf([2]history.Value{history.Int(0), history.Int(n)}, [2]history.Value{history.Int(1), history.Int(3 - n + int64(rng.IntN(9)/8))})
		case o.Type == "":
			types := []history.Type{history.Counter, history.Set, history.Queue}
			typ := types[slices.IndexFunc(types, func(typ history.Type) bool {
				return c.Describes(&ofOneObject(typ, 1, 1).Ops[0])
			})]
			return ofOneObject(typ, 12, 3)
		}
	}
	return overlapping(rng, ops)
}

// Of every model: the verdict is what its definition says, tried by brute force; a witness
// is a violation by itself, and nothing can be left out of it, closed under what operations
// rest on. Where real time counts, that is so within what was known at some time.
func TestEveryWitnessIsMinimal(t *testing.T) {
	t.Parallel()
	plain := plainModels()
	for _, m := range Models() {
		if isContract(m.Name) {
			continue // see package contract, whose test goes through all of them
		}
		require.Contains(t, plain, m.Name, "a model without a definition to try by brute force")
	}
	for name := range plain {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := checkerNamed(name)
			sizes, statuses := map[int]int{}, map[Status]int{}
			for seed := range sample(600, 1_000_000) {
				h, holds := plain[name].some(t, seed)
				v, err := Judge(context.Background(), h, name, Budget{})
				require.NoError(t, err, "seed %d%s", seed, dump{h})
				statuses[v.Status]++
				if holds(h) == (v.Status == Violation) {
					t.Fatalf("seed %d: not so by its definition: %v%s", seed, v, dump{h})
				}
				if v.Status != Violation {
					continue
				}
				sizes[len(v.Witness)]++
				if !isMinimal(t, c, h, v, holds) {
					t.Fatalf("seed %d: no violation by itself, or not minimal: %v of%s", seed, v, dump{h})
				}
			}
			t.Logf("%v, witnesses by size %v", statuses, sizes)
			require.Zero(t, statuses[Undecided])
			if name != "mw" { // which excludes nothing by itself
				require.Greater(t, statuses[Violation], int(sample(600, 1_000_000)/100))
			}
		})
	}
}

// isMinimal says so of a witness within the whole history, or what was known at some time.
func isMinimal(t *testing.T, c checker, h *history.History, v Verdict, holds func(*history.History) bool) bool {
	t.Helper()
	whole := make([]int, len(h.Ops))
	for i := range whole {
		whole[i] = i
	}
	if minimalWithin(c, h, whole, v, holds) {
		return true
	}
	for _, at := range h.Ops {
		if c.realTime && at.Return != history.Pending {
			if known, from := h.Until(at.Return); minimalWithin(c, known, from, v, holds) {
				return true
			}
		}
	}
	return false
}

func minimalWithin(c checker, h *history.History, from []int, v Verdict, holds func(*history.History) bool) bool {
	how := c.reduction(h, v)
	var kept []int
	for _, o := range v.Witness {
		kept = append(kept, slices.Index(from, o.Index))
	}
	if slices.Contains(kept, -1) || len(closed(how.Support, kept)) < len(kept) || holds(how.Restrict(kept)) {
		return false
	}
	for n := range kept {
		fewer := closed(how.Support, slices.Delete(slices.Clone(kept), n, n+1))
		if !holds(how.Restrict(fewer)) {
			return false
		}
	}
	return true
}

// reduction is how histories of the model are made smaller. What a contract says of a counter
// is said of operations as they are. The witness of a mutex begins where it was free, and has
// all that bears on it from there, as for a specification of which nothing is known.
func (c checker) reduction(h *history.History, v Verdict) models.Reduction {
	switch {
	case v.Method == byContract:
		return models.Reduction{Support: func(int) []int { return nil }, Restrict: func(kept []int) *history.History { return restricted(h, kept) }}
	case c.reduce == nil:
		how := Own{Name: c.Name}.reduction(h)
		support := how.Support
		how.Support = func(i int) []int {
			return slices.DeleteFunc(support(i), func(j int) bool { return h.Ops[j].Call < v.Witness[0].Call })
		}
		return how
	}
	return c.reduce(h)
}
