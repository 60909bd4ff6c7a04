package main

import "sync"

// step is what is being done, for a line of progress that another goroutine prints.
type step struct {
	mu   sync.Mutex
	text string
}

func newStep(text string) *step { return &step{text: text} }

func (s *step) set(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
}

func (s *step) get() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}
