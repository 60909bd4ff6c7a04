package reads

import (
	"context"

	"github.com/joinery-go/joinery/lattice/flow"
)

type stock struct{ Left int }

func read(n flow.State[int], b flow.State[bool], m flow.State[map[string]int], s flow.State[stock]) int {
	v, ok := flow.Read(n)
	if !ok {
		return 0
	}
	if v == 3 { // want `v is compared by ==, which is not monotone, and it may still rise`
		return 1
	}
	if v != 3 { // want `v is compared by !=`
		return 2
	}
	if v < 3 { // want `v is compared by <`
		return 3
	}
	if v <= 3 { // want `v is compared by <=`
		return 4
	}
	if 3 > v { // want `v is compared by >`
		return 5
	}
	if 3 >= (v) { // want `v is compared by >=`
		return 6
	}
	switch v { // want `v is switched on`
	case 1:
	}
	done, _ := flow.Read(b)
	if !done { // want `!done is not monotone`
		return 7
	}
	counts, _ := flow.Read(m)
	if len(counts) == 2 { // want `len\(counts\) is compared by ==`
		return 8
	}
	var left, _ = flow.Read(s)
	if left.Left == 0 { // want `left.Left is compared by ==`
		return 9
	}
	return 0
}

func told(n flow.State[int], alert func()) {
	flow.Subscribe(n, func(v int) {
		if v == 10 { // want `v is compared by ==`
			alert()
		}
		if v >= 10 {
			alert()
		}
	})
}

func assigned(n flow.State[int]) (v int) {
	v, _ = flow.Read(n)
	for v < 10 { // want `v is compared by <`
		v, _ = flow.Read(n)
	}
	return v
}

// What follows is monotone, complete, or not of a state.

func enough(n flow.State[int], m flow.State[map[string]int]) bool {
	v, ok := flow.Read(n)
	counts, _ := flow.Read(m)
	return ok && v > 3 && v >= 4 && 3 < v && 4 <= v && len(counts) > 1 && counts != nil
}

func complete(n flow.State[int]) bool {
	v, _ := flow.Read(n)
	return flow.Complete(n) && v == 3
}

func sealed(n flow.State[int]) bool {
	v, _ := flow.Read(flow.Seal(n))
	return v == 3
}

func ran(s *flow.Scheduler, n flow.State[int]) bool {
	if err := s.Run(context.Background()); err != nil {
		return false
	}
	v, ok := flow.Read(n)
	return ok && v == 3
}

func final(n flow.State[int], sub *flow.Subscription[int]) bool {
	v, _ := flow.Read(n)
	return sub.Final() && v != 3
}

func shown(n flow.State[int]) bool {
	v, _ := flow.Read(n)
	return v == 3 //joinery:vetted it is for a progress bar, which may be late
}

func both(a, b flow.State[int]) bool {
	v, _ := flow.Read(a)
	w := 3
	return w == 3 && v > w
}

func unread(n map[int]int) bool {
	v, ok := n[1]
	return ok && v == 3
}
