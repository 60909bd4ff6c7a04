package disk_test

import (
	"fmt"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

// diary writes an entry a millisecond and reads its log when it starts.
type diary struct{}

func (diary) Start(c *sim.Context) {
	for _, entry := range disk.Of(c).Records() {
		fmt.Printf("life %d finds: %s\n", c.Incarnation(), entry)
	}
	c.After(sim.Millisecond, 1)
}

func (diary) Timer(c *sim.Context, _ sim.TimerID) {
	disk.Of(c).Append(c, uint64(c.Now()), fmt.Appendf(nil, "written at %v", c.Now()))
	c.After(sim.Millisecond, 1)
}

func (diary) Persisted(c *sim.Context, token uint64) {
	fmt.Println(c.Now(), "durable: the entry of", sim.Time(token))
}

func (diary) Receive(*sim.Context, sim.NodeID, []byte) {}

// A crash loses what was not yet durable.
func ExampleNewLog() {
	w, err := sim.New(sim.Options{
		Nodes:   1,
		Factory: func(sim.NodeID) sim.Actor { return diary{} },
		Device: func(sim.NodeID) sim.Device {
			return disk.NewLog(disk.Options{Latency: 1500 * sim.Microsecond})
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	steps := []func() error{
		func() error { return w.RunUntil(3 * sim.Millisecond) },
		func() error { return w.Crash(0) },
		func() error { return w.Restart(0) },
		func() error { return w.RunUntil(3 * sim.Millisecond) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// 2.5ms durable: the entry of 1ms
	// life 2 finds: written at 1ms
}
