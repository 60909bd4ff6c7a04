package session

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/ring"
)

// Mark says that the first Seq events of Origin in Partition have been seen, or
// must be. Seq is at least 1.
type Mark struct {
	Partition ring.Partition
	Origin    uint64
	Seq       uint64
}

func (m Mark) compare(n Mark) int {
	if m.Partition != n.Partition {
		return cmp.Compare(m.Partition, n.Partition)
	}
	return cmp.Compare(m.Origin, n.Origin)
}

// Matrix is per partition a version vector of what must be, or has been, seen:
// marks that strictly ascend by partition and origin. It is a map of maps kept
// flat, since it is small and travels with every write: merging, coding and
// comparing are single passes without a hash or an allocation.
type Matrix []Mark

// Row is one row of a matrix: the marks of one partition. Its encoding is that of
// a version vector and leaves the partition out.
type Row []Mark

// Cuts is above every partition. A mark of Cuts plus the id of a node ([CutsOf]) says that the
// first Seq cuts of Origin, an incarnation of that node, have been seen, and so all that
// these name; see kvs.
const Cuts ring.Partition = 1 << 16

// CutsOf stands for the cuts of a node, whose id is at most [ring.MaxNode], in place of a
// partition. It hangs on the id alone, and so means the same whoever else is a node.
func CutsOf(n ring.NodeID) ring.Partition { return Cuts + ring.Partition(n) }

// CutNode is the node for whose cuts p stands, which is at least [Cuts].
func CutNode(p ring.Partition) ring.NodeID { return ring.NodeID(p - Cuts) }

// Seq is the number of the mark of an origin, 0 if it has none.
func (r Row) Seq(origin uint64) uint64 {
	for i := range r {
		if r[i].Origin == origin {
			return r[i].Seq
		}
	}
	return 0
}

// MergeIn joins other, which must ascend as a matrix does, into m and reports
// whether m rose. O(|m| + |other|); it allocates only where m must grow.
func (m *Matrix) MergeIn(other []Mark) (grew bool) {
	t := *m
	missing, i := 0, 0
	for _, x := range other {
		for i < len(t) && t[i].compare(x) < 0 {
			i++
		}
		switch {
		case i == len(t) || t[i].compare(x) != 0:
			missing++
		case t[i].Seq < x.Seq:
			t[i].Seq = x.Seq
			grew = true
		}
	}
	if missing == 0 {
		return grew
	}
	i = len(t) - 1
	t = slices.Grow(t, missing)[:len(t)+missing]
	for k, j := len(t)-1, len(other)-1; j >= 0; k-- {
		switch {
		case i < 0 || t[i].compare(other[j]) < 0:
			t[k] = other[j]
			j--
		case t[i].compare(other[j]) > 0:
			t[k] = t[i]
			i--
		default: // merged above
			t[k] = t[i]
			i, j = i-1, j-1
		}
	}
	*m = t
	return true
}

// Row is the row of p, a part of m: nil if it is empty.
func (m Matrix) Row(p ring.Partition) Row {
	lo := 0
	for lo < len(m) && m[lo].Partition < p {
		lo++
	}
	hi := lo
	for hi < len(m) && m[hi].Partition == p {
		hi++
	}
	if lo == hi {
		return nil
	}
	return Row(m[lo:hi:hi])
}

// Clone returns an independent copy.
func (m Matrix) Clone() Matrix { return slices.Clone(m) }

// Rows is how many partitions have marks.
func (m Matrix) Rows() (n int) {
	for i := range m {
		if i == 0 || m[i-1].Partition != m[i].Partition {
			n++
		}
	}
	return n
}

// Includes reports whether m counts at least as far as other, in every partition and of
// every origin.
func (m Matrix) Includes(other Matrix) bool {
	i := 0
	for _, x := range other {
		for i < len(m) && m[i].compare(x) < 0 {
			i++
		}
		if i == len(m) || m[i].compare(x) != 0 || m[i].Seq < x.Seq {
			return false
		}
	}
	return true
}

// ErrDecode is wrapped by every refusal to decode a row or a matrix.
var ErrDecode = errors.New("session: cannot decode")

// Append appends the encoding of the row: how many marks, then origin and
// sequence number of each.
func (r Row) Append(dst []byte) []byte {
	dst = varint.Append(dst, uint64(len(r)))
	for i := range r {
		dst = varint.Append(varint.Append(dst, r[i].Origin), r[i].Seq)
	}
	return dst
}

// DecodeRow reads a row from the front of src, appends it to dst as the row of p
// and returns what it appended.
func DecodeRow(dst []Mark, p ring.Partition, src []byte) (row []Mark, rest []byte, err error) {
	row, at, err := decodeRow(dst, p, src, 0)
	if err != nil {
		return dst, src, err
	}
	return row, src[at:], nil
}

// decodeRow reads the row at i and says where it ends.
func decodeRow(dst []Mark, p ring.Partition, src []byte, i int) ([]Mark, int, error) {
	n, i := varint.Next(src, i)
	if i < 0 || n > uint64(len(src)-i)/2 {
		return dst, i, errNumber
	}
	last := uint64(0)
	for k := range n {
		m := Mark{Partition: p}
		m.Origin, i = varint.Next(src, i)
		m.Seq, i = varint.Next(src, i)
		if i < 0 {
			return dst, i, errNumber
		}
		if k > 0 && m.Origin <= last || m.Seq == 0 {
			return dst, i, errOrigins
		}
		last = m.Origin
		dst = append(dst, m)
	}
	return dst, i, nil
}

// Append appends the encoding of m: how many rows, then partition and row of
// each.
func (m Matrix) Append(dst []byte) []byte {
	if len(m) == 0 {
		return append(dst, 0)
	}
	dst = varint.Append(dst, uint64(m.Rows()))
	for len(m) > 0 {
		row := 1
		for row < len(m) && m[row].Partition == m[0].Partition {
			row++
		}
		dst = Row(m[:row]).Append(varint.Append(dst, uint64(m[0].Partition)))
		m = m[row:]
	}
	return dst
}

// Decode reads a matrix from the front of src and appends its marks to dst, which
// is mostly nil, or memory to be used again.
func Decode(dst Matrix, src []byte) (m Matrix, rest []byte, err error) {
	n, i := varint.Next(src, 0)
	if i < 0 || n > uint64(len(src)-i)/2 {
		return dst, src, errNumber
	}
	marks := []Mark(dst)
	prev := uint64(0)
	for k := range n {
		var p uint64
		if p, i = varint.Next(src, i); i < 0 {
			return dst, src, errNumber
		}
		before := len(marks)
		if marks, i, err = decodeRow(marks, ring.Partition(p), src, i); err != nil {
			return dst, src, err
		}
		if k > 0 && p <= prev || p > maxPartition || len(marks) == before {
			return dst, src, errPartitions
		}
		prev = p
	}
	return marks, src[i:], nil
}

const maxPartition = 1<<32 - 1

var (
	errNumber     = fmt.Errorf("%w: not a number, or a count that exceeds the input", ErrDecode)
	errOrigins    = fmt.Errorf("%w: origins not ascending, or at zero", ErrDecode)
	errPartitions = fmt.Errorf("%w: partitions not ascending, or empty, or out of range", ErrDecode)
)
