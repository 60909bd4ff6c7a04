// Command toy speaks the protocol that mutants expect of the program they patch:
// run and replay with JSON lines and exit codes.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"example.org/toy/proto"
)

func main() {
	flags := map[string]uint64{}
	out := ""
	for i, a := range os.Args {
		if v, err := strconv.ParseUint(a, 10, 64); err == nil {
			flags[os.Args[i-1]] = v
		} else if i > 0 && os.Args[i-1] == "--out" {
			out = a
		}
	}
	switch os.Args[1] {
	case "run":
		os.Exit(run(flags["--seed"], flags["--seeds"], out))
	case "replay":
		os.Exit(replay(os.Args[len(os.Args)-1]))
	}
	fmt.Fprintln(os.Stderr, "toy: unknown command")
	os.Exit(3)
}

// judge runs one seed: two numbers merged both ways.
func judge(seed uint64) (trace string, oracle string) {
	a, b := int(seed*7%5), int(seed*3%5)
	proto.At([]int{1, 2, 3}, int(seed%7)) // panics where it reads behind the end
	x, y := proto.Merge(a, b), proto.Merge(b, a)
	switch {
	case x != y:
		oracle = "commutative"
	case x < a || x < b:
		oracle = "upper-bound"
	}
	return fmt.Sprintf("%d-%d", x, y), oracle
}

func run(seed, seeds uint64, out string) int {
	for s := seed; s < seed+seeds; s++ {
		trace, oracle := judge(s)
		if oracle == "" {
			continue
		}
		tape := ""
		if out != "" {
			tape = filepath.Join(out, "tape")
			if err := os.MkdirAll(out, 0o700); err != nil {
				panic(err)
			}
			if err := os.WriteFile(tape, []byte(fmt.Sprintf("%d %s", s, trace)), 0o600); err != nil {
				panic(err)
			}
		}
		fmt.Printf("{\"kind\":\"violation\",\"seed\":%d,\"oracle\":%q,\"trace_hash\":%q,\"tape\":%q}\n", s, oracle, trace, tape)
		fmt.Printf("{\"kind\":\"summary\",\"seeds\":%d,\"violations\":1}\n", s-seed+1)
		return 1
	}
	fmt.Printf("{\"kind\":\"summary\",\"seeds\":%d,\"violations\":0}\n", seeds)
	return 0
}

func replay(name string) int {
	text, err := os.ReadFile(name)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	number, recorded, _ := strings.Cut(string(text), " ")
	seed, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	trace, oracle := judge(seed)
	if oracle != "" {
		fmt.Printf("{\"kind\":\"replay\",\"trace_hash\":%q,\"violations\":[%q]}\n", trace, oracle)
		return 1
	}
	fmt.Printf("{\"kind\":\"replay\",\"trace_hash\":%q,\"violations\":[]}\n", trace)
	if trace != recorded {
		return 3
	}
	return 0
}
