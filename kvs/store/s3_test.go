package store_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/appendlog"
	"github.com/joinery-go/joinery/kvs/store/hybridlog"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/memory"
	"github.com/joinery-go/joinery/kvs/store/pebble"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/kvs/store/snapshot/s3bucket"
)

var engines = map[string]func(store.Options) (store.Engine, error){
	memory.Name: func(o store.Options) (store.Engine, error) { return memory.Open(memory.Options{Options: o}) },
	appendlog.Name: func(o store.Options) (store.Engine, error) {
		return appendlog.Open(appendlog.Options{Options: o})
	},
	hybridlog.Name: func(o store.Options) (store.Engine, error) {
		return hybridlog.Open(hybridlog.Options{Options: o})
	},
	lsm.Name:    func(o store.Options) (store.Engine, error) { return lsm.Open(lsm.Options{Options: o}) },
	pebble.Name: func(o store.Options) (store.Engine, error) { return pebble.Open(pebble.Options{Options: o}) },
}

// objectStore is a bucket in an object store that the test serves.
func objectStore(t *testing.T) store.Bucket {
	t.Helper()
	srv := httptest.NewServer(gofakes3.New(s3mem.New()).Server())
	t.Cleanup(srv.Close)
	c, err := minio.New(strings.TrimPrefix(srv.URL, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4("key", "secret", ""), Region: "us-east-1",
	})
	require.NoError(t, err)
	require.NoError(t, c.MakeBucket(t.Context(), "versions", minio.MakeBucketOptions{}))
	b, err := s3bucket.Open(s3bucket.Options{Client: c, Bucket: "versions"})
	require.NoError(t, err)
	return b
}

// TestObjectStore has each engine take versions in an object store, go back to one, and open
// an empty directory at the latest and at an older one, lazily too; an engine that
// cannot be opened lazily says so, and leaves nothing behind that another opening
// stumbles on.
func TestObjectStore(t *testing.T) {
	for name, openEngine := range engines {
		t.Run(name, func(t *testing.T) {
			b := objectStore(t)
			archive := func() store.Archive {
				a, err := snapshot.Open(b, snapshot.Options{Parallel: 2})
				require.NoError(t, err)
				return a
			}
			e, err := openEngine(store.Options{Dir: t.TempDir(), Archive: archive()})
			require.NoError(t, err)
			defer func() { require.NoError(t, e.Close()) }()
			held := map[string]string{}
			versions := map[store.Version]map[string]string{}
			for round, n := range []int{2000, 300, 20, 1, 40} {
				for i := range n {
					k, v := fmt.Sprintf("key %06d", i*(2000/n)), fmt.Sprintf("%064d", i*10+round)
					if (i+round)%9 == 1 {
						v = ""
					}
					require.NoError(t, e.Set([]byte(k), []byte(v)))
					held[k] = v
				}
				v, err := e.Snapshot()
				require.NoError(t, err)
				require.Equal(t, store.Version(round+1), v)
				versions[v] = map[string]string{}
				for k, value := range held {
					versions[v][k] = value
				}
			}
			is := func(e store.Engine, v store.Version) {
				t.Helper()
				for k := range held { // of an older version, some were never written
					got, err := e.Get([]byte(k))
					require.NoError(t, err)
					require.Equal(t, versions[v][k], string(got), "version %s, %s", v, k)
				}
			}
			is(e, 5)
			for _, v := range []store.Version{2, 5, 1, 4} {
				require.NoError(t, e.Restore(v))
				is(e, v)
			}
			for _, lazy := range []bool{false, true} {
				q, err := store.NewQueue(4)
				require.NoError(t, err)
				dir := t.TempDir()
				o := store.Options{Dir: dir, Archive: archive(), Lazy: lazy, Scheduler: q}
				other, err := openEngine(o)
				if lazy && name != lsm.Name {
					require.ErrorIs(t, err, store.ErrUnsupported)
					o.Lazy = false
					other, err = openEngine(o)
				}
				require.NoError(t, err)
				if o.Lazy {
					require.Positive(t, other.Size().Away)
				}
				is(other, 5)
				require.NoError(t, other.Restore(2))
				is(other, 2)
				_, err = q.Drain(1 << 20)
				require.NoError(t, err)
				require.Zero(t, other.Size().Away)
				is(other, 2)
				require.NoError(t, other.Close())
				other, err = openEngine(store.Options{Dir: dir, Archive: archive()})
				require.NoError(t, err)
				is(other, 2)
				require.NoError(t, other.Close())
			}
		})
	}
}
