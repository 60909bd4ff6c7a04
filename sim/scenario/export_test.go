package scenario

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

// WithSource runs a seed under a source that is made anew for each run.
func WithSource(t *testing.T, cfg Config, seed uint64, source func() choice.Source) *Result {
	t.Helper()
	res, err := RunWith(t.Context(), cfg, seed, source())
	require.NoError(t, err)
	res.source = func() (choice.Source, error) { return source(), nil }
	return res
}

// Plain is the scope explored without taking steps once.
func Plain(s Scope) Scope {
	s.plain = true
	return s
}
