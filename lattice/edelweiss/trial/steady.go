package trial

import (
	"fmt"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/sim"
)

// Steady is a workload at a fixed rate, operations a second until a time, to watch
// storage with: node 0 sends and gets no messages of its own, so that what it stores
// is what a sender must. It knows unicast, broadcast_fixed and atomic_registers;
// [Updates] is that of the causal store.
func Steady(program string, rate int, until sim.Time) (*Workload, error) {
	known, ok := Workloads[program]
	if !ok || rate < 1 || until <= 0 {
		return nil, fmt.Errorf("%w: nothing steady for %q at %d operations a second until %v", ErrWorkload, program, rate, until)
	}
	l := *known
	l.Until = until
	var step func(d *Draw, i int, at sim.Time)
	switch program {
	case "unicast":
		step = func(d *Draw, _ int, at sim.Time) {
			id := d.id(0, "send")
			d.Feed(at, 0, "send", el.Number(id), el.Node(1), text(id))
		}
	case "broadcast_fixed":
		l.Sealed = everyNode("node", 3)[1:]
		step = func(d *Draw, _ int, at sim.Time) {
			id := d.id(0, "send")
			d.Feed(at, 0, "send", el.Number(id), text(id))
		}
	case "atomic_registers":
		step = steadyBatches()
	default:
		return nil, fmt.Errorf("%w: nothing steady for %q", ErrWorkload, program)
	}
	l.Plan = func(d *Draw) {
		for i := 0; ; i++ {
			at := sim.Time(i) * sim.Second / sim.Time(rate)
			if at >= until {
				return
			}
			step(d, i, at)
		}
	}
	return &l, nil
}

// steadyBatches commits batches of two writes of four names; every fifth has a reader,
// who retires five batches later.
func steadyBatches() func(d *Draw, i int, at sim.Time) {
	batch, reader := int64(1), int64(1)
	var written []eval.Fact
	return func(d *Draw, i int, at sim.Time) {
		switch i % 15 {
		case 2, 5, 8, 11, 14:
			d.Feed(at, 0, "commit", el.Number(batch))
			op := &d.ops[len(d.ops)-1]
			op.Facts = append(op.Facts, written...)
			written = nil
			batch++
		case 4:
			d.Feed(at, 0, "begin_read", el.Number(reader))
			reader++
		case 10:
			if reader > 2 {
				d.Feed(at, 0, "end_read", el.Number(reader-2))
			}
		default:
			id := d.id(0, "put")
			d.Feed(at, 0, "put", el.Number(id), el.Number(batch), el.Symbol(string(rune('a'+i%4))), text(id))
			written = append(written, d.ops[len(d.ops)-1].Facts...)
		}
		d.last = [2]int64{batch, reader}
	}
}
