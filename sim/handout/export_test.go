package handout

import "context"

func Alive(q *Queue, h Handed) (stop func())   { return q.alive(h) }
func Done(ctx context.Context, h Handed) error { return h.done(ctx) }
