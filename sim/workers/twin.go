package workers

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/sim"
)

// checkTwin holds the end of a run against the plain thing: a map, in which all operations
// that are in the logs of sources are executed once, one after the other. Their order is
// that in which keys were written; that there is one which all keys agree on is part of
// what is checked.
func (s *system) checkTwin(w *sim.World) error {
	final, err := s.finalState(w)
	if err != nil {
		return err
	}
	ops := make(map[uint64]*operation)
	for source := range uint32(s.cfg.Sources) {
		for _, o := range s.byOffset(source) {
			if !o.settled {
				return fmt.Errorf("no outcome: operation %v has none", o.op.ID)
			}
			ops[o.tag()] = o
		}
	}
	order, err := s.serialOrder(final, ops)
	if err != nil {
		return err
	}
	return s.fold(order, ops, final)
}

// finalState is what is under each key in the end.
func (s *system) finalState(w *sim.World) (map[string]account, error) {
	final := make(map[string]account)
	for _, k := range s.keys {
		o := s.owner(w, s.cfg.PartitionOf(k))
		if o == nil {
			return nil, fmt.Errorf("no owner: of key %s", k)
		}
		b, locked, ok, err := o.Read(k)
		if err != nil || !ok {
			return nil, fmt.Errorf("key unreadable: %s: %v", k, err)
		}
		if locked {
			return nil, fmt.Errorf("key locked: %s, and nothing is under way", k)
		}
		if final[string(k)], err = decodeAccount(b); err != nil {
			return nil, fmt.Errorf("unreadable value: %s: %w", k, err)
		}
	}
	return final, nil
}

// serialOrder is an order of the operations that wrote, in which each key's were written.
func (s *system) serialOrder(final map[string]account, ops map[uint64]*operation) ([]uint64, error) {
	after := make(map[uint64][]uint64) // those that follow an operation at once, at some key
	before := make(map[uint64]int)     // how many it follows at once
	for _, k := range s.keys {
		trail := final[string(k)].trail
		for i, tag := range trail {
			o := ops[tag]
			switch {
			case o == nil:
				return nil, fmt.Errorf("written by nobody: key %s by operation %d", k, tag)
			case slices.Contains(trail[:i], tag):
				return nil, fmt.Errorf("executed twice: operation %v on key %s", o.op.ID, k)
			case i > 0:
				after[trail[i-1]] = append(after[trail[i-1]], tag)
				before[tag]++
			}
		}
	}
	var order, ready []uint64
	for _, tag := range sortedKeys(ops) {
		if before[tag] == 0 {
			ready = append(ready, tag)
		}
	}
	for len(ready) > 0 {
		tag := ready[0]
		ready = ready[1:]
		order = append(order, tag)
		for _, next := range after[tag] {
			if before[next]--; before[next] == 0 {
				ready = append(ready, next)
			}
		}
	}
	if len(order) < len(ops) {
		return nil, fmt.Errorf("not serializable: keys were written in orders that no one order has: %d of %d operations", len(order), len(ops))
	}
	return order, nil
}

// fold executes operations on the twin, which must come to the same answers and values. Of
// one that was rolled back, what it read must have been there.
func (s *system) fold(order []uint64, ops map[uint64]*operation, final map[string]account) error {
	twin := make(map[string]account)
	for _, tag := range order {
		o := ops[tag]
		if !o.settledAs.OK {
			if err := s.checkRolledBack(o, final, ops); err != nil {
				return err
			}
			continue
		}
		var accounts []account
		for _, k := range o.op.Keys {
			accounts = append(accounts, twin[string(k)])
		}
		out, result, ok := run(o.op.Procedure, o.op.Args, accounts)
		if !ok || string(result) != string(o.settledAs.Result) {
			return fmt.Errorf("wrong outcome: operation %v, %s: the twin read %x, %v; the answer %x", o.op.ID, o.op.Procedure, result, ok, o.settledAs.Result)
		}
		for i, k := range o.op.Keys {
			twin[string(k)] = out[i]
		}
	}
	for _, k := range s.keys {
		if got, want := final[string(k)], twin[string(k)]; string(got.encode()) != string(want.encode()) {
			return fmt.Errorf("wrong state: key %s is %v, the twin's is %v", k, got, want)
		}
	}
	return nil
}

// checkRolledBack: an operation that was rolled back has read what its keys once were, must
// be rolled back by that, and has written nothing.
func (s *system) checkRolledBack(o *operation, final map[string]account, ops map[uint64]*operation) error {
	var read []account
	rest := o.settledAs.Result
	for _, k := range o.op.Keys {
		amount, used := binary.Varint(rest)
		if used <= 0 {
			return fmt.Errorf("wrong outcome: operation %v was rolled back, and says not why", o.op.ID)
		}
		rest = rest[used:]
		if slices.Contains(final[string(k)].trail, o.tag()) {
			return fmt.Errorf("rollback wrote: operation %v on key %s", o.op.ID, k)
		}
		read = append(read, account{amount: amount})
	}
	if _, _, ok := run(o.op.Procedure, o.op.Args, read); ok {
		return fmt.Errorf("wrong outcome: operation %v was rolled back, and what it read lets it be executed", o.op.ID)
	}
	return nil
}
