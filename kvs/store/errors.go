package store

import "errors"

// Refusals of an operation that change nothing.
var (
	// ErrKey reports a key that is empty or over the limit.
	ErrKey = errors.New("store: unacceptable key")
	// ErrValue reports a value over the limit.
	ErrValue = errors.New("store: value over the limit")
	// ErrClosed reports an operation after Close.
	ErrClosed = errors.New("store: engine is closed")
	// ErrBackpressure reports a set beyond the bound on files that wait for a merge:
	// run the scheduler's steps and set again.
	ErrBackpressure = errors.New("store: background work is behind its bound")
	// ErrUnsupported reports what an engine cannot do, by its nature; it names it.
	ErrUnsupported = errors.New("store: not supported by the engine")
	// ErrOptions reports options that describe no engine.
	ErrOptions = errors.New("store: invalid options")
)

// What stands in the way of opening a directory.
var (
	// ErrLocked reports a directory that an engine has open, here or in another
	// process.
	ErrLocked = errors.New("store: directory is in use")
	// ErrForeign reports a directory that holds what is no engine's, or another
	// engine's. Nothing in it was changed.
	ErrForeign = errors.New("store: directory belongs to something else")
	// ErrFormat reports files of a version that this code does not know.
	ErrFormat = errors.New("store: unknown format version")
)

// Damage.
var (
	// ErrCorrupt reports bytes that are not what was written.
	ErrCorrupt = errors.New("store: corrupt data")
	// ErrMissing reports a file or an object that something names and that is not
	// there.
	ErrMissing = errors.New("store: missing file")
	// ErrFailed reports an engine whose disk failed a write or a sync: what of it is
	// durable is not known, so it takes no more. Close it, and open the directory
	// again once the cause, which is wrapped too, is gone.
	ErrFailed = errors.New("store: engine has failed and takes no writes until it is opened again")
)

// Versions and archives.
var (
	// ErrNoArchive reports a snapshot or restore without Options.Archive.
	ErrNoArchive = errors.New("store: no archive in the options")
	// ErrVersion reports a version that the archive does not have, or no longer.
	ErrVersion = errors.New("store: no such version")
	// ErrMissingSegment reports a segment that a manifest names and the bucket does
	// not have.
	ErrMissingSegment = errors.New("store: missing segment")
	// ErrConflict reports that the archive's latest version is one that the writer has not
	// seen: it neither published nor restored it, nor was its directory begun in spite of it.
	// Restore it, which gives up what was set here since, or keep that by opening the
	// directory with a branch of its own.
	ErrConflict = errors.New("store: another writer has published")
	// ErrBusy reports a lock of the bucket that somebody held through all tries.
	ErrBusy = errors.New("store: bucket is busy")
	// ErrNoObject reports a name that a bucket does not hold.
	ErrNoObject = errors.New("store: no such object")
	// ErrTooMany reports a bound on what an archive keeps; it names the bound.
	ErrTooMany = errors.New("store: too many versions")
	// ErrBranch reports a branch that is not there, or is and should not be.
	ErrBranch = errors.New("store: branch")
)
