package scenario_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/sim/scenario"
)

// TestMarksOfAConfiguration: a campaign is not held to what its configuration
// rules out.
func TestMarksOfAConfiguration(t *testing.T) {
	assert.Equal(t, scenario.Marks(), scenario.Config{}.Marks())
	assert.Len(t, scenario.Config{Level: "eventual"}.Marks(), len(scenario.Marks())-3)
	assert.Len(t, scenario.Config{Nodes: 3}.Marks(), len(scenario.Marks())-1, "where partitions have two owners, one of three is none; and nobody decides who comes and goes")
	assert.Len(t, scenario.Config{Level: "item-cut"}.Marks(), len(scenario.Marks())-7)
	assert.Len(t, scenario.Config{Nodes: 4, Level: "causal"}.Marks(), len(scenario.Marks())-2, "nor are there transactions")
}
