//go:build wrong

package doors

import (
	"encoding/json"
	"maps"
	"slices"
)

// Sum takes equal counts for the same count, so what it gives depends on the grouping.
func Sum(a, b Counts) Counts {
	m := maps.Clone(a)
	if m == nil {
		m = Counts{}
	}
	for w, n := range b {
		if m[w] != n {
			m[w] += n
		}
	}
	return m
}

// Fill appends paths, so filling up twice is not filling up once.
func Fill(a, b Config) Config {
	if a.Host == "" {
		a.Host = b.Host
	}
	a.Paths = slices.Concat(a.Paths, b.Paths)
	return a
}

// Merge returns all that it was given as the change.
func (p *Peers) Merge(o Peers) (change Peers, err error) {
	_, err = p.merge(o)
	return o, err
}

// Count is a delta of the increment, where a state holds the count.
func Count(_ Stations, station, n int) (delta Stations) {
	delta[station] = n
	return delta
}

// Add counts at the first station wherever it happens, so that concurrent counts are lost.
func Add(s Stations, _, n int) Stations {
	s[0] += n
	return s
}

// Encode leaves out the paths.
func Encode(c Config) ([]byte, error) {
	c.Paths = nil
	return json.Marshal(c)
}

// Met leaves out words that were met once.
func Met(c Counts) map[string]bool {
	w := Words(c)
	if len(w) == 1 && Total(c) == 1 {
		clear(w)
	}
	return w
}

// Size is the mean count, which a new word may lower.
func Size(c Counts) int { return Total(c) / max(1, len(c)) }

// Older compares the votes of all stations together.
func Older(a, b Stations) bool { return Votes(a) <= Votes(b) }

// Deliver takes over what a message says.
func Deliver(_, n int) int { return n }
