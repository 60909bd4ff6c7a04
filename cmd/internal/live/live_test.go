package live

import (
	"bufio"
	"context"
	"encoding/json"
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
