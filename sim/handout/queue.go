package handout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/joinery-go/joinery/sim/wall"
)

// ServeOptions describe a server within this process.
type ServeOptions struct {
	// Dir is where the server keeps what it has not handed out.
	Dir string
	// Host and Port are where it listens, a loopback address by default; port -1 is any.
	Host string
	Port int
}

// Serve starts a server within this process, which makes each task durable before it says
// that it has it.
func Serve(o ServeOptions) (*server.Server, error) {
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	s, err := server.NewServer(&server.Options{
		Host: o.Host, Port: o.Port, JetStream: true, StoreDir: o.Dir, SyncAlways: true, NoLog: true, NoSigs: true,
	})
	if err != nil {
		return nil, fmt.Errorf("handout: serve: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(answer) {
		s.Shutdown()
		return nil, fmt.Errorf("handout: serve on %s:%d: it does not begin; is the port in use, or %s not to be written?", o.Host, o.Port, o.Dir)
	}
	return s, nil
}

const (
	// answer is how long a server may take to answer before workers choose for themselves.
	answer = 2 * time.Second
	// remembered is for how long the server knows that it was given a task before.
	remembered = 2 * time.Minute
	// deliveries is how many workers may die of a task before the server keeps it back.
	deliveries = 5
)

// Queue is what a server hands out. It is safe for concurrent use.
type Queue struct {
	conn *nats.Conn
	js   jetstream.JetStream
	name string
	wait time.Duration
}

// Connect connects to a server, which need not be there yet, nor stay. Tasks of one name are
// one queue: name it after the campaign's bucket. A task is another's if the one who has it
// gives no sign of life for the time of wait.
func Connect(url, name string, wait time.Duration, options ...nats.Option) (*Queue, error) {
	options = append([]nats.Option{nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(wait / 4), nats.Timeout(answer)}, options...)
	conn, err := nats.Connect(url, options...)
	if err != nil {
		return nil, fmt.Errorf("handout: connect to %s: %w", url, err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("handout: %w", err)
	}
	return &Queue{conn: conn, js: js, name: name, wait: wait}, nil
}

// Close ends the connection.
func (q *Queue) Close() { q.conn.Close() }

// consumer is what hands tasks out, which is made where it is not there.
func (q *Queue) consumer(ctx context.Context) (jetstream.Consumer, error) {
	_, err := q.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: q.name, Subjects: []string{q.name + ".*"}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Duplicates: remembered,
	})
	if err != nil {
		return nil, err
	}
	return q.js.CreateOrUpdateConsumer(ctx, q.name, jetstream.ConsumerConfig{
		Durable: "workers", AckPolicy: jetstream.AckExplicitPolicy, AckWait: q.wait, MaxDeliver: deliveries,
	})
}

// Offer gives the server tasks. Those that it has, or had of late, it takes for one.
func (q *Queue) Offer(ctx context.Context, tasks []Task) error {
	if !q.conn.IsConnected() {
		return fmt.Errorf("handout: offer: %w", nats.ErrDisconnected)
	}
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	if _, err := q.consumer(ctx); err != nil {
		return fmt.Errorf("handout: offer: %w", err)
	}
	for _, t := range tasks {
		data, err := json.Marshal(t)
		if err == nil {
			_, err = q.js.Publish(ctx, q.name+"."+string(t.Kind), data, jetstream.WithMsgID(t.id()))
		}
		if err != nil {
			return fmt.Errorf("handout: offer: %w", err)
		}
	}
	return nil
}

// Handed is a task that a worker has from the server.
type Handed struct {
	Task
	msg jetstream.Msg
}

// Take takes the next task. ok is false where there is none for a worker that waits so long.
func (q *Queue) Take(ctx context.Context, long time.Duration) (h Handed, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, long+answer)
	defer cancel()
	c, err := q.consumer(ctx)
	if err != nil {
		return h, false, fmt.Errorf("handout: take: %w", err)
	}
	m, err := c.Next(jetstream.FetchMaxWait(long))
	switch {
	case errors.Is(err, nats.ErrTimeout):
		return h, false, nil
	case err != nil:
		return h, false, fmt.Errorf("handout: take: %w", err)
	}
	if err := json.Unmarshal(m.Data(), &h.Task); err != nil {
		return h, false, errors.Join(fmt.Errorf("handout: take: what was handed out is no task: %w", err), m.Term())
	}
	h.msg = m
	return h, true, nil
}

// alive tells the server from time to time that somebody is at the task, until it is told to
// stop. That this cannot be told is no error: the task may then be handed out again.
func (q *Queue) alive(h Handed) (stop func()) {
	return wall.Every(q.wait/4, func() { _ = h.msg.InProgress() })
}

// done tells the server that the task was done, and is no more.
func (h Handed) done(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	return h.msg.DoubleAck(ctx)
}

// again gives the task back.
func (h Handed) again() error { return h.msg.Nak() }
