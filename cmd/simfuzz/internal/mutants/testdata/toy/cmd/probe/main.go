// Command probe prints what every function of ops does.
package main

import (
	"errors"
	"fmt"
	"os"

	"example.org/toy/ops"
)

func main() {
	show("list", func() any {
		var l ops.List[string]
		return []any{l.Add("x"), l.Add("y"), l.Add("x"), l}
	})
	show("first", func() any { return []any{ops.First([]int{4, 5}), ops.First([]string(nil))} })
	show("ignore", func() any { return []any{ops.Pair{}.Ignore(1, "a"), ops.Blank(1, 2)} })
	show("sum", func() any { return []any{ops.Sum(1), ops.Sum(1, 2, 3)} })
	show("safe", func() any {
		a, err := ops.Safe([]int{1, 2}, 1)
		b, more := ops.Safe([]int{1, 2}, 2)
		return []any{a, err, b, more}
	})
	for x := -1; x < 5; x++ {
		show("between", func() any { return ops.Between(x, 1, 3) })
		show("sign", func() any { return ops.Sign(x) })
		show("name", func() any { return ops.Name(x) })
		show("middle", func() any { return ops.Middle("abcd", x) })
	}
	show("third", func() any { return []any{ops.Third(&[4]int{1, 2, 3, 4}, 2), ops.Make(1)} })
	show("reset", func() any {
		var l ops.List[string]
		l.Add("x")
		l.Reset()
		return []any{l, l.Add("x")}
	})
	show("twice", func() any { return ops.Twice(1) })
	show("move", func() any {
		p := ops.Pair{A: 1, B: 2}
		return []any{p.Move(), p, p.Move(), p}
	})
	show("apply", func() any {
		sum := 0
		err := ops.Apply([]int{5, 6, 9, 1}, func(x int) error {
			if x == 7 {
				return errors.New("seven")
			}
			sum += x
			return nil
		})
		return []any{sum, err}
	})
	os.Exit(0)
}

func show(name string, f func() any) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Println(name, "panics:", r)
		}
	}()
	fmt.Println(name, f())
}
