package mechanical

import (
	"encoding/binary"
	"fmt"
	"go/ast"
	"hash/fnv"
	"slices"
	"strings"
)

// Kind is what a mutation does.
type Kind string

// The kinds of mutations.
const (
	Flip        Kind = "flip"         // a comparison flipped: < for >, == for !=
	OffByOne    Kind = "off-by-one"   // < for <=, an index or bound one further
	Negate      Kind = "negate"       // the condition of an if or for negated
	Logic       Kind = "logic"        // && for ||
	Arithmetic  Kind = "arithmetic"   // + for -, * for /, & for |, << for >>, ++ for --
	Constant    Kind = "constant"     // another number, or true for false
	DropStmt    Kind = "drop-stmt"    // a statement dropped
	DropCall    Kind = "drop-call"    // a call made for its effect dropped
	SwapArgs    Kind = "swap-args"    // neighbouring arguments of one type swapped
	EarlyReturn Kind = "early-return" // a function, loop or branch left as it begins
	DeleteCase  Kind = "delete-case"  // a case of a switch or select deleted
	MinMax      Kind = "min-max"      // min for max
	ClearField  Kind = "clear-field"  // a field not set, or set to its zero value
)

// Kinds lists all kinds of mutations.
func Kinds() []Kind {
	return []Kind{
		Flip, OffByOne, Negate, Logic, Arithmetic, Constant, DropStmt, DropCall, SwapArgs, EarlyReturn, DeleteCase, MinMax, ClearField,
	}
}

// Mutation is one small fault of one file.
type Mutation struct {
	Name    string // unique: PACKAGE.FUNCTION/KIND/NUMBER, the number counting within the function
	Kind    Kind
	Package string // import path
	File    string // relative to the module's root, with slashes
	Func    string // function, "Type.Method", or the name declared
	Line    int    // 1 is the first
	Was     string // the source lines it changes, spaces collapsed and the middle of long text left out
	Now     string // the same lines in the mutant

	edit edit
	file *file
	decl *ast.FuncDecl // nil outside of functions
}

// Switchable reports whether the mutation can share a build with others.
func (m *Mutation) Switchable() bool { return m.decl != nil }

// Apply returns the mutant's version of its file.
func (m *Mutation) Apply() []byte { return apply(m.file.text, m.edit) }

// edit replaces the bytes from start to end of a file.
type edit struct {
	start, end int
	text       string
}

// apply carries out edits, which do not overlap.
func apply(text []byte, edits ...edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.start - b.start })
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(append(out, text[at:e.start]...), e.text...)
		at = e.end
	}
	return append(out, text[at:]...)
}

// describe fills in the line and the text before and after.
func (m *Mutation) describe() {
	text := m.file.text
	start, end := m.edit.start, m.edit.end
	m.Line = 1 + strings.Count(string(text[:start]), "\n")
	for start > 0 && text[start-1] != '\n' {
		start--
	}
	for end < len(text) && text[end] != '\n' {
		end++
	}
	m.Was = brief(string(text[start:end]))
	m.Now = brief(string(text[start:m.edit.start]) + m.edit.text + string(text[m.edit.end:end]))
}

// nothing stands for lines of which nothing is left.
const nothing = "(nothing)"

// brief puts lines into one of at most about 160 bytes.
func brief(lines string) string {
	s := strings.Join(strings.Fields(lines), " ")
	if s == "" {
		return nothing
	}
	if len(s) > 160 {
		s = strings.ToValidUTF8(s[:100], "") + " … " + strings.ToValidUTF8(s[len(s)-50:], "")
	}
	return s
}

// name numbers mutations within each function and kind, in the order of the source.
func name(module string, list []*Mutation) {
	count := make(map[string]int)
	for _, m := range list {
		pkg := strings.TrimPrefix(strings.TrimPrefix(m.Package, module), "/")
		key := fmt.Sprintf("%s.%s/%s", pkg, m.Func, m.Kind)
		count[key]++
		m.Name = fmt.Sprintf("%s/%d", key, count[key])
	}
}

// Order sorts mutations by chance: by a hash of the seed and of what each changes.
// The first N of them are a sample of size N, and a larger sample contains a smaller
// one of the same seed.
func Order(list []*Mutation, seed uint64) []*Mutation {
	keys := make(map[*Mutation]uint64, len(list))
	for _, m := range list {
		h := fnv.New64a()
		h.Write(binary.BigEndian.AppendUint64(nil, seed)) // a hash takes everything
		h.Write([]byte(m.Name + "\x00" + m.Was + "\x00" + m.Now))
		keys[m] = scramble(h.Sum64())
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b *Mutation) int {
		switch ka, kb := keys[a], keys[b]; {
		case ka < kb:
			return -1
		case ka > kb:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

// scramble spreads what FNV leaves in the low bits over all of them (the finaliser of
// MurmurHash3).
func scramble(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
