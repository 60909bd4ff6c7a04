//go:build !linux

package store_test

import "time"

// clockBegan is when the tests began.
var clockBegan = time.Now()

// threadTime is the time that has passed, where the system does not tell how long a
// thread has computed.
func threadTime() time.Duration { return time.Since(clockBegan) }

// processTime is the same.
func processTime() time.Duration { return threadTime() }
