package campaigns

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/live"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
	"github.com/joinery-go/joinery/sim/wall"
)

// Host is the program that has the commands.
type Host struct {
	Name     string // in messages
	Ctx      context.Context
	Out, Err io.Writer
	// Again is a command line of the program that can be pasted.
	Again func(args ...string) string
	// Worsen takes an exit code, which counts unless a graver one was taken.
	Worsen func(code int)
	// Create creates files of run folders, which must not exist; nil is [campaign.CreateFile].
	Create func(path string) (io.WriteCloser, error)
	// Patience is how long a seed may take; a lease must be longer.
	Patience func() time.Duration
}

func (h *Host) note(format string, args ...any) { fmt.Fprintf(h.Err, h.Name+": "+format+"\n", args...) }

func (h *Host) printf(format string, args ...any) { fmt.Fprintf(h.Out, format, args...) }

// flags are those of campaign.
type flags struct {
	bucket     string
	worker     string
	commit     string
	first      uint64
	seeds      uint64
	limit      time.Duration
	lease      time.Duration
	workers    int
	out        string
	kubernetes int
	image      string
	memory     string
	show       showFlags
	given      *pflag.FlagSet
}

// Defaults of the flags.
const (
	defaultSeeds = 100_000
	memoryLimit  = "1Gi"
)

// Campaign is the command campaign. add adds the flags that say what a seed is, and subject
// makes what they say, to be kept in a folder.
func (h *Host) Campaign(add func(cmd *cobra.Command), subject func(given *pflag.FlagSet) (*Subject, error)) *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "campaign --bucket URL",
		Short: "Fuzz together with workers on other machines, through a folder or S3",
		Long: "campaign is one worker of a campaign that any number of them share, on any machines: each claims seeds that nobody else has, runs them, " +
			"and publishes what came of them into a bucket, which is " + bucketHelp + ". There is no server. A worker that is killed loses nothing that it has published, " +
			"and others run what it was at once its lease is over.\n\n" +
			"The seeds are bounded for each commit of the code under test. Failures are one of a class, by what was violated, in the smallest form that any worker found. " +
			"A seed that does not end in its time is a failure. One that no worker survives, as for want of memory, is told, and is no failure.\n\n" +
			"The exit code is 0 if every seed held, whoever ran it, 1 if the campaign has a failure, 2 if seeds are left or were abandoned, and 130 after an interrupt, at which what was finished is published.",
		Example: fmt.Sprintf("  %[1]s campaign --bucket /mnt/shared/night --seeds 1000000\n  %[1]s campaign --bucket 's3://fuzz/night?region=eu-central-1' --for 1h\n"+
			"  %[1]s campaign --bucket s3://fuzz/night --kubernetes 20 --image me/fuzz:1\n  %[1]s merge /mnt/shared/night --tapes failures", h.Name),
		Args: command.NoArguments,
	}
	cmd.RunE = func(called *cobra.Command, _ []string) error {
		f.given = called.Flags()
		return h.campaign(&f, subject)
	}
	fl := cmd.Flags()
	fl.StringVar(&f.bucket, "bucket", "", "what workers share, `URL`: a folder, or s3://BUCKET/PREFIX")
	fl.StringVar(&f.worker, "worker", "", "`NAME` of this worker, which no other has that is at work (default: one of its own)")
	fl.StringVar(&f.commit, "commit", "", "`COMMIT` of the code under test (default: the revision that the go command noted)")
	command.NumberFlag(fl, &f.first, "seed", 1, 1, math.MaxUint64-1, "first seed")
	command.NumberFlag(fl, &f.seeds, "seeds", defaultSeeds, 1, math.MaxUint64-1, "how many seeds of a commit to run, by all workers together")
	fl.Var(command.Span{P: &f.limit}, "for", "how long to run (default: until all seeds are done)")
	f.lease = distributed.DefaultLease
	fl.Var(command.Span{P: &f.lease}, "lease", "after how long without a sign of life others take a worker's seeds")
	command.WorkersFlag(fl, &f.workers, "how many seeds to run at once")
	fl.StringVar(&f.out, "out", "runs", "`FOLDER` for the runs of failing seeds that this worker found")
	command.NumberOrZeroFlag(fl, &f.kubernetes, "kubernetes", 1, 10_000, "run here", "print the manifest of a Kubernetes job with so many workers, and do nothing else")
	fl.StringVar(&f.image, "image", "", "`IMAGE` of the job, whose entry point is this program")
	fl.StringVar(&f.memory, "memory", memoryLimit, "`QUANTITY` of memory that a worker of the job has")
	f.show.add(fl)
	add(cmd)
	return cmd
}

// campaign runs a worker, or prints the manifest of a job of workers.
func (h *Host) campaign(f *flags, subject func(*pflag.FlagSet) (*Subject, error)) error {
	if most := math.MaxUint64 - f.first; f.seeds > most {
		return command.Usagef("campaign: --seeds %d: from --seed %d on there are %d", f.seeds, f.first, most)
	}
	if f.lease <= h.Patience() {
		return command.Usagef("campaign: --lease %v: want more than %v, which one seed may take", f.lease, h.Patience())
	}
	s, err := subject(f.given)
	switch {
	case err != nil:
		return err
	case !quantity.MatchString(f.memory):
		return command.Usagef("campaign: --memory %s: want a quantity, such as 1Gi or 512Mi", command.ShellWord(f.memory))
	case f.bucket == "":
		return command.Usagef("campaign: --bucket: want %s", "a folder, or s3://BUCKET/PREFIX")
	}
	if f.kubernetes > 0 {
		return h.manifest(f)
	}
	s.Out = &campaign.Folder{Dir: f.out, Create: h.Create}
	if err := writable(f.out); err != nil {
		return fmt.Errorf("campaign: --out %s: %w", f.out, err)
	}
	if err := f.show.check("campaign", s); err != nil {
		return err
	}
	b, err := openBucket(h.Ctx, f.bucket, true)
	if err != nil {
		return fmt.Errorf("campaign: --bucket: %w", err)
	}
	if !f.given.Changed("commit") {
		f.commit = revision()
	}
	incarnation, err := word()
	if err != nil {
		return err
	}
	if f.worker == "" {
		f.worker = thisWorker() + "-" + incarnation
	}
	ctx := h.Ctx
	if f.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.limit)
		defer cancel()
	}
	w, err := h.join(ctx, f, distributed.Options{
		Bucket: b, Of: s.Of, Commit: f.commit, Name: f.worker, Incarnation: incarnation, Lease: f.lease, Now: time.Now, Wait: wall.Wait,
	})
	if err != nil {
		return err
	}
	r := &runner{h: h, f: f, subject: s, kept: make(map[string]int)}
	return r.run(ctx, w)
}

// join begins to work, and says so where that takes a while.
func (h *Host) join(ctx context.Context, f *flags, o distributed.Options) (*distributed.Worker, error) {
	slow := time.AfterFunc(time.Second, func() {
		h.note("campaign: waiting for the bucket, or to see whether another worker %q is still at work", f.worker)
	})
	defer slow.Stop()
	w, err := distributed.Join(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("campaign: --bucket %s: %w", f.bucket, err)
	}
	return w, nil
}

// runner is a worker at work.
type runner struct {
	h       *Host
	f       *flags
	subject *Subject
	kept    map[string]int // failures that were looked at, by class
	mine    atomic.Uint64  // seeds that this worker finished
	known   atomic.Pointer[live.State]
	before  struct{ seeds, deliveries int64 } // when this worker began
}

func (r *runner) run(ctx context.Context, w *distributed.Worker) error {
	f, started := r.f, time.Now()
	if !f.show.json {
		r.h.printf("fuzzing %s from a bucket, seeds %d to %d, as worker %s\n", r.subject.Title, f.first, f.first+f.seeds-1, f.worker)
	}
	r.look(w.State())
	screen := command.StartScreen(r.h.Err, func() string {
		seconds := time.Since(started).Seconds()
		return fmt.Sprintf("%.0fs: %d of %d seeds finished, %d by this worker (%.0f/s), %d classes of failures",
			seconds, r.known.Load().Seeds, f.seeds, r.mine.Load(), float64(r.mine.Load())/seconds, r.known.Load().Violations)
	}, func(columns, lines int) []command.Row { return r.rows(time.Since(started), columns, lines) })
	complete, err := w.Run(ctx, distributed.Job{First: f.first, Seeds: f.seeds, Run: r.claim, Every: wall.Every, Progress: r.look})
	screen.Finish()
	b, openErr := openBucket(r.h.Ctx, f.bucket, false)
	switch {
	case err != nil && len(r.kept) > 0:
		r.h.Worsen(command.ExitViolated)
		return fmt.Errorf("campaign: %w; what it found is in %s", err, f.out)
	case err != nil:
		return fmt.Errorf("campaign: %w; it had found no failure", err)
	}
	if openErr != nil {
		return fmt.Errorf("campaign: --bucket: %w", openErr)
	}
	g, err := distributed.Gather(b)
	if err != nil {
		return fmt.Errorf("campaign: --bucket %s: %w", f.bucket, err)
	}
	came := &summary{subject: r.subject, g: g, complete: complete, wanted: f.seeds, mine: r.mine.Load(), seconds: time.Since(started).Seconds(), buckets: []string{f.bucket}}
	return r.h.show(&f.show, "campaign", came)
}

// claim runs the seeds of a claim.
func (r *runner) claim(ctx context.Context, from, n uint64) (distributed.Batch, bool, error) {
	workers := r.f.workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ran, err := r.subject.Run(ctx, from, n, workers)
	r.mine.Add(ran.Seeds)
	more := err == nil
	for _, f := range ran.Failing {
		if f.Violation.Oracle == campaign.OracleTime {
			more = false // what does not end takes a processor from the others
		}
	}
	return distributed.Batch{Seeds: ran.Seeds, Counters: ran.Counters, Failures: r.found(ctx, ran.Failing)}, more, err
}

// word is one that nobody else has.
func word() (string, error) {
	var b [6]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("campaign: draw a name: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// thisWorker is how workers of this machine begin their names.
func thisWorker() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "worker"
	}
	return strings.ReplaceAll(host, "#", "-")
}

// revision is that of the code this program was built from, "" if it is not known.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var commit, changed string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "-changed"
		}
	}
	if commit == "" {
		return ""
	}
	return commit + changed
}

// writable makes a folder that can be written. It stays, since workers of one machine may
// have it in common: none is to take away what another has just found.
func writable(dir string) error {
	if err := os.MkdirAll(dir, campaign.FolderMode); err != nil {
		return err
	}
	return (&campaign.Folder{Dir: dir}).CheckWritable()
}

// isFolder refuses a path that is no folder.
func isFolder(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s: it is no folder", path)
	}
	return err
}
