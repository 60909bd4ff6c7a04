package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"slices"
)

// Proof is the word of a replica that a past is one: that each of its marks was given
// out, and shown to a session. It is an HMAC-SHA-256 of the encoding of the past under
// a secret of the replicas, cut to 128 bits. That of the empty past is zero.
//
// A proof does not say whose past it is. A session may show that of another: it
// depends on more then than it need, and on nothing invented.
type Proof [16]byte

// Notary makes and checks proofs. It is not safe for concurrent use.
type Notary struct {
	secret  []byte
	mac     hash.Hash
	encoded []byte
	sum     []byte
}

// NewNotary returns one for a secret, which all replicas of a store share and no
// client knows.
func NewNotary(secret []byte) *Notary {
	return &Notary{secret: slices.Clone(secret), mac: hmac.New(sha256.New, secret)}
}

// Writer is a name for a session in what its writes leave behind. Who does not know the
// secret cannot tell the session's number by it, which is what the session proves itself by.
func (n *Notary) Writer(client uint64) uint64 {
	n.encoded = binary.BigEndian.AppendUint64(append(n.encoded[:0], "writer "...), client)
	n.mac.Reset()
	n.mac.Write(n.encoded) // a hash never fails
	n.sum = n.mac.Sum(n.sum[:0])
	return binary.BigEndian.Uint64(n.sum) | 1<<63 // above every origin
}

// Of reports whether n is a notary of that secret; nil is of none.
func (n *Notary) Of(secret []byte) bool {
	return n != nil && subtle.ConstantTimeCompare(n.secret, secret) == 1
}

// ProveBoth is the proof of a past and of the one beside it. It says which is which, and
// that there are two: what is vouched for as one is no other's.
func (n *Notary) ProveBoth(past, own Matrix) (p Proof) {
	if len(past) == 0 {
		return p
	}
	n.encoded = n.encoded[:0]
	if len(own) > 0 {
		n.encoded = own.Append(append(n.encoded, both))
	}
	n.encoded = past.Append(n.encoded)
	n.mac.Reset()
	n.mac.Write(n.encoded) // a hash never fails
	n.sum = n.mac.Sum(n.sum[:0])
	copy(p[:], n.sum)
	return p
}

// both stands before two pasts. No single one that is not empty begins so: it begins with
// how many rows it has.
const both = 0

// VouchesBoth reports whether p is the proof of both pasts. No proof is of a past of own
// writes beside an empty one: what a session wrote it must see.
func (n *Notary) VouchesBoth(past, own Matrix, p Proof) bool {
	if len(past) == 0 && len(own) > 0 {
		return false
	}
	want := n.ProveBoth(past, own)
	return subtle.ConstantTimeCompare(want[:], p[:]) == 1
}

// AppendPast appends the encoding of a past with its proof, which an empty one lacks.
func AppendPast(dst []byte, past Matrix, p Proof) []byte {
	dst = past.Append(dst)
	if len(past) > 0 {
		dst = append(dst, p[:]...)
	}
	return dst
}
