package flow

import (
	"context"
	"fmt"
)

// Run runs the graph until it is finished, an operator fails, or ctx is canceled.
// Where the graph waits for input or for a channel, Run waits too. After an error
// Run may be called again and goes on where it was.
func (s *Scheduler) Run(ctx context.Context) error { return s.run(ctx, nil) }

// Settle runs the graph until nothing can run without more input.
func (s *Scheduler) Settle(ctx context.Context) (Status, error) {
	if s == nil || ctx == nil {
		return Finished, errNothingToRun
	}
	for {
		if err := canceled(ctx, s.g); err != nil {
			return Working, err
		}
		if st, err := s.Step(); err != nil || st != Working {
			return st, err
		}
	}
}

func (s *Scheduler) run(ctx context.Context, until func() bool) error {
	if s == nil || ctx == nil {
		return errNothingToRun
	}
	for {
		if err := canceled(ctx, s.g); err != nil {
			return err
		}
		if until != nil && until() {
			return nil
		}
		switch st, err := s.Step(); {
		case err != nil:
			return err
		case st == Finished:
			return nil
		case st == Waiting:
			select {
			case <-s.signal:
			case <-ctx.Done():
			}
		}
	}
}

// errNothingToRun is a scheduler that [Start] has not made, or no context.
var errNothingToRun = fmt.Errorf("flow: run: %w: a nil scheduler or context; see Start", ErrArgument)

func canceled(ctx context.Context, g *Graph) error {
	if ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("flow: run graph %q: %w: %w", g.name, ErrCanceled, context.Cause(ctx))
}
