package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
)

// TestBarsStandApart: the bars of all workloads of one engine are narrower than its part of the plot, of
// which the axis takes some, and no wider than where there are few.
func TestBarsStandApart(t *testing.T) {
	labels, groups := len(measure.Names()), len(measure.Kinds())
	part := float64(wide) * 0.9 / float64(labels)
	assert.Less(t, float64(barWidth(labels, groups))*float64(groups), part*0.9)
	assert.InDelta(t, 30, float64(barWidth(2, 2)), 1e-9)
	assert.Positive(t, float64(barWidth(0, 0)))
}
