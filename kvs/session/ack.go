package session

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Ack is when a write is answered. Its numbers stand in requests.
type Ack uint8

// The levels of acknowledgement, but for [Owners].
const (
	// AckDurable is once one replica has the write on its disk, and shows it.
	AckDurable Ack = 0
	// AckMemory is as soon as a replica has taken the write, before it is on any disk or
	// can be read: a crash of that replica may undo it, and nothing else. What depends on a
	// write that was undone can be read no more.
	AckMemory Ack = 1 << 7
)

// MaxOwners is how many owners [Owners] may ask for.
const MaxOwners = 15

// Owners is once so many owners of the key have the write on their disks, 1 to [MaxOwners]. A
// write of which that does not come about before its deadline is answered as unavailable,
// and stays.
func Owners(w int) Ack { return Ack(w) }

// Owners is how many owners must have a write before it is answered; 0 is any replica.
func (a Ack) Owners() int { return int(a & MaxOwners) }

// ErrAck is wrapped by [ParseAck].
var ErrAck = errors.New("session: unknown level of acknowledgement")

// String is the level's name: durable, memory, or w=2.
func (a Ack) String() string {
	switch {
	case a == AckDurable:
		return "durable"
	case a == AckMemory:
		return "memory"
	case a <= MaxOwners:
		return "w=" + strconv.Itoa(int(a))
	}
	return fmt.Sprintf("Ack(%d)", uint8(a))
}

// ParseAck is the inverse of [Ack.String].
func ParseAck(name string) (Ack, error) {
	switch name {
	case "durable":
		return AckDurable, nil
	case "memory":
		return AckMemory, nil
	}
	if w, ok := strings.CutPrefix(name, "w="); ok {
		if n, err := strconv.ParseUint(w, 10, 8); err == nil && n >= 1 && n <= MaxOwners {
			return Owners(int(n)), nil
		}
	}
	return 0, fmt.Errorf("%w %q (known: durable, memory, w=1 to w=%d)", ErrAck, name, MaxOwners)
}

// Known reports whether replicas know it.
func (a Ack) Known() bool { return a == AckMemory || a <= MaxOwners }
