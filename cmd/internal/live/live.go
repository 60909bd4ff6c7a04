// Package live shows a campaign in a browser while it runs: one page that asks for no other
// file, and its numbers by server-sent events, once a second. It is for the machine that the
// campaign runs on: [Listen] takes a loopback address alone, and a request that names the
// server otherwise is refused, so that no page of elsewhere can read it through a browser.
//
// [State.Rows] is the same for a terminal.
//
// It knows nothing of what is fuzzed, changes nothing, and keeps nothing.
package live

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/joinery-go/joinery/sim/report"
)

// State is what the page shows.
type State struct {
	Title      string    `json:"title"`
	Over       string    `json:"over"` // why the campaign has ended, "" while it runs
	Seconds    float64   `json:"seconds"`
	Limit      float64   `json:"limit_seconds,omitempty"` // when it ends; 0 for no bound
	Seeds      int64     `json:"seeds"`
	Wanted     uint64    `json:"wanted_seeds,omitempty"` // with which it ends; 0 for no bound
	PerSecond  float64   `json:"seeds_per_second"`
	Deliveries int64     `json:"deliveries"`
	Violations int64     `json:"violations"`
	Points     []Point   `json:"points"`
	Failures   []Failure `json:"failures"`
	Note       string    `json:"note,omitempty"` // what else there is to say
}

// Point is a situation that a campaign should come to, and how many seeds have.
type Point struct {
	Name  string `json:"name"`
	Seeds int64  `json:"seeds"`
}

// Failure is a failing seed.
type Failure struct {
	Seed    uint64 `json:"seed"`
	Message string `json:"message"`
	Folder  string `json:"folder"` // where it is kept, "" if it is not, or not yet
}

// ErrAddress is wrapped where an address cannot be served on.
var ErrAddress = errors.New("want a loopback address and a port, such as 127.0.0.1:0, where port 0 is any that is free")

// Listen listens on a loopback address, given as numbers.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("%q: %w", address, ErrAddress)
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}

//go:embed page.html
var page string

//go:embed page.js
var script string

// whole is the page, and policy what the browser is told about it: it fetches nothing but
// the numbers, and runs no script and style but these.
var whole, policy = func() (string, string) {
	digest := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	style := report.Style()
	return strings.NewReplacer("{{style}}", style, "{{script}}", script).Replace(page),
		fmt.Sprintf("default-src 'none'; connect-src 'self'; script-src %s; style-src %s; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", digest(script), digest(style))
}()

// every is how often numbers are sent.
const every = time.Second

// maxWatchers bounds the pages that are open at once.
const maxWatchers = 32

// Serve serves the page until the context ends. state is asked once a second for each page
// that is open, and must be safe for concurrent use.
func Serve(ctx context.Context, l net.Listener, state func() State) error {
	watchers := make(chan struct{}, maxWatchers)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		fmt.Fprint(w, whole)
	})
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		select {
		case watchers <- struct{}{}:
			defer func() { <-watchers }()
			events(ctx, w, r, state)
		default:
			http.Error(w, fmt.Sprintf("more than %d pages are open", maxWatchers), http.StatusServiceUnavailable)
		}
	})
	s := &http.Server{Handler: local(mux), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %v: %w", l.Addr(), err)
	}
	return nil
}

// local refuses requests that name the server by anything but a loopback address.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, err := netip.ParseAddrPort(r.Host)
		name, _, _ := strings.Cut(r.Host, ":")
		if (err != nil || !at.Addr().IsLoopback()) && name != "localhost" {
			http.Error(w, "this is served to its own machine alone", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// events sends numbers until the page is closed, or the context ends.
func events(ctx context.Context, w http.ResponseWriter, r *http.Request, state func() State) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	for tick := time.NewTicker(every); ; {
		line, err := json.Marshal(state())
		if err == nil {
			_, err = fmt.Fprintf(w, "data: %s\n\n", line)
		}
		if err != nil || out.Flush() != nil {
			tick.Stop()
			return // nobody reads on
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			tick.Stop()
			return
		case <-ctx.Done():
			tick.Stop()
			return
		}
	}
}
