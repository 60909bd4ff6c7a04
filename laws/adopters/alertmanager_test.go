package adopters_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// notified is what a log says of the last notification of a group of alerts: when,
// and which alerts fired.
type notified struct {
	Nanosecond int64
	Firing     []uint64
}

// notifications is a log as its peers are sent it, by group.
type notifications map[string]notified

// expiry is later than any run of these tests: what has expired is not merged.
var expiry = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

func (n notifications) encode() []byte {
	var b bytes.Buffer
	for group, last := range n {
		_, err := protodelim.MarshalTo(&b, &nflogpb.MeshEntry{
			Entry: &nflogpb.Entry{
				GroupKey: []byte(group), Receiver: &nflogpb.Receiver{GroupName: "ops", Integration: "email"},
				Timestamp: timestamppb.New(time.Unix(0, last.Nanosecond)), FiringAlerts: last.Firing,
			},
			ExpiresAt: timestamppb.New(expiry),
		})
		if err != nil {
			panic(fmt.Sprintf("encode: %v", err))
		}
	}
	return b.Bytes()
}

func decodeNotifications(b []byte) notifications {
	n := notifications{}
	for r := bufio.NewReader(bytes.NewReader(b)); ; {
		var e nflogpb.MeshEntry
		switch err := protodelim.UnmarshalFrom(r, &e); {
		case errors.Is(err, io.EOF):
			return n
		case err != nil:
			panic(fmt.Sprintf("decode: %v", err))
		}
		n[string(e.Entry.GroupKey)] = notified{e.Entry.Timestamp.AsTime().UnixNano(), e.Entry.FiringAlerts}
	}
}

// mergeNotifications gives a log what two peers send.
func mergeNotifications(a, b notifications) notifications {
	log, err := nflog.New(nflog.Options{Retention: time.Hour, Metrics: prometheus.WrapRegistererWith(nil, nil)})
	if err != nil {
		panic(fmt.Sprintf("new: %v", err))
	}
	for _, n := range []notifications{a, b} {
		if err := log.Merge(n.encode()); err != nil {
			panic(fmt.Sprintf("merge: %v", err))
		}
	}
	merged, err := log.MarshalBinary()
	if err != nil {
		panic(fmt.Sprintf("marshal: %v", err))
	}
	return decodeNotifications(merged)
}

// drawNotifications draws a log of up to three groups; firing says which alerts were
// firing at a time.
func drawNotifications(firing func(t *rapid.T, at int64) []uint64) *rapid.Generator[notifications] {
	return rapid.Custom(func(t *rapid.T) notifications {
		n := notifications{}
		for _, group := range []string{"{}:{alertname=\"disk\"}", "{}:{alertname=\"cpu\"}", "{}:{alertname=\"net\"}"} {
			if at := rapid.Int64Range(0, 4).Draw(t, "nanosecond"); at > 0 {
				n[group] = notified{at, firing(t, at)}
			}
		}
		return n
	})
}

// Peers that never notify of one group in the same nanosecond.
func TestAlertmanagerHolds(t *testing.T) {
	states := drawNotifications(func(_ *rapid.T, at int64) []uint64 { return []uint64{uint64(at), uint64(at * at)} })
	laws.CheckMerge(t, mergeNotifications, states, cases())
}

// Two peers that do, of different alerts.
func TestAlertmanagerTies(t *testing.T) {
	states := drawNotifications(func(t *rapid.T, _ int64) []uint64 {
		return rapid.SliceOfN(rapid.Uint64Range(1, 3), 1, 2).Draw(t, "firing")
	})
	fails(t, laws.Func(mergeNotifications), drawn(states, mergeNotifications, nil), "semilattice/commutative")
}

// The first to arrive stays.
func TestAlertmanagerOneNanosecond(t *testing.T) {
	a, b := notifications{"g": {1, []uint64{1}}}, notifications{"g": {1, []uint64{2}}}
	assert.Equal(t, a, mergeNotifications(a, b))
	assert.Equal(t, b, mergeNotifications(b, a))
}
