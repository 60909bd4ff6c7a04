package store

import (
	"encoding/hex"
	"fmt"
)

// Key is a key in manifests and catalogs, where its text is in hexadecimal digits.
type Key string

// MarshalText is the key in hexadecimal digits.
func (k Key) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, []byte(k)), nil }

// UnmarshalText reads hexadecimal digits, at most those of a key of [MaxKeyBytes].
func (k *Key) UnmarshalText(text []byte) error {
	if len(text) > 2*MaxKeyBytes {
		return fmt.Errorf("%w: %d digits, at most %d", ErrKey, len(text), 2*MaxKeyBytes)
	}
	b, err := hex.AppendDecode(nil, text)
	*k = Key(b)
	return err
}

// KeyRange is the keys from From on and below To, in the order of bytes. An empty To
// is no bound, so the zero KeyRange is all keys.
type KeyRange struct {
	From Key `json:"from,omitempty"`
	To   Key `json:"to,omitempty"`
}

// String is the range as [from, to) with quoted keys.
func (r KeyRange) String() string {
	if r.To == "" {
		return fmt.Sprintf("[%q, …)", string(r.From))
	}
	return fmt.Sprintf("[%q, %q)", string(r.From), string(r.To))
}

// Holds reports that the key is in the range. It takes no memory.
func (r KeyRange) Holds(key []byte) bool {
	return string(key) >= string(r.From) && (r.To == "" || string(key) < string(r.To))
}

// Empty reports that no key is in the range.
func (r KeyRange) Empty() bool { return r.To != "" && r.From >= r.To }

// Intersect is the keys that are in both.
func (r KeyRange) Intersect(s KeyRange) KeyRange {
	r.From = max(r.From, s.From)
	if r.To == "" || s.To != "" && s.To < r.To {
		r.To = s.To
	}
	return r
}

// Check refuses segments that no manifest has.
func (s Segment) Check() error {
	switch {
	case s.Length < 0 || s.IndexLength < 0:
		return fmt.Errorf("%w: a segment of %d bytes with an index of %d", ErrCorrupt, s.Length, s.IndexLength)
	case (s.Index == Hash{}) != (s.IndexLength == 0):
		return fmt.Errorf("%w: an index of %d bytes under the hash %s", ErrCorrupt, s.IndexLength, s.Index)
	case s.Range.Empty() || len(s.Range.From) > MaxKeyBytes || len(s.Range.To) > MaxKeyBytes:
		return fmt.Errorf("%w: a segment of the keys %.100s", ErrCorrupt, s.Range)
	}
	return nil
}

// Plain reports that the segment is a hash and a length and no more.
func (s Segment) Plain() bool {
	return s.Range == (KeyRange{}) && s.IndexLength == 0
}
