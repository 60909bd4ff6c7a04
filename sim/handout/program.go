package handout

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim/campaign"
)

// Main is a program that does what is left to do of a protocol's campaign in a folder, and
// ends this process: with 0, with 1 if something could not be done, with 2 if it was called
// in a way that it cannot be, and with 130 at an interrupt. The folder may be one that
// "campaign --bucket" of [simtool.Main] works on with the same --commit.
//
// [simtool.Main]: https://pkg.go.dev/github.com/joinery-go/joinery/cmd/simtool#Main
func Main(p campaign.Protocol) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the next one ends the process
	os.Exit(Run(ctx, p, os.Args[1:], os.Stdout, os.Stderr))
}

// Run is [Main] with the words behind the program's name, and its outputs. It returns the
// exit code.
func Run(ctx context.Context, p campaign.Protocol, args []string, out, errs io.Writer) int {
	var bucket, commit, url, serve string
	var seeds, piece uint64
	var port int
	f := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&bucket, "bucket", "", "`folder` of the campaign")
	f.StringVar(&commit, "commit", "", "of the code under test")
	f.Uint64Var(&seeds, "seeds", 10_000, "how many seeds to run, by all workers together")
	f.Uint64Var(&piece, "piece", 1000, "how many of them are handed out at once")
	f.StringVar(&url, "nats", "", "`URL` of a server that says who does what; without, workers choose for themselves")
	f.StringVar(&serve, "serve", "", "be such a server, which keeps what it has not handed out in this `folder`, and work too")
	f.IntVar(&port, "port", 4222, "of that server, on this machine; -1 is any")
	if err := f.Parse(args); err != nil {
		return 2
	}
	if bucket == "" || f.NArg() > 0 || url != "" && serve != "" || seeds < 1 || piece < 1 {
		fmt.Fprintf(errs, "%s: want --bucket, seeds, at most one of --nats and --serve, and no other words\n", p.Name)
		return 2
	}
	err := func() error {
		levels, err := campaign.ParseLevels("drawn", p.Setup.Faults)
		if err != nil {
			return err
		}
		b, err := snapshot.NewFolder(bucket, snapshot.FolderOptions{})
		if err != nil {
			return err
		}
		c := &Campaign{
			Bucket: b, Protocol: p, Commit: commit, Seeds: seeds, Piece: piece,
			Of: fmt.Sprintf("protocol %s, version %d, strategy %s, faults %v", p.Name, p.Version, campaign.Strategies()[0], levels),
		}
		return work(ctx, c, url, serve, port, out)
	}()
	switch {
	case ctx.Err() != nil:
		fmt.Fprintf(errs, "%s: interrupted; what was finished is kept\n", p.Name)
		return 130
	case err != nil:
		fmt.Fprintf(errs, "%s: %v\n", p.Name, err)
		return 1
	}
	return 0
}

// work works on a campaign, with the server of a URL, or one of its own that keeps what it has
// in a folder, or none.
func work(ctx context.Context, c *Campaign, url, serve string, port int, out io.Writer) error {
	var name [6]byte
	if _, err := rand.Read(name[:]); err != nil {
		return err
	}
	word := hex.EncodeToString(name[:])
	w := &Worker{Campaign: c, Name: word, Incarnation: word, Note: func(text string) { fmt.Fprintln(out, text) }}
	if serve != "" {
		s, err := Serve(ServeOptions{Dir: serve, Port: port})
		if err != nil {
			return err
		}
		defer s.Shutdown()
		url = s.ClientURL()
		fmt.Fprintf(out, "serving at %s\n", url)
	}
	if url != "" {
		q, err := Connect(url, "campaign", takenAway)
		if err != nil {
			return err
		}
		defer q.Close()
		w.Queue = q
	}
	err := w.Work(ctx)
	left, e := Outstanding(c)
	if e == nil && len(left) == 0 {
		fmt.Fprintln(out, "nothing is left to do")
	}
	return errors.Join(err, e)
}

// takenAway is how long a worker may give no sign of life before its task is handed to
// another.
const takenAway = 30 * time.Second
