// Package choice is the one tape on which everything that a generator or the
// simulator decides is written: bounded integers asked for at named points,
// where 0 is always the simplest or most benign answer.
//
// Seeded randomness, recorded tapes, fuzzing bytes, rapid and exhaustive
// enumeration are all a [Source]; code that asks does not know which. The
// package decides nothing about what a choice means and keeps no global state.
package choice

// Point identifies one decision and bounds its answer.
type Point struct {
	// Site names the place in the program that asks ("net.drop", "int").
	Site string
	// Key tells apart the decisions asked at one site. In the simulator it is
	// a hash of lineage, so that it stays put when other decisions change; in
	// a sequential draw it is the ordinal of the draw.
	Key uint64
	// N is the number of answers, at least 1; an answer is in [0, N).
	N uint64
	// Rare, if not zero, asks for a skewed answer: 0 except with probability
	// Rare/2^32, otherwise uniform in [1, N). Sources that are not random (replay,
	// exhaustive) ignore it.
	Rare uint32
}

// Source answers decisions. An answer out of [0, p.N) is a bug of the source.
type Source interface {
	Choose(p Point) uint64
}

// Permille converts a probability in thousandths to a [Point.Rare] value.
// 1000 and above give the largest skew (the answer is 0 with probability 2^-32).
func Permille(p int) uint32 {
	switch {
	case p <= 0:
		return 0
	case p >= 1000:
		return 1<<32 - 1
	}
	return uint32(uint64(p) << 32 / 1000)
}

// Mix folds v into the hash h. It is the one hash from which lineage keys, seeded
// answers and trace hashes are made, and it is stable: tapes depend on it.
func Mix(h, v uint64) uint64 {
	h ^= v + 0x9e3779b97f4a7c15 + h<<6 + h>>2
	h ^= h >> 30
	h *= 0xbf58476d1ce4e5b9
	h ^= h >> 27
	h *= 0x94d049bb133111eb
	return h ^ h>>31
}

// MixString folds the bytes of s and its length into h.
func MixString(h uint64, s string) uint64 { return mixHash(h, hashOf(s), len(s)) }

// mixHash folds the hash of a string and its length into h.
func mixHash(h, hash uint64, length int) uint64 { return Mix(Mix(h, hash), uint64(length)) }

// hashOf is a hash of the bytes of s alone.
func hashOf(s string) uint64 {
	const prime = 1099511628211
	f := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		f = (f ^ uint64(s[i])) * prime
	}
	return f
}

// MixBytes folds the bytes of b and its length into h.
func MixBytes(h uint64, b []byte) uint64 {
	const prime = 1099511628211
	f := uint64(14695981039346656037)
	for _, c := range b {
		f = (f ^ uint64(c)) * prime
	}
	return Mix(Mix(h, f), uint64(len(b)))
}
