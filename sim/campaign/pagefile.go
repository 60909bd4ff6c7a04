package campaign

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/joinery-go/joinery/sim/report"
)

// ReportFile is the name of the page in a run folder.
const ReportFile = "report.html"

// ErrNoPage refuses to write over what is no page.
var ErrNoPage = errors.New("it is there, and is no page that a tool of joinery wrote; remove it or name another file")

// MayReplacePage refuses, by [ErrNoPage], to write a page over anything but a page, or an
// empty file.
func MayReplacePage(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return ErrNoPage
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	if n > 0 && !bytes.Contains(head[:n], []byte(report.Generator)) {
		return ErrNoPage
	}
	return nil
}

// ReplacePage writes a page to a path, inside Dir or not: whole, or not at all, and over
// nothing but a page.
func (f *Folder) ReplacePage(path string, page func(io.Writer) error) (err error) {
	if err := MayReplacePage(path); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".page-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	temp := filepath.Join(dir, "page")
	if err := f.WriteFile(temp, page); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
