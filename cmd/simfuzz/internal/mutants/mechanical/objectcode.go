package mechanical

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Code is the machine code of copies of functions, and of the functions in them, by
// number, 0 being the copy without a mutation. The key before it names the function.
type Code map[string]map[int]string

var (
	copyName  = regexp.MustCompile(switchName + `(\d+)`)
	symbol    = regexp.MustCompile(`^(\S.*) (STEXT|SRODATA|SNOPTRDATA|SDATA|SBSS|SNOPTRBSS)\b(.*)$`)
	temporary = regexp.MustCompile(`\S+\.\.stmp_\d+`)
	codeSize  = regexp.MustCompile(`\b(args|locals)=\S+`)
)

// wrapper marks functions that the compiler made of methods.
const wrapper = "funcid=0x17 "

// ObjectCode reads what the compiler prints with -S of packages with a [Schema]: the
// bytes of each copy of a function and of the functions in it, with what they refer
// to, and without names that differ between copies, lines and tables for debuggers.
func ObjectCode(r io.Reader) (Code, error) {
	parts := make(map[string]map[int]string)
	temporaries := make(map[string]string) // contents of unnamed variables
	var name, text string
	flush := func() {
		switch {
		case strings.Contains(name, "..stmp_"):
			temporaries[name] = text
		case copyName.MatchString(name):
			number, err := strconv.Atoi(copyName.FindStringSubmatch(name)[1])
			if err != nil {
				break // more digits than any number that was given out
			}
			key := copyName.ReplaceAllString(name, switchName)
			if parts[key] == nil {
				parts[key] = make(map[int]string)
			}
			parts[key][number] = text
		}
		name, text = "", ""
	}
	in := bufio.NewScanner(r)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		l := in.Text()
		if !strings.HasPrefix(l, "\t") {
			flush()
			// A wrapper that the compiler makes of a method says nothing of its code.
			if m := symbol.FindStringSubmatch(l); m != nil && !strings.Contains(m[3], wrapper) {
				name = m[1]
				text = strings.Join(codeSize.FindAllString(m[3], -1), " ") + "\n"
			}
			continue
		}
		if name != "" && isCode(l) {
			text += copyName.ReplaceAllString(l, switchName) + "\n"
		}
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	flush()
	code := make(Code)
	for key, numbers := range parts {
		code[key] = make(map[int]string)
		for n, text := range numbers {
			text = temporary.ReplaceAllStringFunc(text, func(name string) string { return temporaries[name] })
			sum := sha256.Sum256([]byte(text))
			code[key][n] = hex.EncodeToString(sum[:])
		}
	}
	return code, nil
}

// isCode reports whether a line of a symbol is its bytes or what they refer to, and
// not their disassembly.
func isCode(l string) bool {
	l = strings.TrimPrefix(l, "\t")
	if strings.HasPrefix(l, "rel ") {
		return !strings.Contains(l, "t=R_INLMARK")
	}
	rest, ok := strings.CutPrefix(l, "0x")
	if !ok {
		return false
	}
	_, after, ok := strings.Cut(rest, " ")
	// A disassembled line has the offset again in decimal, in five digits; bytes are
	// two digits of hexadecimal each.
	return ok && len(after) > 2 && after[2] == ' '
}

// Same sorts out mutations that are no mutants of their own: those whose code is that
// of the original everywhere, and those whose code is that of an earlier one, in the
// order of numbers. A generic function has code for each instance.
func (c Code) Same() (equivalent, duplicate map[int]bool) {
	equivalent, duplicate = make(map[int]bool), make(map[int]bool)
	of := make(map[int]string) // all code of a number
	same := make(map[int]bool) // is the original's
	for _, key := range slices.Sorted(maps.Keys(c)) {
		for n, code := range c[key] {
			if n == 0 {
				continue
			}
			if _, known := of[n]; !known {
				same[n] = true
			}
			of[n] += key + "=" + code + ";"
			same[n] = same[n] && code == c[key][0]
		}
	}
	seen := make(map[string]bool)
	for _, n := range slices.Sorted(maps.Keys(of)) {
		switch {
		case same[n]:
			equivalent[n] = true
		case seen[of[n]]:
			duplicate[n] = true
		}
		seen[of[n]] = true
	}
	return equivalent, duplicate
}
