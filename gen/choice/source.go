package choice

import "math/bits"

// Seeded answers every decision from a seed. The answer depends on the seed,
// the site and the key alone, so asking in another order, or asking more, leaves
// the other answers as they were. It remembers sites, and so is not safe for
// concurrent use.
func Seeded(seed uint64) Source { return &seeded{seed: Mix(0, seed)} }

// Reseeded is Seeded with another seed. It takes over src, which is not to be used any
// more, with what that remembers, if it is from Seeded or Reseeded.
func Reseeded(src Source, seed uint64) Source {
	s, ok := src.(*seeded)
	if !ok {
		return Seeded(seed)
	}
	s.seed = Mix(0, seed)
	return s
}

// seeded keeps the hashes of sites once it has been asked for a while: hashing a
// name costs more than all the rest of an answer, but for a few answers keeping
// does not pay.
type seeded struct {
	seed  uint64
	asked int
	sites []siteHash
}

type siteHash struct {
	site string
	hash uint64 // of the name
	seed uint64
	at   uint64 // the seed with the name folded in
}

const (
	askedForAWhile = 32
	maxSites       = 16
)

// at is the seed with the site folded in.
func (s *seeded) at(site string) uint64 {
	for i := range s.sites {
		if known := &s.sites[i]; known.site == site {
			if known.seed != s.seed {
				known.seed, known.at = s.seed, mixHash(s.seed, known.hash, len(site))
			}
			return known.at
		}
	}
	hash := hashOf(site)
	at := mixHash(s.seed, hash, len(site))
	if s.asked++; s.asked > askedForAWhile && len(s.sites) < maxSites {
		s.sites = append(s.sites, siteHash{site, hash, s.seed, at})
	}
	return at
}

func (s *seeded) Choose(p Point) uint64 {
	if p.N <= 1 {
		return 0
	}
	h := Mix(s.at(p.Site), p.Key)
	if p.Rare != 0 {
		if uint32(h) >= p.Rare {
			return 0
		}
		return 1 + below(Mix(h, 1), p.N-1)
	}
	return below(h, p.N)
}

// below maps the uniform word h to [0, n) by multiplication; the bias is below
// n/2^64.
func below(h, n uint64) uint64 {
	hi, _ := bits.Mul64(h, n)
	return hi
}

// Benign answers 0 to everything: no fault, no delay, the simplest value.
var Benign Source = benign{}

type benign struct{}

func (benign) Choose(Point) uint64 { return 0 }

// Decision is one answered point, as a tape records it.
type Decision struct {
	Site  string `json:"site"`
	Key   uint64 `json:"key"`
	Value uint64 `json:"value"`
}

// Recorder passes decisions on to Src and keeps those whose answer was not 0,
// in the order they were first asked.
type Recorder struct {
	Src       Source
	Decisions []Decision
}

// Choose answers from Src and records.
func (r *Recorder) Choose(p Point) uint64 {
	v := r.Src.Choose(p)
	if v != 0 {
		r.Decisions = append(r.Decisions, Decision{Site: p.Site, Key: p.Key, Value: v})
	}
	return v
}

// Replay answers from recorded decisions and 0 wherever none is recorded. An
// answer recorded for a larger N is reduced to the largest that fits.
type Replay struct {
	answers map[siteKey]uint64
	asked   map[siteKey]bool
}

type siteKey struct {
	site string
	key  uint64
}

// NewReplay returns a source that answers as ds say; later entries win.
func NewReplay(ds []Decision) *Replay {
	r := &Replay{answers: make(map[siteKey]uint64, len(ds)), asked: make(map[siteKey]bool, len(ds))}
	for _, d := range ds {
		r.answers[siteKey{d.Site, d.Key}] = d.Value
	}
	return r
}

// Choose answers p as recorded.
func (r *Replay) Choose(p Point) uint64 {
	k := siteKey{p.Site, p.Key}
	v, ok := r.answers[k]
	if !ok {
		return 0
	}
	r.asked[k] = true
	if v >= p.N {
		v = p.N - 1
	}
	return v
}

// Unasked returns the decisions of ds that the run never came to ask; dropping
// them from a tape changes nothing.
func (r *Replay) Unasked(ds []Decision) []Decision {
	var out []Decision
	for _, d := range ds {
		if !r.asked[siteKey{d.Site, d.Key}] {
			out = append(out, d)
		}
	}
	return out
}
