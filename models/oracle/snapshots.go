package oracle

import (
	"math/rand/v2"

	"github.com/joinery-go/joinery/linearizability/history"
)

// SomeSnapshots returns a history of transactions made to fall near the borders
// between prefix consistency, snapshot isolation and serializability: sessions whose
// transactions overlap, each reading from a prefix of what had been committed when it
// began, or of less, and in some seeds now and then from another one. Whether writers
// of one register may overlap, and whether what was read may be overwritten before
// the reader commits, is drawn a seed. The same for the same seed.
func SomeSnapshots(seed uint64, txns, sessions, keys int) *history.History {
	rng := rand.New(rand.NewPCG(seed, 0x736e6170))
	r := &snapshots{
		rng: rng, keys: keys, h: &history.History{}, open: make([]*snapshotTxn, sessions), last: make([]int, sessions),
		overlap: rng.IntN(3) == 0, skew: rng.IntN(2) == 0, wrong: []int{0, 0, 8, 3}[rng.IntN(4)], old: rng.IntN(3) == 0,
	}
	for begun := 0; ; {
		s := rng.IntN(sessions)
		switch t := r.open[s]; {
		case t == nil && begun < txns:
			begun++
			r.begin(s, uint64(begun))
		case t == nil:
			if r.idle() {
				return r.h
			}
		case t.left > 0:
			r.step(s, t)
		default:
			r.commit(s, t)
		}
	}
}

// snapshots is a store that keeps every version.
type snapshots struct {
	rng                *rand.Rand
	keys               int
	h                  *history.History
	open               []*snapshotTxn // by session
	last               []int          // by session: the version that its last transaction made or saw
	states             [][]int64      // by version, from 1: what the registers hold
	overlap, skew, old bool
	wrong              int // one read of so many is of another version; 0 is none
	written            int64
}

type snapshotTxn struct {
	number uint64
	at     int // it reads from the state of this version
	left   int // operations
	own    map[int]int64
	read   map[int]int64
	ops    []int
}

func (r *snapshots) idle() bool {
	for _, t := range r.open {
		if t != nil {
			return false
		}
	}
	return true
}

func (r *snapshots) begin(s int, number uint64) {
	at := len(r.states)
	if r.old {
		at = r.last[s] + r.rng.IntN(at-r.last[s]+1)
	}
	r.open[s] = &snapshotTxn{number: number, at: at, left: 1 + r.rng.IntN(3), own: map[int]int64{}, read: map[int]int64{}}
}

// holds is the value of a register in a version, 0 for none.
func (r *snapshots) holds(version, key int) int64 {
	if version == 0 {
		return 0
	}
	return r.states[version-1][key]
}

func (r *snapshots) step(s int, t *snapshotTxn) {
	t.left--
	key := r.rng.IntN(r.keys)
	o := history.Op{
		Index: len(r.h.Ops), Session: s, Node: -1, Type: history.Register, Func: history.Read, Key: string(rune('x' + key)), Txn: t.number,
		Call: int64(2 * len(r.h.Ops)), Return: int64(2*len(r.h.Ops) + 1),
	}
	if r.rng.IntN(2) == 0 {
		r.written++
		o.Func, o.Arg = history.Write, history.Int(r.written)
		t.own[key] = r.written
	} else {
		v, mine := t.own[key]
		if !mine {
			again := false
			if v, again = t.read[key]; !again {
				at := t.at
				if r.wrong > 0 && r.rng.IntN(r.wrong) == 0 {
					at = r.rng.IntN(len(r.states) + 1)
				}
				v = r.holds(at, key)
				t.read[key] = v
			}
		}
		if v != 0 {
			o.Out = history.Int(v)
		}
	}
	t.ops = append(t.ops, o.Index)
	r.h.Ops = append(r.h.Ops, o)
}

// commit makes a new version, or aborts where the seed says that it must.
func (r *snapshots) commit(s int, t *snapshotTxn) {
	r.open[s] = nil
	stale := false
	for key := range r.keys {
		changed := r.holds(len(r.states), key) != r.holds(t.at, key)
		_, wrote := t.own[key]
		_, read := t.read[key]
		stale = stale || changed && (wrote && !r.overlap || read && len(t.own) > 0 && !r.skew)
	}
	if stale {
		for _, i := range t.ops {
			r.h.Ops[i].Outcome = history.Failed
		}
		return
	}
	if len(t.own) == 0 {
		r.last[s] = t.at
		return
	}
	next := make([]int64, r.keys)
	for key := range next {
		next[key] = r.holds(len(r.states), key)
		if v, wrote := t.own[key]; wrote {
			next[key] = v
		}
	}
	r.states = append(r.states, next)
	r.last[s] = len(r.states)
}
