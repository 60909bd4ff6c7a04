//go:build !linux

package store_test

import "time"

var began = time.Now()

// threadTime is the time that has passed, where the system does not tell how long a
// thread has computed.
func threadTime() time.Duration { return time.Since(began) }
