//go:build !unix

package main

import "time"

// processorTime is the time that has passed, since that of the process is not known here.
func processorTime() time.Duration { return time.Since(began) }
