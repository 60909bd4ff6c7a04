package pebble

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

const (
	bundleTitle   = "joinery pebble checkpoint"
	bundleFormat  = 1
	maxBundle     = 64 << 20
	maxSmallBytes = 32 << 20
	tableExt      = ".sst"
	logExt        = ".log"
)

// bundle is a checkpoint without the bytes of its tables: the last segment of a
// version.
type bundle struct {
	// Tables are the names of the segments before the bundle, in their order.
	Tables []string `json:"tables"`
	// Files are all other files of the checkpoint.
	Files []small `json:"files"`
}

type small struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

// decodeBundle reads the bundle of a version of that many segments.
func decodeBundle(image []byte, segments int) (bundle, error) {
	var b bundle
	if err := catalog.Unseal(bundleTitle, bundleFormat, image, &b); err != nil {
		return bundle{}, err
	}
	return b, b.check(segments)
}

// check refuses names that lead out of a directory, or stand twice.
func (b *bundle) check(segments int) error {
	if len(b.Tables) != segments-1 {
		return fmt.Errorf("%w: %d tables, %d segments", store.ErrCorrupt, len(b.Tables), segments-1)
	}
	names := slices.Clone(b.Tables)
	for _, f := range b.Files {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	for i, n := range names {
		if n == "" || n[0] == '.' || strings.ContainsAny(n, `/\:`) || i > 0 && n == names[i-1] {
			return fmt.Errorf("%w: a file %q in a checkpoint", store.ErrCorrupt, n)
		}
	}
	return nil
}

// Snapshot writes the memtable out, makes a checkpoint, and publishes its files.
func (e *Engine) Snapshot() (store.Version, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.ready("snapshot"); err != nil {
		return 0, err
	}
	if e.opts.Archive == nil {
		return 0, fmt.Errorf("snapshot: %w", store.ErrNoArchive)
	}
	v, err := e.snapshot()
	if err != nil {
		return 0, fmt.Errorf("snapshot: %w", err)
	}
	e.stats.Snapshots++
	return v, nil
}

func (e *Engine) snapshot() (store.Version, error) {
	if !e.changed {
		if idle, err := e.home.AtLatest(); err != nil || idle {
			return e.home.State().Parent, err
		}
	}
	if err := e.db.Flush(); err != nil {
		return 0, err
	}
	if err := e.sound(); err != nil {
		return 0, err
	}
	number := e.take()
	defer e.remove(number)
	dir := e.home.Path(number, dirExt)
	if err := e.disk.checkpointed(dir, func(dir string) error { return e.db.Checkpoint(dir) }); err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	if err := e.sound(); err != nil { // or the checkpoint is of what is in memory only
		return 0, err
	}
	d, err := e.home.Draft(bundleFormat)
	if errors.Is(err, catalog.ErrNote) {
		err = e.life.Fail(err)
	}
	if err != nil {
		return 0, err
	}
	d.Whole = true
	s := e.home.State()
	if d.Segments, err = e.sources(dir); err != nil {
		return 0, err
	}
	v, uploaded, err := e.home.Give(d, &s)
	e.stats.CriticalBytes += uploaded
	if err != nil {
		return 0, err
	}
	if err := e.commit(e.number, s); err != nil {
		return 0, fmt.Errorf("%w: %w", catalog.ErrNote, err)
	}
	e.changed = false
	return v, nil
}

// sources are the segments of the checkpoint in dir.
func (e *Engine) sources(dir string) ([]store.Source, error) {
	names, err := e.opts.FS.List(dir)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var b bundle
	var sources []store.Source
	tables := map[string]store.Segment{} // those that are gone are let go of
	for _, name := range names {
		if strings.HasSuffix(name, logExt) {
			continue // all that a log says is in the tables since the flush; what it is recycled from may be long
		}
		path := e.opts.FS.PathJoin(dir, name)
		if !strings.HasSuffix(name, tableExt) {
			data, err := catalog.ReadFile(e.opts.FS, path, maxSmallBytes)
			if err != nil {
				return nil, err
			}
			b.Files = append(b.Files, small{name, data})
			continue
		}
		// Pebble never uses a table's name again in one directory, nor changes a table.
		seg, known := e.tables[name]
		if !known {
			if seg, err = hashFile(e.opts.FS, path); err != nil {
				return nil, err
			}
		}
		tables[name] = seg
		b.Tables = append(b.Tables, name)
		sources = append(sources, store.Source{
			Segment: seg, Open: func() (io.ReadCloser, error) { return e.opts.FS.Open(path) },
		})
	}
	e.tables = tables
	image, err := catalog.Seal(bundleTitle, bundleFormat, b)
	if err != nil {
		return nil, err
	}
	return append(sources, store.Source{
		Segment: store.Segment{Hash: sha256.Sum256(image), Length: int64(len(image))},
		Open:    func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(image)), nil },
	}), nil
}

func hashFile(fsys vfs.FS, path string) (store.Segment, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return store.Segment{}, err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return store.Segment{}, err
	}
	return store.Segment{Hash: store.Hash(sum.Sum(nil)), Length: n}, nil
}

// Restore fetches a version into a directory of its own, opens and reads it there, and
// switches.
func (e *Engine) Restore(v store.Version) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.ready("restore"); err != nil {
		return err
	}
	if e.opts.Archive == nil {
		return fmt.Errorf("restore: %w", store.ErrNoArchive)
	}
	if err := e.restore(v); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	e.stats.Restores++
	return nil
}

func (e *Engine) restore(v store.Version) error {
	m, s, err := e.home.Came(v)
	switch {
	case err != nil:
		return err
	case m.Engine != Name:
		return fmt.Errorf("%w: version %s is of engine %q, this is %q", store.ErrForeign, m.Version, m.Engine, Name)
	case m.Format != bundleFormat:
		return fmt.Errorf("%w: version %s has format %d, this is %d", store.ErrFormat, m.Version, m.Format, bundleFormat)
	}
	for _, s := range m.Segments {
		if s.Range != (store.KeyRange{}) {
			return fmt.Errorf("%w: version %s has a table for the keys %.100s, and Pebble's count as wholes", store.ErrUnsupported, m.Version, s.Range)
		}
	}
	number := e.take()
	if err := e.fetch(m, e.home.Path(number, dirExt)); err != nil {
		e.remove(number)
		return err
	}
	db, disk, err := e.openDB(number)
	if err != nil {
		e.remove(number)
		return err
	}
	if err := catalog.SyncDir(e.opts.FS, e.opts.Dir); err != nil {
		return errors.Join(err, db.Close())
	}
	if err := e.commit(number, s); err != nil {
		return errors.Join(err, db.Close())
	}
	if e.db != nil {
		n, size := compactions(e.db)
		e.merges, e.merged = e.merges+n, e.merged+size
		// The version is what counts by now; what the old database says is of no effect.
		if err := e.db.Close(); err != nil {
			e.stats.Background = err
		}
		e.remove(e.number)
	}
	e.db, e.disk, e.number, e.tables, e.waiting, e.changed = db, disk, number, map[string]store.Segment{}, 0, false
	return nil
}

// fetch writes a version's checkpoint into dir, verified and durable.
func (e *Engine) fetch(m store.Manifest, dir string) error {
	if len(m.Segments) == 0 {
		return fmt.Errorf("%w: version %s has no segments", store.ErrCorrupt, m.Version)
	}
	last := m.Segments[len(m.Segments)-1]
	if last.Length > maxBundle {
		return fmt.Errorf("%w: segment %s of %d bytes", store.ErrCorrupt, last.Hash, last.Length)
	}
	var image bytes.Buffer
	if err := e.copySegment(m.Version, last, &image); err != nil {
		return err
	}
	b, err := decodeBundle(image.Bytes(), len(m.Segments))
	if err != nil {
		return fmt.Errorf("segment %s: %w", last.Hash, err)
	}
	if err := e.opts.FS.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i, name := range b.Tables {
		if err := e.write(dir, name, func(w io.Writer) error { return e.copySegment(m.Version, m.Segments[i], w) }); err != nil {
			return err
		}
	}
	for _, f := range b.Files {
		if err := e.write(dir, f.Name, func(w io.Writer) error { _, err := w.Write(f.Data); return err }); err != nil {
			return err
		}
	}
	return catalog.SyncDir(e.opts.FS, dir)
}

func (e *Engine) write(dir, name string, fill func(io.Writer) error) error {
	f, err := e.opts.FS.Create(e.opts.FS.PathJoin(dir, name), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if err = fill(f); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// copySegment copies a segment and checks that it is what its hash says.
func (e *Engine) copySegment(v store.Version, s store.Segment, w io.Writer) error {
	r, err := e.opts.Archive.Open(v, s)
	if err != nil {
		return fmt.Errorf("segment %s: %w", s.Hash, err)
	}
	sum := sha256.New() // before w, which may change what it is given to write
	n, err := io.Copy(io.MultiWriter(sum, w), io.LimitReader(r, s.Length+1))
	if err == nil && (n != s.Length || store.Hash(sum.Sum(nil)) != s.Hash) {
		err = fmt.Errorf("%w: %d bytes that are not those of the manifest", store.ErrCorrupt, n)
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("segment %s: %w", s.Hash, err)
	}
	return nil
}
