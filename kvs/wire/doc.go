// Package wire is what replicas and clients of the store say to each other, and what a
// replica has written to its disk: requests, responses, gossip, snapshots in pieces,
// and records. A message is magic, version, kind, body and a CRC-32C; equal messages
// are equal bytes, since every number and truth has one encoding.
//
// Arbitrary bytes give an error that wraps [ErrMessage], and cost no more memory than
// they take. Whether a message makes sense (the partition exists, the kind is known,
// a clock is plausible) is for its receiver to say. The package sends nothing.
package wire
