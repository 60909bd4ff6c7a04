package command

import (
	"fmt"
	"strings"
)

// maxEdits is how many letters a word may be off to be taken for a mistyped one; a
// short word may be off by one letter in three.
const maxEdits = 2

// closest is the candidate that a mistyped word most likely stands for, or "": the
// one fewest edits away, of equals the first, or else the only one that begins with
// the word.
func closest(word string, candidates []string) string {
	word = strings.ToLower(word)
	best, fewest := "", min(maxEdits, (len([]rune(word))+1)/3)+1
	var begun []string
	for _, candidate := range candidates {
		lower := strings.ToLower(candidate)
		if n := edits(word, lower); n < fewest {
			best, fewest = candidate, n
		}
		if word != "" && strings.HasPrefix(lower, word) {
			begun = append(begun, candidate)
		}
	}
	if best == "" && len(begun) == 1 {
		return begun[0]
	}
	return best
}

// DidYouMean is a remark for the end of an error about a word, or "".
func DidYouMean(word string, candidates []string) string {
	if c := closest(word, candidates); c != "" {
		return fmt.Sprintf("; did you mean %q?", c)
	}
	return ""
}

// edits is the number of letters to insert, delete, replace, or swap with their
// neighbour, that makes one word of another (the optimal string alignment
// distance), in O(len(a)·len(b)).
func edits(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(x); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(y); j++ {
			replace := last[j-1]
			if x[i-1] != y[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(y)]
}
