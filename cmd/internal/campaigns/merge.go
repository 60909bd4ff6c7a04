package campaigns

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
	"github.com/joinery-go/joinery/sim/wall"
)

// Merge is the command merge. corpus makes of a tape what go test -fuzz takes, see
// Subject.Corpus.
func (h *Host) Merge(subject *Subject) *cobra.Command {
	var into string
	var show showFlags
	cmd := &cobra.Command{
		Use:   "merge DIR...",
		Short: "Join what campaigns found, of folders or buckets, and say what that is",
		Long: "merge joins the campaigns of several folders, or buckets: seeds that were finished, what each worker has counted, and of each class of failures the smallest. " +
			"In which order they are named, or how often, makes no difference. With --into all of it is stored, beside what is there. " +
			"A folder is one of \"" + h.Name + " campaign\"; an object store is named as there.\n\n" +
			"The exit code is 1 if there is a failure, 2 if seeds were abandoned, and 3 for what is no campaign, or one of something else; then nothing is stored.",
		Example: fmt.Sprintf("  %[1]s merge /mnt/a /mnt/b\n  %[1]s merge /mnt/a s3://fuzz/night --into all --tapes out", h.Name),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return command.Usagef("%swant a folder or bucket, or several", command.Prefix(cmd))
			}
			return nil
		},
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error { return h.merge(args, into, &show, subject) }
	cmd.Flags().StringVar(&into, "into", "", "folder or bucket, `URL`, to store the join in (default: none, it is only told)")
	show.add(cmd.Flags())
	return cmd
}

func (h *Host) merge(paths []string, into string, show *showFlags, subject *Subject) error {
	if err := show.check("merge", subject); err != nil {
		return err
	}
	started := time.Now()
	var from []store.Bucket
	for _, path := range paths {
		b, err := openBucket(h.Ctx, path, false)
		if err != nil {
			return fmt.Errorf("merge: %w", err)
		}
		if _, err := distributed.Gather(b); err != nil {
			return fmt.Errorf("merge: %s: %w", path, err)
		}
		from = append(from, b)
	}
	g, err := distributed.Gather(from...)
	if err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	if into != "" {
		b, err := openBucket(h.Ctx, into, true)
		if err == nil {
			err = g.Store(h.Ctx, distributed.Options{Bucket: b, Now: time.Now, Wait: wall.Wait})
		}
		if err != nil {
			return fmt.Errorf("merge: --into %s: %w", into, err)
		}
		if b, err = openBucket(h.Ctx, into, false); err == nil { // with what was there
			g, err = distributed.Gather(append(from, b)...)
		}
		if err != nil {
			return fmt.Errorf("merge: --into %s: %w", into, err)
		}
	}
	return h.show(show, "merge", &summary{subject: subject, g: g, complete: true, seconds: time.Since(started).Seconds(), buckets: paths})
}

// showFlags are the flags of what is told and written in the end.
type showFlags struct {
	tapes  string
	corpus string
	json   bool
}

func (s *showFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&s.tapes, "tapes", "", "`FOLDER` to write the tape of each class of failures to")
	fl.StringVar(&s.corpus, "export-seeds", "", "`FOLDER` to write those tapes to as inputs of go test -fuzz, as far as they have that form")
	fl.BoolVar(&s.json, "json", false, "print one JSON object a line, the last one the summary")
}

// check makes sure that folders can be written before the work.
func (s *showFlags) check(cmd string, subject *Subject) error {
	if s.corpus != "" && subject.Corpus == nil {
		return command.Usagef("%s: --export-seeds: tapes of this program have no form that go test -fuzz takes", cmd)
	}
	for _, to := range []struct{ flag, dir string }{{"tapes", s.tapes}, {"export-seeds", s.corpus}} {
		if to.dir == "" {
			continue
		}
		if err := writable(to.dir); err != nil {
			return fmt.Errorf("%s: --%s %s: %w", cmd, to.flag, to.dir, err)
		}
	}
	return nil
}

// writeTapes writes the tape of each class that has one, under a name that it keeps.
func (h *Host) writeTapes(s *showFlags, came *summary) (paths map[string]string, err error) {
	paths = make(map[string]string)
	for _, class := range came.g.State.Classes() {
		f := came.g.State.Failures[class]
		data := came.g.Tapes[f.Tape]
		if f.Tape == "" || data == nil {
			continue
		}
		if s.tapes != "" {
			path := filepath.Join(s.tapes, fmt.Sprintf("seed-%d-%.12s.json", f.Seed, f.Tape))
			if err := writeFile(path, data); err != nil {
				return nil, fmt.Errorf("--tapes: %w", err)
			}
			paths[class] = path
		}
		if s.corpus == "" {
			continue
		}
		input, err := came.subject.Corpus(h.Ctx, data)
		if err != nil {
			h.note("%s: seed %d: not exported: %v", class, f.Seed, err)
			continue
		}
		name := fmt.Sprintf("seed-%d-%.12s", f.Seed, f.Tape)
		text := "go test fuzz v1\n[]byte(" + strconv.Quote(string(input)) + ")\n"
		if err := writeFile(filepath.Join(s.corpus, name), []byte(text)); err != nil {
			return nil, fmt.Errorf("--export-seeds: %w", err)
		}
	}
	return paths, nil
}

// writeFile writes what may be there already: whole, or not at all.
func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), campaign.FolderMode); err != nil {
		return err
	}
	return campaign.ReplaceFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
