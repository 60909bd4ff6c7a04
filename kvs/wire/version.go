package wire

// Version is a version of the protocol. A message bears the one in which its kind got the form
// that it has: most kinds have had one form since the oldest, and say so. Who reads a version
// reads all from [Oldest] to it.
//
//	8	the oldest that is read
//	9	gossip says of each delta what differs from the one before; partitions have factors, of two tiers
type Version byte

// The versions that this package reads and writes.
const (
	Oldest Version = 8
	Newest Version = 9

	// Factored is the version that knows of factors of partitions ([Members].Factors): without
	// any, what is told of members has the form of the oldest.
	Factored Version = 9

	brief Version = 9 // from which on gossip is brief
)

// hasForm reports whether messages of a kind may bear a version.
func hasForm(v Version, k MessageKind) bool {
	return v == Oldest || v == brief && k == MsgGossip || v == Factored && k == MsgMembers
}

func membersForm(factors bool) Version {
	if factors {
		return Factored
	}
	return Oldest
}

// VersionOf is the version that a message bears; 0 if that is cut off, and nothing else is looked
// at: see [Open].
func VersionOf(msg []byte) Version {
	if len(msg) < headerSize {
		return 0
	}
	return Version(msg[1])
}
