package workers

import (
	"fmt"
	"slices"
)

// execute takes an operation at a partition. If a transaction holds one of its keys, or
// there is no room for what follows from it, it is not taken, and nothing has happened.
//
// Keys are locked in the order of partitions, all of one partition at once, so those who
// wait for one another wait in that order, and none forever. At the last partition the
// operation has all its values and is decided; the others hear of the outcome by streams
// that nothing holds up.
func (w *Worker) execute(p *partition, r *request) (bool, error) {
	route := w.cfg.route(&r.op)
	at := slices.Index(route, p.id)
	if at < 0 {
		w.trouble = fmt.Errorf("%w: operation %v came to partition %d, where it has no key", ErrDecode, r.op.ID, p.id)
		return false, nil
	}
	for _, k := range r.op.Keys {
		if _, held := p.locks[string(k)]; held && w.cfg.PartitionOf(k) == p.id {
			return false, nil
		}
	}
	if at < len(route)-1 {
		return w.pass(p, r, route[at+1])
	}
	return w.decide(p, r, route[:at])
}

// read fills in the values of a partition's keys.
func (w *Worker) read(p *partition, r *request) error {
	for i, k := range r.op.Keys {
		if w.cfg.PartitionOf(k) != p.id {
			continue
		}
		v, err := w.engine.Get(dataKey(p.id, k))
		if err != nil {
			return fmt.Errorf("%w: read %q: %w", ErrEngine, k, err)
		}
		r.values[i] = v
	}
	return nil
}

// pass locks an operation's keys and hands it on to the next partition.
func (w *Worker) pass(p *partition, r *request, to uint32) (bool, error) {
	s := Stream{Request, p.id, to}
	if !w.room(p, s) || len(p.locks)+len(r.op.Keys) > w.cfg.Window*maxKeys {
		return false, nil
	}
	if err := w.read(p, r); err != nil {
		return false, err
	}
	for _, k := range r.op.Keys {
		if w.cfg.PartitionOf(k) == p.id {
			p.locks[string(k)] = r.op.ID
		}
	}
	w.push(p, s, encode(nil, r.code))
	return true, nil
}

// decide executes an operation at the last of its partitions, and tells those before, and
// the source.
func (w *Worker) decide(p *partition, r *request, before []uint32) (bool, error) {
	answer := Stream{Answered, p.id, r.op.ID.Source}
	if !answer.valid(&w.cfg) || !w.room(p, answer) {
		return false, nil
	}
	for _, q := range before {
		if !w.room(p, Stream{Finish, p.id, q}) {
			return false, nil
		}
	}
	if err := w.read(p, r); err != nil {
		return false, err
	}
	writes, result, ok, err := w.call(&r.op, r.values)
	if err != nil {
		return false, err
	}
	if err := w.write(p, w.share(p.id, r, writes)); err != nil {
		return false, err
	}
	for _, q := range before {
		f := w.share(q, r, writes)
		w.push(p, Stream{Finish, p.id, q}, encode(nil, f.code))
	}
	a := Answer{r.op.ID, ok, result}
	w.push(p, answer, encode(nil, a.code))
	return true, nil
}

// call calls a procedure, and holds it to its contract. A rollback has no writes.
func (w *Worker) call(o *Op, values [][]byte) (writes [][]byte, result []byte, ok bool, err error) {
	writes, result, ok = w.cfg.Procedures[o.Procedure](o.Args, values)
	if !ok {
		writes = nil
	}
	broken := func(format string, args ...any) error {
		return fmt.Errorf("%w: %q in operation %v: %s", ErrProcedure, o.Procedure, o.ID, fmt.Sprintf(format, args...))
	}
	if ok && len(writes) != len(o.Keys) {
		return nil, nil, false, broken("%d values for %d keys", len(writes), len(o.Keys))
	}
	for _, b := range append(slices.Clone(writes), result) {
		if len(b) > maxValue {
			return nil, nil, false, broken("%d bytes, at most %d", len(b), maxValue)
		}
	}
	return writes, result, ok, nil
}

// share is what of an operation's outcome is for a partition.
func (w *Worker) share(id uint32, r *request, writes [][]byte) *finish {
	f := &finish{id: r.op.ID}
	for i, k := range r.op.Keys {
		if w.cfg.PartitionOf(k) != id {
			continue
		}
		f.keys = append(f.keys, k)
		if writes != nil {
			f.writes = append(f.writes, writes[i])
		}
	}
	return f
}

// write writes what an operation writes at a partition, if anything.
func (w *Worker) write(p *partition, f *finish) error {
	for i, v := range f.writes {
		if i >= len(f.keys) || w.cfg.PartitionOf(f.keys[i]) != p.id {
			return fmt.Errorf("%w: operation %v writes what is not of partition %d", ErrDecode, f.id, p.id)
		}
		if err := w.engine.Set(dataKey(p.id, f.keys[i]), v); err != nil {
			return fmt.Errorf("%w: write %q: %w", ErrEngine, f.keys[i], err)
		}
	}
	return nil
}

// finish ends a transaction at a partition that it has locked.
func (w *Worker) finish(p *partition, f *finish) error {
	if err := w.write(p, f); err != nil {
		return err
	}
	for _, k := range f.keys {
		if p.locks[string(k)] == f.id {
			delete(p.locks, string(k))
		}
	}
	return nil
}
