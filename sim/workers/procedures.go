package workers

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	kw "github.com/joinery-go/joinery/kvs/workers"
)

// account is what the workload keeps under a key: an amount, and the tags of all operations
// that wrote it, in their order. So what is in a store tells what was executed, how often,
// and in which order.
type account struct {
	amount int64
	trail  []uint64
}

func (a *account) encode() []byte {
	b := binary.AppendVarint(nil, a.amount)
	for _, tag := range a.trail {
		b = binary.AppendUvarint(b, tag)
	}
	return b
}

// decodeAccount reads an account; none is an empty one.
func decodeAccount(b []byte) (account, error) {
	var a account
	if len(b) == 0 {
		return a, nil
	}
	amount, n := binary.Varint(b)
	if n <= 0 {
		return a, fmt.Errorf("an account of %d bytes has no amount", len(b))
	}
	a.amount, b = amount, b[n:]
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return a, fmt.Errorf("an account has a tag cut off")
		}
		a.trail, b = append(a.trail, tag), b[n:]
	}
	return a, nil
}

const modulus = 1_000_003

// compute is what each procedure does to amounts; most of them do not commute. ok is false
// for what is rolled back.
var compute = map[string]func(n int64, amounts []int64) ([]int64, bool){
	"add": func(n int64, a []int64) ([]int64, bool) {
		return []int64{(a[0] + n) % modulus}, true
	},
	"scale": func(n int64, a []int64) ([]int64, bool) {
		return []int64{(a[0]*3 + n) % modulus}, true
	},
	"move": func(n int64, a []int64) ([]int64, bool) {
		out := slices.Clone(a)
		for i := 1; i < len(out); i++ {
			out[0] -= n
			out[i] += n
		}
		return out, out[0] >= 0
	},
	"rotate": func(n int64, a []int64) ([]int64, bool) {
		out := append(slices.Clone(a[1:]), a[0])
		out[0] = (out[0] + n) % modulus
		return out, true
	},
}

// arguments are an operation's tag and number.
func arguments(tag uint64, n int64) []byte {
	return binary.AppendVarint(binary.AppendUvarint(nil, tag), n)
}

func parseArguments(b []byte) (tag uint64, n int64) {
	tag, used := binary.Uvarint(b)
	n, _ = binary.Varint(b[max(used, 0):])
	return tag, n
}

// run executes a procedure on accounts. The result is the amounts that it read. What there is
// of a procedure that is rolled back must not be written.
func run(name string, args []byte, accounts []account) (out []account, result []byte, ok bool) {
	tag, n := parseArguments(args)
	amounts := make([]int64, len(accounts))
	for i, a := range accounts {
		amounts[i] = a.amount
		result = binary.AppendVarint(result, a.amount)
	}
	after, ok := compute[name](n, amounts)
	for i, a := range accounts { // where it is rolled back, nobody may look at it
		out = append(out, account{after[i], append(slices.Clone(a.trail), tag)})
	}
	return out, result, ok
}

// procedures are those of the workload, for workers.
func procedures() map[string]kw.Procedure {
	out := make(map[string]kw.Procedure)
	for name := range compute { //joinery:anyorder fills a map
		out[name] = func(args []byte, values [][]byte) (writes [][]byte, result []byte, ok bool) {
			accounts := make([]account, len(values))
			for i, v := range values {
				a, err := decodeAccount(v)
				if err != nil {
					panic("sim/workers: a store gave back what was never written: " + err.Error())
				}
				accounts[i] = a
			}
			after, result, ok := run(name, args, accounts)
			for _, a := range after {
				writes = append(writes, a.encode())
			}
			return writes, result, ok
		}
	}
	return out
}

// keyNames are the keys of the workload.
func keyNames(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = []byte("k" + strconv.Itoa(i))
	}
	return out
}

// parseOp makes an operation of the words of a plan: keys joined by commas, and a number.
func parseOp(procedure, keys, arg string, tag uint64) (kw.Op, error) {
	n, err := strconv.ParseInt(arg, 10, 32)
	if err != nil {
		return kw.Op{}, fmt.Errorf("the argument of %s: %w", procedure, err)
	}
	o := kw.Op{Procedure: procedure, Args: arguments(tag, n)}
	for k := range strings.SplitSeq(keys, ",") {
		o.Keys = append(o.Keys, []byte(k))
	}
	return o, nil
}
