package store_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestVersionsOfFewKeys sets and deletes two keys between snapshots, openings and background work, so
// that merges leave nothing of what is published, or of what is not, or of either: a version is what
// the state was when it was taken.
func TestVersionsOfFewKeys(t *testing.T) {
	for _, name := range mergeEngines {
		t.Run(name, func(t *testing.T) {
			empty := 0
			for seed := range uint64(150) {
				empty += fewKeys(t, name, seed)
			}
			require.Greater(t, empty, 100, "versions without a key")
		})
	}
}

func fewKeys(t *testing.T, name string, seed uint64) (empty int) {
	fs, q, r := simDisk(t, 0), newQueue(t), rand.New(rand.NewPCG(seed, 1))
	o := store.Options{Dir: "dir", FS: fs, Archive: archiveOn(t, fs, snapshot.Options{}), Scheduler: q}
	e := mustOpen(t, name, o)
	now, did, others := map[string]string{}, []string{}, 0
	for range 40 {
		k := fmt.Sprint("key ", r.IntN(2))
		switch op := r.IntN(10); {
		case op < 2:
			now[k] = strings.Repeat("v", 1+r.IntN(300))
			put(t, e, q, k, now[k])
			did = append(did, "set "+k)
		case op < 5:
			put(t, e, q, k, "")
			delete(now, k)
			did = append(did, "delete "+k)
		case op < 7:
			require.NoError(t, e.Close())
			e = mustOpen(t, name, o)
			did = append(did, "open")
		case op < 8:
			_, err := q.Drain(1 + r.IntN(200))
			require.NoError(t, err)
			did = append(did, "work")
		default:
			v := snap(t, e)
			did = append(did, "snapshot")
			others++
			other := mustOpen(t, name, store.Options{Dir: fmt.Sprint("other", others), FS: fs, Archive: archiveOn(t, fs, snapshot.Options{})})
			for i := range 2 {
				k := fmt.Sprint("key ", i)
				got, err := other.Get([]byte(k))
				require.NoError(t, err)
				require.Equal(t, now[k], string(got), "%s of version %s, seed %d: %q", k, v, seed, did)
			}
			require.NoError(t, other.Close())
			if len(now) == 0 {
				empty++
			}
		}
		for i := range 2 {
			holds(t, e, fmt.Sprint("key ", i), now[fmt.Sprint("key ", i)])
		}
	}
	require.NoError(t, e.Close())
	return empty
}
