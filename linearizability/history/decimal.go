package history

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

// Decimal returns the number that the text writes, as in -1.50e3, and whether it
// writes one. The number is exact, whatever its digits, and is the same for all
// texts of it: 1.5 and 1.50 are equal, as are 2, 2.0 and 20e-1, which are
// integers. Exponents are bounded to 32 bits. O(length).
func Decimal(text string) (v Value, ok bool) {
	digits, exp, negative, ok := splitDecimal(text)
	if !ok {
		return Nil, false
	}
	kept := strings.TrimRight(digits, "0")
	exp += int64(len(digits) - len(kept))
	kept = strings.TrimLeft(kept, "0")
	switch {
	case kept == "":
		return Int(0), true
	case exp < math.MinInt32 || exp > math.MaxInt32:
		return Nil, false
	}
	sign := ""
	if negative {
		sign = "-"
	}
	if exp >= 0 && int64(len(kept))+exp <= 19 {
		if n, err := strconv.ParseInt(sign+kept+strings.Repeat("0", int(exp)), 10, 64); err == nil {
			return Int(n), true
		}
	}
	return Value{kind: KindDecimal, str: sign + kept + "e" + strconv.FormatInt(exp, 10)}, true
}

// splitDecimal takes a text apart: the number is ±digits·10^exp.
func splitDecimal(text string) (digits string, exp int64, negative, ok bool) {
	text, negative = strings.CutPrefix(text, "-")
	if !negative {
		text = strings.TrimPrefix(text, "+")
	}
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		var err error
		if exp, err = strconv.ParseInt(text[at+1:], 10, 32); err != nil {
			return "", 0, false, false
		}
		text = text[:at]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	digits = whole + fraction
	if whole == "" || strings.Trim(digits, "0123456789") != "" {
		return "", 0, false, false
	}
	return digits, exp - int64(len(fraction)), negative, true
}

// A decimal is kept as its digits without zeros around them, a sign before a
// negative one, and behind an e the power of ten: 1.5 is 15e-1.
func decimalParts(s string) (digits string, exp int, negative bool) {
	s, negative = strings.CutPrefix(s, "-")
	digits, power, _ := strings.Cut(s, "e")
	exp, _ = strconv.Atoi(power) // written by Decimal
	return digits, exp, negative
}

// compareDecimals orders two decimals by number.
func compareDecimals(a, b string) int {
	aDigits, aExp, aNegative := decimalParts(a)
	bDigits, bExp, bNegative := decimalParts(b)
	switch {
	case aNegative && !bNegative:
		return -1
	case bNegative && !aNegative:
		return 1
	}
	// The first digits weigh 10^(exp+len-1); where that is the same, digits compare
	// from the left, and a longer number is the greater one.
	c := cmp.Or(cmp.Compare(aExp+len(aDigits), bExp+len(bDigits)), strings.Compare(aDigits, bDigits))
	if aNegative {
		return -c
	}
	return c
}

// mostZeros bounds the zeros that are written out for a decimal.
const mostZeros = 20

// plainDecimal writes a decimal for people, which JSON can read too: 1.5, 0.01,
// 12e40.
func plainDecimal(s string) string {
	digits, exp, negative := decimalParts(s)
	sign := ""
	if negative {
		sign = "-"
	}
	switch point := len(digits) + exp; {
	case exp >= 0 && exp <= mostZeros:
		return sign + digits + strings.Repeat("0", exp)
	case exp < 0 && point > 0:
		return sign + digits[:point] + "." + digits[point:]
	case exp < 0 && point > -mostZeros:
		return sign + "0." + strings.Repeat("0", -point) + digits
	}
	return s
}
