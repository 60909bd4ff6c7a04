// Package workload draws the work that storage engines are measured with: which key
// is next, whether it is read or set, and which bytes are set (after YCSB, Cooper et
// al., SoCC'10, sections 4 and 5).
//
// One seed makes one sequence, whatever it is run on. The package runs nothing and
// measures nothing.
package workload

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// KeyBytes is the length of every key.
const KeyBytes = 16

// Key appends the name of key i, which has [KeyBytes] bytes below a million million
// keys.
func Key(dst []byte, i int) []byte { return fmt.Appendf(dst, "key-%012d", i) }

// Keys are the names of the first n keys.
func Keys(n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = Key(make([]byte, 0, KeyBytes), i)
	}
	return all
}

// Op is one operation.
type Op struct {
	Key  int  // below Options.Keys
	Read bool // else it sets
}

// Options describe a workload.
type Options struct {
	// Keys is how many there are, at least 1.
	Keys int
	// Theta is the exponent of the zipf distribution of the keys, 0 for uniform: the
	// key of rank r is drawn in proportion to 1/r^Theta. Ranks are spread over the keys.
	Theta float64
	// Reads is the share of reads, 0 to 1.
	Reads float64
	// Drift is after how many operations the ranks move on by one key, so that the hot
	// set is another one in the end; 0 for never.
	Drift int
	// Seed makes the sequence.
	Seed uint64
}

// ErrOptions reports options that describe no workload.
var ErrOptions = errors.New("workload: invalid options")

// MaxKeys bounds Options.Keys.
const MaxKeys = 1 << 30

// Workload draws operations.
type Workload struct {
	opts  Options
	rand  *rand.Rand
	place []int32   // of ranks among the keys
	sums  []float64 // of the weights of the ranks up to each; empty for uniform
	drawn int
	moved int
}

// New returns the workload that the options describe. O(keys · log keys).
func New(o Options) (*Workload, error) {
	switch {
	case o.Keys < 1 || o.Keys > MaxKeys:
		return nil, fmt.Errorf("%w: Keys %d, want 1 to %d", ErrOptions, o.Keys, MaxKeys)
	case !(o.Theta >= 0) || math.IsInf(o.Theta, 0):
		return nil, fmt.Errorf("%w: Theta %v, want 0 or more", ErrOptions, o.Theta)
	case !(o.Reads >= 0 && o.Reads <= 1):
		return nil, fmt.Errorf("%w: Reads %v, want 0 to 1", ErrOptions, o.Reads)
	case o.Drift < 0:
		return nil, fmt.Errorf("%w: Drift %d, want 0 or more", ErrOptions, o.Drift)
	}
	w := &Workload{opts: o, rand: rand.New(rand.NewPCG(o.Seed, 1)), place: make([]int32, o.Keys)}
	for i := range w.place {
		w.place[i] = int32(i)
	}
	shuffle := rand.New(rand.NewPCG(o.Seed, 2))
	shuffle.Shuffle(o.Keys, func(i, j int) { w.place[i], w.place[j] = w.place[j], w.place[i] })
	if o.Theta > 0 {
		w.sums = make([]float64, o.Keys)
		sum := 0.0
		for i := range w.sums {
			sum += math.Pow(float64(i+1), -o.Theta)
			w.sums[i] = sum
		}
	}
	return w, nil
}

// Next draws the next operation. O(log keys).
func (w *Workload) Next() Op {
	if w.drawn++; w.opts.Drift > 0 && w.drawn%w.opts.Drift == 0 {
		w.moved++
	}
	read := w.opts.Reads > 0 && w.rand.Float64() < w.opts.Reads
	return Op{Key: int(w.place[(w.rank()+w.moved)%w.opts.Keys]), Read: read}
}

func (w *Workload) rank() int {
	if len(w.sums) == 0 {
		return w.rand.IntN(w.opts.Keys)
	}
	last := len(w.sums) - 1
	at, _ := slices.BinarySearch(w.sums, w.rand.Float64()*w.sums[last])
	return min(at, last)
}

// Draw draws n operations, so that a measurement need not wait for them.
func (w *Workload) Draw(n int) []Op {
	ops := make([]Op, n)
	for i := range ops {
		ops[i] = w.Next()
	}
	return ops
}

// Values makes the bytes that are set: no two in a row are equal, and none can be
// compressed.
type Values struct {
	pool []byte
	size int
	at   int
}

// poolBytes is how many bytes there are beside one value to begin at.
const poolBytes = 1 << 16

// NewValues returns values of size bytes, at least 1.
func NewValues(seed uint64, size int) (*Values, error) {
	if size < 1 {
		return nil, fmt.Errorf("%w: values of %d bytes, want at least 1", ErrOptions, size)
	}
	v := &Values{pool: make([]byte, poolBytes+size), size: size}
	r := rand.New(rand.NewPCG(seed, 3))
	for i := range v.pool {
		v.pool[i] = byte(r.Uint32())
	}
	return v, nil
}

// Next is the next value. It must not be written to.
func (v *Values) Next() []byte {
	v.at = (v.at + 4099) % poolBytes // a prime: all beginnings come in turn
	return v.pool[v.at : v.at+v.size : v.at+v.size]
}
