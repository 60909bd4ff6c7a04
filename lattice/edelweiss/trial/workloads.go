package trial

import (
	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/sim"
)

// operations is how many operations a plan has, more or less.
const operations = 24

// Workloads are those of the programs of package programs, by their names.
var Workloads = map[string]*Workload{
	"unicast": {
		Nodes: 2, Reissue: true, Converges: []string{"delivered"}, Left: []Left{{"sbuf", ""}},
		Plan: func(d *Draw) {
			for _, at := range d.times(operations) {
				n := d.node()
				id := d.id(n, "send")
				d.Feed(at, n, "send", el.Number(id), el.Node(1-n), text(id))
			}
		},
	},
	"broadcast_fixed": {
		Nodes: 3, Sealed: everyNode("node", 3), Reissue: true, Converges: []string{"delivered"}, Left: []Left{{"sbuf", ""}},
		Plan: func(d *Draw) {
			for _, at := range d.times(operations) {
				n := d.node()
				id := d.id(n, "send")
				d.Feed(at, n, "send", el.Number(id), text(id))
			}
		},
	},
	"broadcast_epoch": {
		Nodes: 3, Converges: []string{"delivered"}, Left: []Left{{"sbuf", ""}, {"member", ""}},
		Plan: planEpochs, Close: closeEpochs,
	},
	"kvs": {
		Nodes: 3, Sealed: everyNode("node", 3), Reissue: true, Converges: []string{"view"},
		Left: []Left{{"ins_log", "view"}, {"del_log", ""}},
		Plan: func(d *Draw) {
			planDictionary(d, func() el.Value { return el.Number(d.some(1)[0]) })
		},
	},
	"kvs_by_key": {
		Nodes: 3, Sealed: everyNode("node", 3), Reissue: true, Converges: []string{"view"}, Left: []Left{{"ins_log", "view"}},
		Plan: func(d *Draw) { planDictionary(d, d.key) },
	},
	"causal_broadcast": {
		Nodes: 3, Sealed: everyNode("node", 3), Reissue: true, Converges: []string{"delivered"}, Left: []Left{{"log", ""}},
		Plan: func(d *Draw) {
			for _, at := range d.times(operations) {
				n := d.node()
				id := d.id(n, "send")
				d.Feed(at, n, "send", el.Number(id), text(id), el.Numbers(d.some(d.IntN(3))...))
				d.ids = append(d.ids, id)
			}
		},
	},
	"causal_kvs": {
		Nodes: 3, Sealed: everyNode("node", 3), Reissue: true, Converges: []string{"view"}, Answers: []string{"answer"},
		Left: []Left{{"log", ""}, {"dep", ""}, {"safe_dep", ""}, {"dom", ""}, {"read_buf", ""}, {"read_resp", ""},
			{"read_req", ""}, {"safe", "view"}},
		Plan: planCausal,
	},
	"atomic_registers": {
		Nodes: 1, Left: []Left{{"write", ""}, {"write_log", "register"}, {"reader", ""}, {"snapshot", ""}},
		Plan: planBatches, Close: closeBatches,
	},
	"request_response": {
		Nodes: 3, Reissue: true, Answers: []string{"answer"},
		Left: []Left{{"read_req", ""}, {"req_log", ""}, {"resp_log", ""}, {"did_resp", ""}},
		Plan: func(d *Draw) {
			for i, at := range d.times(operations) {
				if i%6 == 0 {
					d.Feed(at, 0, "store", el.Symbol(string(rune('a'+i/6))), text(int64(i)))
					continue
				}
				n := 1 + d.Int64N(2)
				d.Feed(at, n, "ask", el.Number(d.id(n, "ask")), el.Node(0), d.key())
			}
		},
	},
	"two_phase_commit": {
		Nodes: 3, Sealed: everyNode("voter", 3), Reissue: true, Converges: []string{"outcome"},
		Left: []Left{{"xact", ""}, {"vote_log", ""}, {"req_log", ""}, {"status", ""}},
		Plan: func(d *Draw) {
			for i, at := range d.times(operations / 4) {
				d.Feed(at, 0, "begin", el.Number(int64(i)))
				for n := range int64(3) {
					vote := el.Symbol("commit")
					if d.IntN(5) == 0 {
						vote = el.Symbol("abort")
					}
					d.Feed(sim.Time(d.Int64N(int64(d.until))), n, "vote", el.Number(int64(i)), vote)
				}
			}
		},
	},
	"graph_gc": {
		Nodes: 3, Sealed: everyNode("node", 3), Reissue: true, Converges: []string{"view"},
		Left: []Left{{"ref", "view"}, {"obj", "view"}, {"del_ref", ""}},
		Plan: planGraph,
		Close: func(d *Draw) {
			for n := range int64(3) {
				for e := range int64(graphEpochs) {
					d.Feed(d.times(1)[0], n, "all_refs", el.Number(e))
				}
			}
		},
	},
}

const epochs = 3

func planEpochs(d *Draw) {
	for e := range int64(epochs) {
		// Who says that all have joined names them again: a node that was paused may
		// take operations late.
		all := Operation{At: d.until/2 + sim.Time(d.Int64N(int64(d.until/2)))}
		for n := range int64(3) {
			if d.IntN(4) > 0 {
				d.Feed(sim.Time(d.Int64N(int64(d.until/2))), 0, "join", el.Node(n), el.Number(e))
				all.Facts = append(all.Facts, d.ops[len(d.ops)-1].Facts...)
			}
		}
		all.Facts = append(all.Facts, eval.Fact{Collection: "all_joined", Tuple: el.Tuple{el.Number(e)}})
		d.ops = append(d.ops, all)
	}
	for _, at := range d.times(operations / 2) {
		id := d.id(0, "send")
		d.Feed(at, 0, "send", el.Number(id), el.Number(d.Int64N(epochs)), text(id))
	}
}

func closeEpochs(d *Draw) {
	for e := range int64(epochs) {
		d.Feed(d.times(1)[0], 0, "all_joined", el.Number(e))
		d.Feed(d.times(1)[0], 0, "all_sent", el.Number(e))
	}
}

func planDictionary(d *Draw, target func() el.Value) {
	for _, at := range d.times(operations) {
		n := d.node()
		if len(d.ids) > 0 && d.IntN(3) == 0 {
			d.Feed(at, n, "del", el.Number(d.id(n, "del")), target())
			continue
		}
		id := d.id(n, "put")
		d.Feed(at, n, "put", el.Number(id), d.key(), text(id))
		d.ids = append(d.ids, id)
	}
}

func planCausal(d *Draw) {
	latest := map[el.Value]int64{}
	for _, at := range d.times(operations) {
		n, key := d.node(), d.key()
		deps := d.some(d.IntN(3))
		last, written := latest[key]
		if written && d.IntN(4) == 0 {
			d.Feed(at, n, "read", el.Number(d.id(n, "read")), el.Node(d.node()), key, el.Numbers(deps...))
			continue
		}
		if written && d.IntN(8) > 0 {
			deps = append(deps, last)
		}
		id := d.id(n, "write")
		d.Feed(at, n, "write", el.Number(id), key, text(id), el.Numbers(deps...))
		d.ids = append(d.ids, id)
		latest[key] = id
	}
}

func planBatches(d *Draw) {
	batch, reader := int64(1), int64(1)
	var written []eval.Fact // of the batch; who commits names them again, as above
	for i, at := range d.times(operations * 2) {
		switch {
		case i%4 == 3:
			d.Feed(at, 0, "commit", el.Number(batch))
			op := &d.ops[len(d.ops)-1]
			op.Facts = append(op.Facts, written...)
			written = nil
			batch++
		case d.IntN(4) == 0:
			d.Feed(at, 0, "begin_read", el.Number(reader))
			reader++
		case d.IntN(4) == 0:
			d.Feed(at, 0, "end_read", el.Number(1+d.Int64N(reader)))
		default:
			id := d.id(0, "put")
			d.Feed(at, 0, "put", el.Number(id), el.Number(batch), el.Symbol(string(rune('a'+i%4))), text(id))
			written = append(written, d.ops[len(d.ops)-1].Facts...)
		}
	}
	d.last = [2]int64{batch, reader}
}

// closeBatches commits once more, since a crash may have lost a commit, after a last
// write, so that there is something to read; then it retires every reader.
func closeBatches(d *Draw) {
	batches, readers := d.last[0], d.last[1]
	at := d.from
	id := d.id(0, "put")
	d.Feed(at, 0, "put", el.Number(id), el.Number(batches+1), d.key(), text(id))
	for b := int64(1); b <= batches+1; b++ {
		at += 10 * sim.Millisecond
		d.Feed(at, 0, "commit", el.Number(b))
	}
	for r := int64(1); r <= readers; r++ {
		d.Feed(at+200*sim.Millisecond, 0, "end_read", el.Number(r))
	}
}

const graphEpochs = 2

func planGraph(d *Draw) {
	type made struct{ obj, epoch int64 }
	var objects []made
	for _, at := range d.times(operations) {
		n := d.node()
		switch k := d.IntN(4); {
		case len(objects) == 0 || k == 0:
			e, id := d.Int64N(graphEpochs), d.id(n, "new_obj")
			d.Feed(at, n, "new_obj", el.Number(id), text(id), el.Number(e))
			objects = append(objects, made{id, e})
		case len(d.ids) == 0 || k < 3:
			o, id := objects[d.IntN(len(objects))], d.id(n, "new_ref")
			d.Feed(at, n, "new_ref", el.Number(id), text(id), el.Number(o.obj), el.Number(o.epoch))
			d.ids = append(d.ids, id)
		default:
			d.Feed(at, n, "drop_ref", el.Number(d.id(n, "drop_ref")), el.Number(d.some(1)[0]))
		}
	}
}

// Updates is a workload of a causal store at a fixed rate: writes a second until a
// time, of which a share in a hundred are to a key that was written before and the
// others to a new one.
func Updates(percent int, rate int, until sim.Time) *Workload {
	l := *Workloads["causal_kvs"]
	l.Until = until
	l.Plan = func(d *Draw) {
		var keys []el.Value
		latest := map[el.Value]int64{}
		for at := sim.Time(0); at < until; at += sim.Second / sim.Time(rate) {
			n := d.node()
			id := d.id(n, "write")
			var deps []int64
			var key el.Value
			if len(keys) > 0 && d.IntN(100) < percent {
				key = keys[d.IntN(len(keys))]
				deps = append(deps, latest[key])
			} else {
				key = text(id)
				keys = append(keys, key)
			}
			d.Feed(at, n, "write", el.Number(id), key, text(id), el.Numbers(deps...))
			latest[key] = id
		}
	}
	return &l
}
