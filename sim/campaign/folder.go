package campaign

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Run folders are private: they may hold what a user's own system stored.
const (
	FolderMode os.FileMode = 0o700
	FileMode   os.FileMode = 0o600
)

// UsualRun is about how many bytes a run folder takes.
const UsualRun = 256 << 10

// File is a file of a run folder.
type File struct {
	Name  string
	Write func(io.Writer) error
}

// Folder is where run folders are written.
type Folder struct {
	Dir string
	// Create creates files, which must not exist; nil is [CreateFile].
	Create func(path string) (io.WriteCloser, error)
}

// CreateFile creates a private file that must not exist.
func CreateFile(path string) (io.WriteCloser, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, FileMode)
}

// ErrNoRoom is wrapped where a run folder of usual size does not fit.
var ErrNoRoom = errors.New("no room for a run folder")

// CheckWritable makes sure that a run folder can be written, before hours of work would
// be lost for want of it. It leaves behind what it found.
func (f *Folder) CheckWritable() error {
	var created []string // innermost first
	for dir := f.Dir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		created = append(created, dir)
	}
	if err := os.MkdirAll(f.Dir, FolderMode); err != nil {
		return err
	}
	probe, err := os.MkdirTemp(f.Dir, ".writable-*")
	if err != nil {
		return err
	}
	err = f.WriteFile(filepath.Join(probe, "probe"), func(w io.Writer) error {
		_, err := w.Write(make([]byte, UsualRun))
		return err
	})
	err = errors.Join(err, os.RemoveAll(probe))
	for _, dir := range created {
		err = errors.Join(err, os.Remove(dir))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	return nil
}

// WriteRun writes the run folder of a seed, see Write. It returns the path of the first of
// its files.
func (f *Folder) WriteRun(seed uint64, files []File) (first string, err error) {
	first, err = f.Write(fmt.Sprintf("seed-%d", seed), files)
	if err != nil {
		return "", fmt.Errorf("write run of seed %d: %w", seed, err)
	}
	return first, nil
}

// Write writes a folder of a name, with at least one file: whole or not at all, so an
// earlier one of that name stays where the new one cannot be written. It returns the path
// of the first of its files.
func (f *Folder) Write(name string, files []File) (first string, err error) {
	if err := os.MkdirAll(f.Dir, FolderMode); err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(f.Dir, ".run-*")
	if err != nil {
		return "", err
	}
	for _, file := range files {
		if err := f.WriteFile(filepath.Join(temp, file.Name), file.Write); err != nil {
			return "", errors.Join(err, os.RemoveAll(temp))
		}
	}
	folder := filepath.Join(f.Dir, name)
	if err := ReplaceFolder(temp, folder); err != nil {
		return "", errors.Join(err, os.RemoveAll(temp))
	}
	return filepath.Join(folder, files[0].Name), nil
}

// ReplaceFolder renames a folder to what may be the name of another, which is then
// gone. If that fails, the other is what it was.
func ReplaceFolder(from, to string) error {
	old := from + "-old"
	err := os.Rename(to, old)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return os.Rename(from, to)
	case err != nil:
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return errors.Join(err, os.Rename(old, to))
	}
	return os.RemoveAll(old)
}

// WriteFile writes a new file. What a full disk says may come as late as when the file
// is closed.
func (f *Folder) WriteFile(path string, write func(io.Writer) error) (err error) {
	create := f.Create
	if create == nil {
		create = CreateFile
	}
	file, err := create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	b := bufio.NewWriter(file)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}

// ReplaceFile writes what may be an existing file: whole, or not at all.
func ReplaceFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tape-*")
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// WriteViolations writes violations, each below its signature.
func WriteViolations(w io.Writer, vs []Violation) error {
	for _, v := range vs {
		if _, err := fmt.Fprintf(w, "%s\n  %s\n", v.Signature(), v.Message); err != nil {
			return err
		}
	}
	return nil
}
