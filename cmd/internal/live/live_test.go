package live

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serving serves a state on a port that is free, until the test ends it.
func serving(t *testing.T, state func() State) (url string, end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l, err := Listen(ctx, "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, state) }()
	t.Cleanup(cancel)
	return "http://" + l.Addr().String(), func() error {
		cancel()
		return <-ended
	}
}

// TestServe: the page is there, the numbers come as long as it is open, and both end with
// the context.
func TestServe(t *testing.T) {
	asked := int64(0)
	url, end := serving(t, func() State {
		asked++
		return State{Title: "a campaign", Seeds: asked, Points: []Point{{"a point", 3}}, Failures: []Failure{{7, "<b>broken</b>", ""}}}
	})
	got, err := http.Get(url + "/")
	require.NoError(t, err)
	text, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	require.NoError(t, got.Body.Close())
	assert.Equal(t, http.StatusOK, got.StatusCode)
	assert.Contains(t, string(text), "new EventSource(\"/events\")")
	assert.NotContains(t, string(text), "{{")
	assert.NotContains(t, string(text), "innerHTML", "what failed is text")
	assert.Contains(t, got.Header.Get("Content-Security-Policy"), "default-src 'none'; connect-src 'self'")

	stream, err := http.Get(url + "/events")
	require.NoError(t, err)
	defer stream.Body.Close()
	assert.Equal(t, "text/event-stream", stream.Header.Get("Content-Type"))
	lines := bufio.NewScanner(stream.Body)
	for want := int64(1); want <= 2; want++ {
		require.True(t, lines.Scan())
		line, found := strings.CutPrefix(lines.Text(), "data: ")
		require.True(t, found, lines.Text())
		var s State
		require.NoError(t, json.Unmarshal([]byte(line), &s))
		assert.Equal(t, want, s.Seeds)
		assert.Equal(t, "<b>broken</b>", s.Failures[0].Message)
		require.True(t, lines.Scan())
		assert.Empty(t, lines.Text())
	}
	require.NoError(t, end())
	for lines.Scan() {
		assert.Fail(t, "the numbers end too", lines.Text())
	}
}

// TestRefusals: other machines, other names, and ports that are taken.
func TestRefusals(t *testing.T) {
	url, _ := serving(t, func() State { return State{} })
	for host, want := range map[string]int{"evil.example": http.StatusForbidden, "10.0.0.1:80": http.StatusForbidden, "localhost:1": http.StatusOK} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/", nil)
		require.NoError(t, err)
		r.Host = host
		got, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		assert.Equal(t, want, got.StatusCode, host)
		require.NoError(t, got.Body.Close())
	}
	for _, address := range []string{"0.0.0.0:0", "example.com:80", "127.0.0.1", ":8080", "192.168.0.1:1"} {
		_, err := Listen(t.Context(), address)
		require.ErrorIs(t, err, ErrAddress, address)
	}
	_, err := Listen(t.Context(), strings.TrimPrefix(url, "http://"))
	require.ErrorContains(t, err, "address already in use")
}

// TestLargeRequests are refused: nothing that is asked for needs one.
func TestLargeRequests(t *testing.T) {
	url, _ := serving(t, func() State { return State{} })
	for size, want := range map[int]int{32 << 10: http.StatusOK, 128 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/", nil)
		require.NoError(t, err)
		r.Header.Set("X-Large", strings.Repeat("x", size))
		got, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		assert.Equal(t, want, got.StatusCode, size)
		require.NoError(t, got.Body.Close())
	}
}

// TestRows: the state of a campaign in as many rows as there is room for, the last failures
// if not for all.
func TestRows(t *testing.T) {
	s := State{
		Title: "title", Seconds: 30, Limit: 120, Seeds: 300, Wanted: 600, PerSecond: 10, Deliveries: 3e6,
		Points: []Point{{"one", 3}, {"two", 0}, {"three", 0}}, Note: "a note",
	}
	texts := func(columns, lines int) (all []string) {
		for _, r := range s.Rows(columns, lines) {
			all = append(all, r.Text)
		}
		return all
	}
	assert.Equal(t, []string{
		"title", "[===============               ]  30s, 30s left, 300 of 600 seeds", "300 seeds, 10/s; 3000000 deliveries, 0.10 M/s",
		"1 of 3 situations reached; not yet:", "  two, three", "no failing seed so far", "a note",
	}, texts(79, 20), "the sooner of time and seeds")
	assert.Equal(t, "30s, 30s left, 300 of 600 seeds", texts(32, 20)[1], "no bar where there is no room")
	assert.Equal(t, "  two,", texts(8, 20)[4])

	s.Wanted, s.Violations = 0, 3
	s.Failures = []Failure{{Seed: 1, Message: "first\nmore"}, {Seed: 2, Message: "second"}, {Seed: 3, Message: "third"}}
	assert.Equal(t, "[=======                       ]  30s, 1m30s left", texts(79, 20)[1])
	assert.Equal(t, []string{"3 failing so far", "  seed 1  first", "  seed 2  second", "  seed 3  third", "a note"}, texts(79, 20)[5:])
	assert.Equal(t, []string{"3 failing so far", "  seed 3  third", "a note"}, texts(79, 8)[5:])
	s.Limit, s.Note, s.Points = 0, "", nil
	assert.Equal(t, "30s, until an interrupt", texts(79, 20)[1])
	for i := range 40 {
		s.Points = append(s.Points, Point{Name: fmt.Sprint("a situation ", i)})
	}
	assert.Contains(t, texts(60, 20), "  and 34 more")
}
