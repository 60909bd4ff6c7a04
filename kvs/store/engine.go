package store

// Engine keeps values under keys. It is safe for concurrent use; operations take
// effect one after the other.
//
// Keys have 1 to [MaxKeyBytes] bytes, values 1 to [MaxValueBytes], or what the
// options lower that to. What is passed in is neither changed nor kept.
type Engine interface {
	// Get returns a copy of the value under key, nil if there is none. Errors wrap
	// [ErrKey], [ErrClosed], or [ErrCorrupt] for a value that the disk has spoiled.
	Get(key []byte) ([]byte, error)
	// Set puts value under key. An empty value takes the key away: this is the only
	// place where emptiness means that. Errors wrap [ErrKey], [ErrValue],
	// [ErrClosed], [ErrBackpressure] (nothing happened, and it may be tried again
	// after background work), [ErrFailed] (the engine takes no more writes; of
	// this one a crash may leave either outcome), or what the file system said, as of a
	// full disk (nothing happened, and it may be tried again once there is room).
	Set(key, value []byte) error
	// Sync makes all that was set durable, whatever the level of durability.
	Sync() error
	// Snapshot gives the present state a version and returns once the archive has
	// it. If nothing happened since the archive's latest version, and that is what
	// the state came from, it is that version, and nothing is written. Errors wrap
	// [ErrNoArchive], [ErrConflict], [ErrClosed], or what the bucket said; the state
	// stays, and a later snapshot includes what this one would have.
	// The latest version must be one that this directory has published or restored, over all
	// its openings: on top of another's nothing is published unseen.
	// Which version the state is may be noted later, in the background: a crash before
	// that keeps the state, and the next version then names an older one as its parent.
	Snapshot() (Version, error)
	// Restore makes the state that of version v, or of the archive's latest for
	// [Latest]. What a version holds is fetched and verified first, then switched to
	// at once and durably; after an error that does not wrap [ErrFailed] the state is
	// what it was. Errors wrap [ErrVersion], [ErrMissingSegment], [ErrCorrupt],
	// [ErrNoArchive], [ErrClosed].
	Restore(v Version) error
	// Stats returns counts since the engine was opened.
	Stats() Stats
	// Size returns what the engine occupies now.
	Size() Size
	// Close makes all that was set durable, at any level of durability, and gives the
	// directory free. A second Close, as any other operation after one, is
	// [ErrClosed].
	Close() error
}

// The bounds of keys and values.
const (
	MaxKeyBytes   = 64 << 10
	MaxValueBytes = 64 << 20
)

// Stats are counts since an engine was opened.
type Stats struct {
	Gets, Sets, Deletes int64
	Syncs               int64 // times that a file of writes was synced
	Snapshots, Restores int64 // that succeeded; an idle snapshot counts
	Merges              int64 // background merges that replaced their inputs
	MergedBytes         int64 // written by them
	CriticalBytes       int64 // given to the archive while a snapshot waited
	BehindBytes         int64 // given to the archive by background work
	Refused             int64 // sets that got ErrBackpressure
	Background          error // what background work last failed with; nil once it succeeds
}

// Size is what an engine occupies.
type Size struct {
	Keys    int64 // keys that have a value; -1 where counting them would mean reading all
	Disk    int64 // bytes of the files in the directory that count
	Memory  int64 // bytes of values and write buffers in memory, without the index
	Away    int64 // bytes that are not fetched yet, after a lazy restore
	Files   int   // files that hold records
	Backlog int   // files that wait for a background merge
	Spoiled int   // files that background work could not read since the engine was opened
}
