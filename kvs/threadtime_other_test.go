//go:build !linux

package kvs_test

import "time"

var begun = time.Now()

// threadTime is the time that has passed: where no thread's own can be had.
func threadTime() time.Duration { return time.Since(begun) }
