package eval_test

import (
	"fmt"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
)

// A machine takes events a timestep at a time; what it must send stays until a
// deletion or an acknowledgement in the program ends it.
func ExampleMachine() {
	p, err := el.Parse(`.decl say(id: number => text: symbol) input
.decl said(id: number => text: symbol) table
.decl chn(@to: node, id: number => text: symbol) channel
said(i, t) :- say(i, t).
chn(@1, i, t) @async :- said(i, t).
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := eval.New(p, eval.Options{Self: 0})
	if err != nil {
		fmt.Println(err)
		return
	}
	say := func(id int64, text string) eval.Fact {
		return eval.Fact{Collection: "say", Tuple: el.Tuple{el.Number(id), el.Symbol(text)}}
	}
	for _, e := range []eval.Events{{Inputs: []eval.Fact{say(1, "hello")}}, {Inputs: []eval.Fact{say(2, "again")}}, {}} {
		if err := m.Tick(e); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("new", m.NewSends(), "of", m.Sends())
	}
	// Output:
	// new [chn(@1, 1, "hello")] of [chn(@1, 1, "hello")]
	// new [chn(@1, 2, "again")] of [chn(@1, 1, "hello") chn(@1, 2, "again")]
	// new [] of [chn(@1, 1, "hello") chn(@1, 2, "again")]
}
