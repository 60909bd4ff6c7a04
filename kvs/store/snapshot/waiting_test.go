package snapshot_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestOthersGoOnWhileTheBucketIsSlow publishes and reads while the same archive waits for
// the bucket in an upload ahead, or in the deletes of a collecting.
func TestOthersGoOnWhileTheBucketIsSlow(t *testing.T) {
	for _, op := range []string{"put", "delete"} {
		t.Run(op, func(t *testing.T) {
			inner := newBucket()
			seeded(t, inner)
			waiting, free, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			a := snapshot.New(once(inner, op, "seg-", func() {
				close(waiting)
				<-free
			}))
			go func() {
				if op == "put" {
					_, err := a.Upload(source("slowly"))
					ended <- err
					return
				}
				_, err := a.Collect(snapshot.Retention{Last: 1})
				ended <- err
			}()
			<-waiting
			published := make(chan error, 1)
			go func() {
				_, _, err := publishDraft(a, draft(3, "mine"))
				published <- err
			}()
			select {
			case err := <-published:
				require.NoError(t, err)
			case <-time.After(10 * time.Second):
				t.Error("publishing waits for the bucket")
			}
			close(free)
			require.NoError(t, <-ended)
			if t.Failed() {
				return
			}
			m, err := a.Manifest(store.Latest)
			require.NoError(t, err)
			require.Equal(t, store.Version(4), m.Version)
			_, n, err := publishDraft(a, draft(4, "slowly"))
			require.NoError(t, err)
			if op == "put" {
				require.Zero(t, n, "it was uploaded ahead")
			}
			require.Equal(t, store.Version(5), whole(t, inner)[len(whole(t, inner))-1])
		})
	}
}
