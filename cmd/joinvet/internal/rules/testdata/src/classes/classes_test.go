package classes

import (
	"testing"

	"github.com/joinery-go/joinery/laws"
)

func TestClasses(t *testing.T) {
	laws.CheckMorphism(t, checked)
	laws.CheckMonotone(t, checkedToo)
}
