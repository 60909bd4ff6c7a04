package oracle

import (
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// access is one operation before its value is chosen.
type access struct {
	session, key int
	read         bool
}

// AllRegisters yields every history of exactly n register operations in at most
// the given number of sessions and keys, one of each class up to renaming of
// sessions, keys and values. Every write has a value of its own; a read returns
// nil or any value written to its key. Operations follow one another in time, session by session.
func AllRegisters(n, sessions, keys int) iter.Seq[*history.History] {
	return func(yield func(*history.History) bool) {
		for sizes := range partitions(n, sessions, n) {
			if !fill(nil, sizes, keys, func(ops []access) bool {
				return values(ops, 0, nil, func(sources []int) bool {
					return !canonical(ops, sources, sizes, keys) || yield(build(ops, sources))
				})
			}) {
				return
			}
		}
	}
}

// partitions yields the ways to write n as a sum of at most k falling parts.
func partitions(n, k, most int) iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		if n == 0 {
			yield(nil)
			return
		}
		for first := min(n, most); k > 0 && first > 0; first-- {
			for rest := range partitions(n-first, k-1, first) {
				if !yield(append([]int{first}, rest...)) {
					return
				}
			}
		}
	}
}

// fill chooses kind and key of every operation, then calls found.
func fill(ops []access, sizes []int, keys int, found func([]access) bool) bool {
	session, used := 0, 0
	for at := len(ops); session < len(sizes) && at >= sizes[session]; session++ {
		at -= sizes[session]
	}
	if session == len(sizes) {
		return found(ops)
	}
	for _, o := range ops {
		used = max(used, o.key+1)
	}
	for key := range min(keys, used+1) {
		for _, read := range []bool{false, true} {
			if !fill(append(ops, access{session, key, read}), sizes, keys, found) {
				return false
			}
		}
	}
	return true
}

// canonical reports whether no renaming of sessions of equal length and of keys
// gives a history that comes before this one.
func canonical(ops []access, sources, sizes []int, keys int) bool {
	own := code(ops, sources, identity(len(ops)), identity(keys))
	least := true
	permute(identity(len(sizes)), 0, func(order []int) {
		for s, was := range order {
			if sizes[s] != sizes[was] {
				return
			}
		}
		place := places(order, sizes)
		permute(identity(keys), 0, func(name []int) {
			least = least && slices.Compare(own, code(ops, sources, place, name)) <= 0
		})
	})
	return least
}

// places says which operation comes where when the sessions are in this order.
func places(order, sizes []int) []int {
	start := make([]int, len(sizes)+1)
	for s, n := range sizes {
		start[s+1] = start[s] + n
	}
	var place []int
	for _, s := range order {
		for i := start[s]; i < start[s+1]; i++ {
			place = append(place, i)
		}
	}
	return place
}

func code(ops []access, sources, place, name []int) []int {
	where := make([]int, len(ops))
	for at, i := range place {
		where[i] = at
	}
	var c []int
	for _, i := range place {
		source := sources[i]
		if source >= 0 {
			source = where[source]
		}
		c = append(c, name[ops[i].key], source)
	}
	return c
}

func identity(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	return p
}

// permute visits every order of p from position k on.
func permute(p []int, k int, visit func([]int)) {
	if k == len(p) {
		visit(p)
		return
	}
	for i := k; i < len(p); i++ {
		p[k], p[i] = p[i], p[k]
		permute(p, k+1, visit)
		p[k], p[i] = p[i], p[k]
	}
}

// values chooses what each read returns.
func values(ops []access, i int, sources []int, yield func([]int) bool) bool {
	if i == len(ops) {
		return yield(sources)
	}
	if !ops[i].read {
		return values(ops, i+1, append(sources, -2), yield)
	}
	for j := -1; j < len(ops); j++ {
		if j >= 0 && (ops[j].read || ops[j].key != ops[i].key) {
			continue
		}
		if !values(ops, i+1, append(sources, j), yield) {
			return false
		}
	}
	return true
}

func build(ops []access, sources []int) *history.History {
	h := &history.History{Name: "enumerated", Ops: make([]history.Op, len(ops))}
	for i, a := range ops {
		o := &h.Ops[i]
		*o = history.Op{
			Index: i, Session: a.session, Node: -1, Type: history.Register, Func: history.Write,
			Key: string(rune('x' + a.key)), Call: int64(2 * i), Return: int64(2*i + 1),
		}
		switch {
		case !a.read:
			o.Arg = history.Int(int64(i + 1))
		case sources[i] >= 0:
			o.Func, o.Out = history.Read, history.Int(int64(sources[i]+1))
		default:
			o.Func = history.Read
		}
	}
	return h
}

// SomeRegisters returns a history of the kind that AllRegisters yields, drawn at
// random, the same for the same seed.
func SomeRegisters(seed uint64, n, sessions, keys int) *history.History {
	rng := rand.New(rand.NewPCG(seed, 0x736f6d65))
	ops := make([]access, n)
	for i := range ops {
		ops[i] = access{rng.IntN(sessions), rng.IntN(keys), rng.IntN(5) < 3}
	}
	var sources []int
	for i, o := range ops {
		choice := []int{-1}
		for j, w := range ops {
			if !w.read && w.key == o.key {
				choice = append(choice, j)
			}
		}
		sources = append(sources, -2)
		if o.read {
			sources[i] = choice[rng.IntN(len(choice))]
		}
	}
	return build(ops, sources)
}

// SomeTransactions returns a history as SomeRegisters does, its sessions cut into
// transactions at random, of which few are aborted.
func SomeTransactions(seed uint64, n, sessions, keys int) *history.History {
	h := SomeRegisters(seed, n, sessions, keys)
	rng := rand.New(rand.NewPCG(seed, 0x74786e73))
	txn := make([]uint64, sessions)
	aborted := make([]bool, sessions)
	for i := range h.Ops {
		o := &h.Ops[i]
		if s := o.Session; txn[s] == 0 || rng.IntN(2) == 0 {
			txn[s]++
			aborted[s] = rng.IntN(16) == 0
		}
		o.Txn = txn[o.Session]
		if aborted[o.Session] {
			o.Outcome = history.Failed
		}
	}
	return h
}

// SomeSets returns a tagged history of the kind that AllSets yields, drawn at
// random.
func SomeSets(seed uint64, n, sessions, keys int) *history.History {
	h := asSets(SomeRegisters(seed, n, sessions, keys))
	rng := rand.New(rand.NewPCG(seed, 0x73657473))
	for i := range h.Ops {
		r := &h.Ops[i]
		if r.Func != history.Read {
			continue
		}
		r.Saw = []uint64{}
		var elems []history.Value
		for _, p := range putsOn(h, object(r)) {
			likely := 3 // of four, where it came first
			if p.Index > i {
				likely = 1
			}
			if rng.IntN(4) < likely {
				r.Saw, elems = append(r.Saw, p.Tag), append(elems, p.Arg)
			}
		}
		r.Out = history.SetOf(elems...)
	}
	return h
}

// SomeStore returns a register history made to fall near the borders between
// causal consistency, causal memory and causal convergence: three sessions that
// write and read few registers by way of views which receive writes in orders of
// their own. The same for the same seed.
func SomeStore(seed uint64) *history.History {
	rng := rand.New(rand.NewPCG(seed, 0x73746f72))
	if seed%3 > 0 {
		return aroundFigure(rng, seed%3 == 1)
	}
	sessions, keys := 2+rng.IntN(2), 1+rng.IntN(2)
	n := 5 + rng.IntN(4)
	ops, sources := make([]access, n), make([]int, n)
	latest := make([]map[int]int, sessions) // what each session's view holds
	for s := range latest {
		latest[s] = map[int]int{}
	}
	for i := range ops {
		s, k := rng.IntN(sessions), rng.IntN(keys)
		ops[i] = access{s, k, rng.IntN(5) < 3}
		if !ops[i].read {
			sources[i] = -2
			latest[s][k] = i
			continue
		}
		if rng.IntN(2) == 0 { // receive some write, however late
			if j := rng.IntN(i + 1); j < i && !ops[j].read {
				latest[s][ops[j].key] = j
			}
		}
		sources[i] = -1
		if j, held := latest[s][k]; held {
			sources[i] = j
		}
	}
	return build(ops, sources)
}

// planned is an operation and, for reads, what it returns, by place in a plan.
type planned struct {
	access
	source int
}

// aroundFigure returns a variant of the shortest history that is convergent but
// not causal memory (one session sees another one's last write but not its
// first, and its own write prevails over the one in between), or the other way
// round (two sessions each overwrite the other one's write). Both are too rare to
// be met by chance. Up to four operations are strewn in.
func aroundFigure(rng *rand.Rand, convergent bool) *history.History {
	const x, y, z = 0, 1, 2
	plan := []planned{
		{access{0, x, false}, -2}, {access{0, x, true}, 2}, {access{1, x, false}, -2}, {access{1, x, true}, 0},
	}
	if convergent {
		plan = []planned{
			{access{0, z, false}, -2}, {access{0, x, false}, -2}, {access{0, y, false}, -2},
			{access{1, x, false}, -2}, {access{1, z, true}, -1}, {access{1, y, true}, 2}, {access{1, x, true}, 3},
		}
	}
	for range rng.IntN(5) {
		extra := planned{access{rng.IntN(3), rng.IntN(4), rng.IntN(3) > 0}, -2}
		if extra.read {
			extra.source = -1
			for j, w := range plan {
				if !w.read && w.key == extra.key && rng.IntN(2) == 0 {
					extra.source = j
				}
			}
		}
		at := rng.IntN(len(plan) + 1)
		plan = slices.Insert(plan, at, extra)
		for i := range plan {
			if plan[i].source >= at {
				plan[i].source++
			}
		}
	}
	ops, sources := make([]access, len(plan)), make([]int, len(plan))
	for i, p := range plan {
		ops[i], sources[i] = p.access, p.source
	}
	return build(ops, sources)
}
