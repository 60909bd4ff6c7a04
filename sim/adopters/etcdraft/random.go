package etcdraft

import (
	"crypto/rand"
	"io"
	"sync"

	"github.com/joinery-go/joinery/sim"
)

// reading is held while crypto/rand.Reader, of which the process has one, is that of a run.
var reading sync.Mutex

// choosing does work with crypto/rand.Reader reading bytes that are choices of the
// simulated run, and of no other.
func choosing(c *sim.Context, work func()) {
	reading.Lock()
	was := rand.Reader
	rand.Reader = choices{c}
	defer func() {
		rand.Reader = was
		reading.Unlock()
	}()
	work()
}

// choices is an endless stream of choices. Sixteen are enough for what the library asks,
// a timeout of ten to twenty ticks; all of them 0 is the shortest.
type choices struct{ c *sim.Context }

var _ io.Reader = choices{}

func (r choices) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.c.Choose("raft.random", 10))
	}
	return len(b), nil
}
