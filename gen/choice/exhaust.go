package choice

// Exhaust calls run once for each sequence of answers that run can be given,
// beginning with all zeros, like an odometer whose wheels appear as they are
// asked for: the last decision that has another answer moves on, and what
// followed it is asked anew. It stops when every sequence was seen, when run
// returns false, or after limit calls, and says how many calls there were and
// whether every sequence was seen.
//
// run must ask the same questions when it gets the same answers. Point.Rare is
// ignored: rare answers are enumerated like others. Memory is the length of the
// longest sequence.
func Exhaust(limit int, run func(Source) bool) (calls int, complete bool) {
	o := &odometer{}
	for calls < limit {
		o.at = 0
		calls++
		if !run(o) {
			return calls, false
		}
		o.wheels = o.wheels[:o.at]
		if !o.step() {
			return calls, true
		}
	}
	return calls, false
}

type wheel struct{ value, n uint64 }

type odometer struct {
	wheels []wheel
	at     int
}

func (o *odometer) Choose(p Point) uint64 {
	n := max(p.N, 1)
	if o.at == len(o.wheels) {
		o.wheels = append(o.wheels, wheel{n: n})
	}
	w := &o.wheels[o.at]
	o.at++
	w.n = n
	if w.value >= n {
		w.value = n - 1
	}
	return w.value
}

// step moves to the next sequence, or reports that there is none.
func (o *odometer) step() bool {
	for len(o.wheels) > 0 {
		w := &o.wheels[len(o.wheels)-1]
		if w.value+1 < w.n {
			w.value++
			return true
		}
		o.wheels = o.wheels[:len(o.wheels)-1]
	}
	return false
}
