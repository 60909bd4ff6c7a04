package memory_test

import (
	"testing"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/memory"
	"github.com/joinery-go/joinery/kvs/store/storetest"
)

var suite = storetest.Engine{
	Name:         memory.Name,
	Open:         func(o store.Options) (store.Engine, error) { return memory.Open(memory.Options{Options: o}) },
	Durabilities: []store.Durability{store.None, store.OnSnapshot},
}

func TestSuite(t *testing.T) { storetest.Test(t, suite) }

func TestResize(t *testing.T) { storetest.TestResize(t, suite) }

func TestDamage(t *testing.T) { storetest.TestDamage(t, suite) }

func TestConcurrent(t *testing.T) { storetest.TestConcurrent(t, suite.Open) }
