package ops

import "testing"

func TestSum(t *testing.T) {
	if Sum(1, 2, 3) != 6 {
		t.Error("1 + 2 + 3 is 6")
	}
}
