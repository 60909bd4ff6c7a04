package proto_test

import (
	"testing"

	"example.org/toy/proto"
)

func TestMerge(t *testing.T) {
	if proto.Merge(1, 2) != 2 {
		t.Error("the greater of 1 and 2 is 2")
	}
}

func TestGreater(t *testing.T) {
	if !proto.Greater(2, 1) {
		t.Error("2 is greater than 1")
	}
}
