package kind

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/joinery-go/joinery/lattice"
)

// Sum is what one origin has added, and how much of that has been taken away; more than
// there is of it is nothing yet.
type Sum = lattice.Pair[uint64, uint64]

// Sums are sums by origin, ascending by origin.
type Sums = []lattice.Entry[uint64, Sum]

// Counter is a PN-counter: per origin the sum of its increments, and of its
// decrements.
type Counter = lattice.Pair[Sums, Sums]

// CounterMerge merges counters origin by origin.
func CounterMerge() lattice.Merge[Counter] {
	sums := lattice.OrderedMapOf[uint64](lattice.PairOf(lattice.Max[uint64](), lattice.Max[uint64]()))
	return lattice.PairOf(sums, sums)
}

// CounterSpec is the kind "counter"; a put's argument is [Amount] of the signed
// change. A change that would overflow the origin's sum is refused. A delete takes away the
// amounts that it has seen, and no others: those that come to the counter besides are what
// it has from then on. One to which nothing but zero was added reads as absent.
func CounterSpec() Spec[Counter] {
	return Spec[Counter]{
		Name: "counter", Merge: CounterMerge(), Own: true, Settle: settle, Into: counterInto, Mutate: increment,
		Delete: takeAll, Sees: true,
		Absent: func(c Counter) bool { return !left(c.First) && !left(c.Second) },
	}
}

func increment(u Update, own Counter) (Counter, error) {
	n, w := binary.Varint(u.Arg)
	if w <= 0 || w != len(u.Arg) || w > 1 && u.Arg[w-1] == 0 { // the last is a padded number
		return Counter{}, fmt.Errorf("%w: not an amount", ErrArgument)
	}
	sums, size := own.First, uint64(n)
	if n < 0 {
		sums, size = own.Second, -uint64(n)
	}
	sum := sumOf(sums, u.Origin).First
	total, carry := bits.Add64(sum, size, 0)
	if carry != 0 {
		return Counter{}, fmt.Errorf("%w: %d on top of %d", ErrOverflow, n, sum)
	}
	delta := Sums{{Key: u.Origin, Val: Sum{First: total}}}
	if n < 0 {
		return Counter{Second: delta}, nil
	}
	return Counter{First: delta}, nil
}

// takeAll takes away what has been added as far as it is seen: of each origin, what it has
// added until then. What is taken away already is too, for who has not heard of that.
func takeAll(u Update, seen Counter) (Counter, error) {
	if len(u.Arg) > 0 {
		return Counter{}, errNotAll
	}
	return Counter{First: taken(seen.First), Second: taken(seen.Second)}, nil
}

func taken(seen Sums) (t Sums) {
	for _, e := range seen {
		t = append(t, lattice.Entry[uint64, Sum]{Key: e.Key, Val: Sum{Second: max(e.Val.First, e.Val.Second)}})
	}
	return t
}

func left(sums Sums) bool {
	for i := range sums {
		if sums[i].Val.First > sums[i].Val.Second {
			return true
		}
	}
	return false
}

// settle takes back the amount of a repeat, which has a sum to itself. It brings the amount
// along, for who does not have that yet.
func settle(origin uint64, c Counter) (Counter, bool) {
	up, more := settled(origin, c.First)
	down, less := settled(origin, c.Second)
	return Counter{First: up, Second: down}, more || less
}

func settled(origin uint64, sums Sums) (Sums, bool) {
	sum := sumOf(sums, origin)
	if sum.First <= sum.Second {
		return nil, false
	}
	return Sums{{Key: origin, Val: Sum{First: sum.First, Second: sum.First}}}, true
}

func sumOf(sums Sums, origin uint64) Sum {
	for i := range sums {
		if sums[i].Key == origin {
			return sums[i].Val
		}
	}
	return Sum{}
}

// Amount encodes a counter's change.
func Amount(n int64) []byte { return AppendAmount(nil, n) }

// AppendAmount appends the encoding of a counter's change.
func AppendAmount(dst []byte, n int64) []byte { return binary.AppendVarint(dst, n) }

// CounterSum is the value of a counter: increments less decrements, each less what has been
// taken away. It is an error where that does not fit an int64.
func CounterSum(c Counter) (int64, error) {
	var hi, lo uint64 // a 128-bit two's complement sum
	for _, e := range c.First {
		var carry uint64
		lo, carry = bits.Add64(lo, max(e.Val.First, e.Val.Second)-e.Val.Second, 0)
		hi += carry
	}
	for _, e := range c.Second {
		var borrow uint64
		lo, borrow = bits.Sub64(lo, max(e.Val.First, e.Val.Second)-e.Val.Second, 0)
		hi -= borrow
	}
	if hi == 0 && lo <= math.MaxInt64 || hi == math.MaxUint64 && lo > math.MaxInt64 {
		return int64(lo), nil
	}
	return 0, fmt.Errorf("%w: the sum does not fit 64 bits", ErrOverflow)
}
