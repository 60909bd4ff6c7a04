//go:build race

package snapshot_test

// raced says that the race detector is on, which makes everything slower: fewer
// schedules and races are run then.
const raced = true
