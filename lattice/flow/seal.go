package flow

import "github.com/joinery-go/joinery/lattice"

// Seal has no value until s is final, and then the value of s. What is behind it
// may be non-monotone: this is where a graph waits for all of its input.
func Seal[T any](s State[T]) State[T] {
	n := lost(s.Graph()).add("seal", sealRule)
	o := &seal[T]{n: n, up: readState(s, n, "")}
	out := newState(n, o.up.m)
	o.cell = out.cell
	n.task = &task{n: n, run: o.run}
	return out
}

// SealWhen is [Seal] that also opens where when has become true. That nothing comes
// afterwards is a claim of who builds the graph: a value that grows after it was
// sealed ends the run with [ErrSealBroken].
func SealWhen[T any](s State[T], when State[bool]) State[T] {
	n := lost(s.Graph()).add("seal", sealRule)
	asks(n, "when", lattice.Or())
	o := &seal[T]{n: n, up: readState(s, n, ""), when: readState(when, n, "when")}
	out := newState(n, o.up.m)
	o.cell = out.cell
	n.task = &task{n: n, run: o.run}
	return out
}

type seal[T any] struct {
	n    *node
	up   *cell[T]
	when *cell[bool]
	ver  uint64 // of up, when it was sealed
	cell *cell[T]
}

func (o *seal[T]) run() status {
	o.cell.resume()
	if o.cell.done {
		if o.ver != o.up.ver {
			return o.n.stop(ErrSealBroken, "make the condition wait for all that the value needs")
		}
		return o.after()
	}
	if !o.up.done && (o.when == nil || !o.when.val) {
		return pending
	}
	o.ver = o.up.ver
	if o.up.has {
		if st := o.cell.rise(o.up.val); st != ready {
			return st
		}
	}
	o.cell.finish()
	return o.after()
}

// after waits for what would break the seal.
func (o *seal[T]) after() status {
	if o.up.done {
		return done
	}
	return pending
}
