package report

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestCells: what a reader compares has six digits, and no power of ten where it is a rate.
func TestCells(t *testing.T) {
	for want, v := range map[string]any{
		"2118240": 2118240.4, "1000000": 1e6, "999999": 999999.2, "36.384": 36.384, "0.0131235": 0.013123456, "7": 7, "lsm": "lsm",
	} {
		assert.Equal(t, want, cell(reflect.ValueOf(v)))
	}
	assert.Equal(t, "7", cell(reflect.ValueOf(new(int64(7)))))
	assert.Equal(t, "1.5", cell(reflect.ValueOf(new(1.5))))
	assert.Empty(t, cell(reflect.ValueOf((*int64)(nil))), "no figure is no zero")
}
