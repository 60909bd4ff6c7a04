package merges

import "testing"

func TestWithoutLaws(t *testing.T) {
	if Largest() == nil || len(Merge(nil, nil)) > 0 {
		t.Fatal("no largest")
	}
	var c Counter
	_ = c.Merge(c)
}
