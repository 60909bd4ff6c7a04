package random

import (
	crand "crypto/rand"
	"hash/maphash"
	"math/rand"
	randv2 "math/rand/v2"
)

func mutants(b []byte) {
	_ = rand.Intn(3)                   // want `math/rand.Intn draws from the global source`
	rand.Shuffle(2, func(i, j int) {}) // want `math/rand.Shuffle`
	_ = randv2.IntN(3)                 // want `math/rand/v2.IntN`
	_ = randv2.N(3)                    // want `math/rand/v2.N`
	f := randv2.Uint64                 // want `math/rand/v2.Uint64`
	_ = f
	_, _ = crand.Read(b)   // want `crypto/rand.Read`
	_ = maphash.MakeSeed() // want `hash/maphash.MakeSeed`
}

func fine(seed uint64) int {
	old := rand.New(rand.NewSource(int64(seed)))
	r := randv2.New(randv2.NewPCG(seed, 1))
	return r.IntN(3) + old.Intn(4)
}
