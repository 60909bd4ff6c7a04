package reclaim_test

import (
	"fmt"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
)

// A log of inserts and a log of deletes give each other back, and the certificate
// says why that is safe.
func ExampleRewrite() {
	p, err := el.Parse(`.decl put(id: number => val: symbol) input
.decl del(target: number) input
.decl ins(id: number => val: symbol) table
.decl dels(target: number) table
.decl view(id: number => val: symbol) output
ins(i, v) :- put(i, v).
dels(t) :- del(t).
view(i, v) :- ins(i, v), !dels(i).
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := reclaim.Rewrite(p, reclaim.All)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, rule := range r.Program.Rules {
		fmt.Println(rule)
	}
	fmt.Println("certificate:", certify.Check(p, r.Program, r.Certificate))
	// Output:
	// ins(i, v) :- put(i, v), !ins_seen(i).
	// dels(t) :- del(t).
	// view(i, v) :- ins(i, v), !dels(i).
	// ins(k0, k1) @delete :- ins(k0, k1), dels(k0).
	// dels(k0) @delete :- dels(k0), ins_seen(k0), !ins(k0, _).
	// ins_seen(k0) @next :- ins(k0, _).
	// certificate: <nil>
}
