package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options are what all engines have in common. Zero values stand for the defaults.
type Options struct {
	// Dir is the engine's directory. It is made with access for its owner only, and
	// everything of the engine is in it.
	Dir string
	// FS is the file system, [Private] by default.
	FS vfs.FS
	// Archive keeps the versions. Without it there is no Snapshot and no Restore. An
	// empty directory with an archive opens at the archive's latest version, unless
	// Empty is set. Any other opens without asking the archive anything, if all of it was
	// fetched.
	Archive Archive
	// Empty makes an empty directory open empty whatever the archive holds, and publish on
	// top of that.
	Empty bool
	// Lazy has Restore, and the opening of an empty directory, fetch no more of a version
	// than what its pieces are: a piece is read in the archive as it is needed, and
	// fetched in the background. Until then the archive must keep the version, or one
	// published since; gets wait for the archive, and their errors may be its own. An
	// engine that must read all of a version to find a key is not opened lazily: the
	// error wraps [ErrUnsupported].
	Lazy bool
	// Durability is what a crash may take, OnSnapshot by default.
	Durability Durability
	// GroupWrites is how many sets are synced together at the level GroupCommit, 64
	// by default.
	GroupWrites int
	// Scheduler takes background work, [Inline] by default.
	Scheduler Scheduler
	// MaxKeyBytes and MaxValueBytes lower the bounds of the same names.
	MaxKeyBytes, MaxValueBytes int
}

// WithDefaults returns the options with defaults for zero values, or an error that
// wraps [ErrOptions] and names the field.
func (o Options) WithDefaults() (Options, error) {
	switch {
	case o.Dir == "":
		return o, fmt.Errorf("%w: Dir is empty", ErrOptions)
	case int(o.Durability) >= len(durabilities):
		return o, fmt.Errorf("%w: Durability %d", ErrOptions, o.Durability)
	case o.GroupWrites < 0:
		return o, fmt.Errorf("%w: GroupWrites %d, want 0 or more", ErrOptions, o.GroupWrites)
	case o.MaxKeyBytes < 0 || o.MaxKeyBytes > MaxKeyBytes:
		return o, fmt.Errorf("%w: MaxKeyBytes %d, want at most %d", ErrOptions, o.MaxKeyBytes, MaxKeyBytes)
	case o.MaxValueBytes < 0 || o.MaxValueBytes > MaxValueBytes:
		return o, fmt.Errorf("%w: MaxValueBytes %d, want at most %d", ErrOptions, o.MaxValueBytes, MaxValueBytes)
	}
	if o.FS == nil {
		o.FS = Private
	}
	if o.GroupWrites == 0 {
		o.GroupWrites = 64
	}
	if o.Scheduler == nil {
		o.Scheduler = Inline
	}
	if o.MaxKeyBytes == 0 {
		o.MaxKeyBytes = MaxKeyBytes
	}
	if o.MaxValueBytes == 0 {
		o.MaxValueBytes = MaxValueBytes
	}
	return o, nil
}

// Eager refuses Lazy, for an engine that gives its reason.
func (o *Options) Eager(engine, reason string) error {
	if o.Lazy {
		return fmt.Errorf("%w: %s cannot be opened lazily: %s; leave Lazy unset", ErrUnsupported, engine, reason)
	}
	return nil
}

// CheckKey refuses keys that the contract does not have, naming op.
func (o *Options) CheckKey(op string, key []byte) error {
	if len(key) == 0 || len(key) > o.MaxKeyBytes {
		return fmt.Errorf("%s: %w: %d bytes, want 1 to %d", op, ErrKey, len(key), o.MaxKeyBytes)
	}
	return nil
}

// CheckValue refuses values over the limit.
func (o *Options) CheckValue(value []byte) error {
	if len(value) > o.MaxValueBytes {
		return fmt.Errorf("set: %w: %d bytes, want at most %d", ErrValue, len(value), o.MaxValueBytes)
	}
	return nil
}
