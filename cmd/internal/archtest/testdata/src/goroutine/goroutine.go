package goroutine

import (
	"sync"

	"golang.org/x/sync/errgroup"
)

func mutants() {
	go func() {}() // want `go statement`
	var wg sync.WaitGroup
	wg.Go(func() {}) // want `sync.WaitGroup.Go`
	var g errgroup.Group
	g.Go(func() error { return nil })    // want `errgroup.Group.Go`
	g.TryGo(func() error { return nil }) // want `errgroup.Group.TryGo`
}

func fine() {
	var mu sync.Mutex
	mu.Lock()
	defer mu.Unlock()
	func() {}()
}
