package store

import (
	"fmt"
	"strings"
)

// Durability is what a crash may take. At each level the state that is recovered is
// one that the engine had, and [Engine.Sync], [Engine.Restore] and [Engine.Close]
// make all before them durable.
type Durability uint8

const (
	// OnSnapshot keeps everything up to the last snapshot that returned. A crash may
	// take any suffix of what was set since.
	OnSnapshot Durability = iota
	// None promises nothing of the directory but what Sync, Restore and Close
	// promise: a crash may take back even what a snapshot has seen, though not the
	// version in the archive, which can be restored.
	None
	// GroupCommit keeps all but the last [Options.GroupWrites]-1 sets that returned.
	GroupCommit
	// EveryWrite keeps every set that returned.
	EveryWrite
)

var durabilities = [...]string{OnSnapshot: "snapshot", None: "none", GroupCommit: "group", EveryWrite: "write"}

// String is the name that [ParseDurability] reads.
func (d Durability) String() string {
	if int(d) < len(durabilities) {
		return durabilities[d]
	}
	return fmt.Sprintf("durability(%d)", uint8(d))
}

// ParseDurability reads "none", "snapshot", "group" or "write".
func ParseDurability(s string) (Durability, error) {
	for d, name := range durabilities {
		if s == name {
			return Durability(d), nil
		}
	}
	return 0, fmt.Errorf("%w: no durability %q; there are %s", ErrOptions, s, strings.Join(durabilities[:], ", "))
}
