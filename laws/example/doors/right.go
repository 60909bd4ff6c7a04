//go:build !wrong

package doors

import (
	"encoding/json"
	"maps"
)

// Sum adds two counts.
func Sum(a, b Counts) Counts {
	m := maps.Clone(a)
	if m == nil {
		m = Counts{}
	}
	for w, n := range b {
		m[w] += n
	}
	return m
}

// Fill fills up what a does not say from b.
func Fill(a, b Config) Config {
	if a.Host == "" {
		a.Host = b.Host
	}
	if len(a.Paths) == 0 {
		a.Paths = b.Paths
	}
	return a
}

// Merge takes in what is newer in o, and returns the change.
func (p *Peers) Merge(o Peers) (change Peers, err error) { return p.merge(o) }

// Count is the delta of n votes more at a station: its new count.
func Count(s Stations, station, n int) (delta Stations) {
	delta[station] = s[station] + n
	return delta
}

// Add counts n votes more at a station.
func Add(s Stations, station, n int) Stations {
	s[station] += n
	return s
}

// Encode writes a configuration.
func Encode(c Config) ([]byte, error) { return json.Marshal(c) }

// Met says which words were met.
func Met(c Counts) map[string]bool { return Words(c) }

// Size says how much was counted.
func Size(c Counts) int { return Total(c) }

// Older says that a station's counts in a are all at most those in b.
func Older(a, b Stations) bool { return a[0] <= b[0] && a[1] <= b[1] && a[2] <= b[2] }

// Deliver adds what a message says.
func Deliver(total, n int) int { return total + n }
