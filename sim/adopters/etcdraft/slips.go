package etcdraft

// Slip is a slip of the host.
type Slip int

// The slips. None is the host as it should be.
const (
	None            Slip = iota
	SendsEarly           // messages go out before what they promise is durable
	ForgetsVote          // the term is saved, and whom the node voted for is not
	ForgetsEntries       // entries are not saved
	KeepsConflicts       // a node that starts again takes the first entry saved at an index, not the last
	AnswersEarly         // a write is answered when it is proposed
	LocalReads           // a leader answers reads from its own state
	LeaseReads           // it does so for as long as it takes itself for leader by its clock
	ReadsEarly           // a read is answered before what it must see is applied
	ExecutesTwice        // a write that comes again is executed again
	SnapshotIgnored      // a snapshot is saved, and the register is not set to it
	SnapshotPartial      // a snapshot leaves out which writes were executed
	SnapshotSilent       // the library is not told what became of a snapshot
	TruncatesEarly       // the log is cut off before the snapshot is durable that stands in for it
	LogUnread            // a node that has a snapshot starts from it, and reads nothing behind it
	Slips
)

var slipNames = [Slips]string{
	"none", "sends early", "forgets vote", "forgets entries", "keeps conflicts", "answers early", "local reads", "lease reads",
	"reads early", "executes twice", "snapshot ignored", "snapshot partial", "snapshot silent",
	"truncates early", "log unread",
}

// String names the slip.
func (s Slip) String() string {
	if s >= 0 && s < Slips {
		return slipNames[s]
	}
	return "slip(invalid)"
}
