// Package doors is a small program's own merges, one for each kind that laws has a
// door for: what they are checked by is one line each, in the test.
//
// Built with the tag "wrong", each has a fault that somebody made once.
package doors

import (
	"encoding/json"
	"errors"
	"maps"
)

// Config is what a program is told from several places, the first of which counts.
type Config struct {
	Host  string
	Paths []string
}

// Counts is how often each word was met.
type Counts map[string]int

// Total is the number of all words.
func Total(c Counts) int {
	n := 0
	for _, k := range c {
		n += k
	}
	return n
}

// Greatest is, of each word, the greater count.
func Greatest(a, b Counts) Counts {
	m := maps.Clone(a)
	if m == nil {
		m = Counts{}
	}
	for w, n := range b {
		m[w] = max(m[w], n)
	}
	return m
}

// Words is the set of words met.
func Words(c Counts) map[string]bool {
	w := map[string]bool{}
	for word := range c {
		w[word] = true
	}
	return w
}

// Either is the union of two sets of words.
func Either(a, b map[string]bool) map[string]bool {
	m := map[string]bool{}
	maps.Copy(m, a)
	maps.Copy(m, b)
	return m
}

// Peers is which members of a cluster were seen, and when.
type Peers struct {
	Cluster string
	Seen    map[string]int
}

// ErrCluster says that two lists are of different clusters.
var ErrCluster = errors.New("another cluster")

// merge takes in what is newer in o, and returns just that.
func (p *Peers) merge(o Peers) (change Peers, err error) {
	if o.Cluster != p.Cluster {
		return Peers{}, ErrCluster
	}
	change.Cluster = p.Cluster
	for name, at := range o.Seen {
		if at <= p.Seen[name] {
			continue
		}
		if p.Seen == nil {
			p.Seen = map[string]int{}
		}
		if change.Seen == nil {
			change.Seen = map[string]int{}
		}
		p.Seen[name], change.Seen[name] = at, at
	}
	return change, nil
}

// Stations is how many votes each of three stations has counted.
type Stations [3]int

// Join is the greater count of each station.
func Join(a, b Stations) Stations {
	for i, n := range b {
		a[i] = max(a[i], n)
	}
	return a
}

// Votes is the number of all votes.
func Votes(s Stations) int { return s[0] + s[1] + s[2] }

// Decode reads what Encode wrote.
func Decode(b []byte) (c Config, err error) {
	err = json.Unmarshal(b, &c)
	return c, err
}
