//go:build !unix

package scenario

import "time"

var began = time.Now()

// cpuTime stands in for processor time where the system does not tell it.
func cpuTime() time.Duration { return time.Since(began) }
