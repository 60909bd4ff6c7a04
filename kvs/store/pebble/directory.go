package pebble

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

const maxOptionsBytes = 1 << 20

// tableEnd is how the tables of the format that the engine asks for end: the version of their own
// format, which no checksum covers, and Pebble's magic. By another version Pebble would read
// their blocks as what they are not, and find other keys, or panic.
const tableEnd = "\x05\x00\x00\x00" + "\xf0\x9f\xaa\xb3\xf0\x9f\xaa\xb3"

// checkTable refuses a table that does not end as one does.
func checkTable(f vfs.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end := make([]byte, len(tableEnd))
	if info.Size() >= int64(len(end)) {
		if _, err := f.ReadAt(end, info.Size()-int64(len(end))); err != nil {
			return err
		}
	}
	if string(end) != tableEnd {
		return fmt.Errorf("%w: %w: it ends with %x", store.ErrCorrupt, pebble.ErrCorruption, end)
	}
	return nil
}

// checkDirectory refuses a directory of Pebble's that lacks what one always has: Pebble takes one
// without its markers for a new one, or an old format's, and one without a log for one whose log
// says nothing. It refuses options that another database would have, too.
func checkDirectory(fsys vfs.FS, dir string) error {
	missing := func(what string) error { return fmt.Errorf("%w: %s in %s", store.ErrMissing, what, dir) }
	found, err := pebble.Peek(dir, fsys)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", dir, named(err))
	case !found.Exists:
		return missing("the marker of the manifest")
	case found.FormatMajorVersion == pebble.FormatDefault:
		return missing("the marker of the format")
	}
	log, _, err := newestLog(fsys, dir)
	switch {
	case err != nil:
		return err
	case log == "":
		return missing("the log")
	case found.OptionsFilename == "":
		return nil // nothing that was set depends on it
	}
	name := found.OptionsFilename // which has the directory, other than Pebble's documentation has it
	text, err := catalog.ReadFile(fsys, name, maxOptionsBytes)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	o := &pebble.Options{FS: fsys}
	o.EnsureDefaults()
	if err := o.CheckCompatibility(dir, string(text)); err != nil {
		return fmt.Errorf("%s: %w: %w", name, store.ErrCorrupt, err)
	}
	return nil
}
