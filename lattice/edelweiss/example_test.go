package edelweiss_test

import (
	"fmt"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// A program in the text form is parsed, and what is wrong with it said in full.
func ExampleCheck() {
	p, err := el.Parse(`.decl x(k: number) table
.decl y(k: number) scratch
.decl c(@to: node, k: number) channel

y(k) :- x(k), !y(k).
c(self, k) @async :- y(k).
x(k) @delete :- x(k).
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(el.Check(p))
	// Output:
	// 6:22: transient source: channel c derives from scratch y, which is gone after the timestep; keep what is to be sent in a table, and send from there
	// 7:1: deletion: x is deleted from; leave it out: say in a negation what the tuple is no longer needed for, and the rewrites delete it
}

// A program, built in Go and printed.
func ExamplePrint() {
	p := &el.Program{
		Collections: []el.Collection{
			el.Decl(el.Table, "x", el.Key("k", el.NumberType), el.Payload("v", el.SymbolType)),
			el.Decl(el.Table, "gone", el.Key("k", el.NumberType)),
			el.Decl(el.Output, "view", el.Key("k", el.NumberType), el.Payload("v", el.SymbolType)),
		},
		Rules: []el.Rule{el.When(el.Now, el.A("view", "k", "v"), el.Is(el.A("x", "k", "v")), el.Not(el.A("gone", "k")))},
	}
	fmt.Print(el.Print(p))
	// Output:
	// .decl x(k: number => v: symbol) table
	// .decl gone(k: number) table
	// .decl view(k: number => v: symbol) output
	//
	// view(k, v) :- x(k, v), !gone(k).
}
