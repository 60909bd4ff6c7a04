package snapshot

import "github.com/joinery-go/joinery/kvs/store"

// PublishCounted is Publish, which counts segments and their indexes apart from manifests,
// pages and heads.
func (a *Archive) PublishCounted(d store.Draft) (r store.Ref, segments, rest int64, err error) {
	return a.publishCounted(d)
}
