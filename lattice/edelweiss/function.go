package edelweiss

import (
	"math"
	"slices"
	"strings"
)

// Function is a named pure function of the closed table that programs may use.
// Result 0 marks one that selects.
type Function struct {
	Name   string
	Args   []Type // 0 stands for any one type, the same wherever it stands
	Result Type
	Holds  func(args []Value) bool
	Apply  func(args []Value) Value
}

// anyType is, among arguments, one type that all places of it share.
const anyType Type = 0

// functions is sorted by name. Arithmetic saturates instead of wrapping, so that
// it stays monotone, and division by zero gives 0, so that it stays total.
var functions = []Function{
	compares("!=", func(c int) bool { return c != 0 }),
	compares("<", func(c int) bool { return c < 0 }),
	compares("<=", func(c int) bool { return c <= 0 }),
	compares("=", func(c int) bool { return c == 0 }),
	compares(">", func(c int) bool { return c > 0 }),
	compares(">=", func(c int) bool { return c >= 0 }),
	arithmetic("add", saturatingAdd),
	{Name: "concat", Args: []Type{SymbolType, SymbolType}, Result: SymbolType,
		Apply: func(a []Value) Value { return Symbol(a[0].text + a[1].text) }},
	{Name: "contains", Args: []Type{NumbersType, NumberType},
		Holds: func(a []Value) bool { return a[0].Contains(a[1].num) }},
	arithmetic("div", func(a, b int64) int64 {
		switch {
		case b == 0:
			return 0
		case b == -1:
			return saturatingSub(0, a)
		}
		return a / b
	}),
	{Name: "len", Args: []Type{NumbersType}, Result: NumberType,
		Apply: func(a []Value) Value { return Number(int64(a[0].Len())) }},
	arithmetic("max", func(a, b int64) int64 { return max(a, b) }),
	arithmetic("min", func(a, b int64) int64 { return min(a, b) }),
	arithmetic("mod", func(a, b int64) int64 {
		if b == 0 || b == -1 {
			return 0
		}
		return a % b
	}),
	{Name: "prefix", Args: []Type{SymbolType, SymbolType},
		Holds: func(a []Value) bool { return strings.HasPrefix(a[0].text, a[1].text) }},
	arithmetic("sub", saturatingSub),
	{Name: "with", Args: []Type{NumbersType, NumberType}, Result: NumbersType,
		Apply: func(a []Value) Value { return a[0].with(a[1].num) }},
}

// FunctionNamed finds a function of the table, nil if there is none.
func FunctionNamed(name string) *Function {
	i := slices.IndexFunc(functions, func(f Function) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &functions[i]
}

func compares(name string, holds func(int) bool) Function {
	return Function{Name: name, Args: []Type{anyType, anyType},
		Holds: func(a []Value) bool { return holds(a[0].Compare(a[1])) }}
}

func arithmetic(name string, apply func(a, b int64) int64) Function {
	return Function{Name: name, Args: []Type{NumberType, NumberType}, Result: NumberType,
		Apply: func(a []Value) Value { return Number(apply(a[0].num, a[1].num)) }}
}

func saturatingAdd(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

func saturatingSub(a, b int64) int64 {
	switch {
	case b < 0 && a > math.MaxInt64+b:
		return math.MaxInt64
	case b > 0 && a < math.MinInt64+b:
		return math.MinInt64
	}
	return a - b
}

// with is the set with one more member.
func (v Value) with(n int64) Value {
	members := make([]int64, 0, v.Len()+1)
	for i := range v.Len() {
		members = append(members, v.Member(i))
	}
	return Numbers(append(members, n)...)
}

// aggregates are the functions of heads, with the type of their argument; sum,
// like the arithmetic above, saturates.
var aggregates = map[string]struct{ needsArg, number bool }{
	"count": {false, false}, "sum": {true, true}, "min": {true, false}, "max": {true, false},
}
