package workers

import (
	"encoding/json"
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
)

// Cut is a worker's part of a global version: a version of its branch, and the partitions
// that it is of.
type Cut struct {
	Branch string        `json:"branch"`
	Store  store.Version `json:"store"`
	From   uint32        `json:"from"`
	To     uint32        `json:"to"`
}

// Global is a global version: the state of all workers of a world-line at the end of one
// version. What one of them has taken by then, another has sent by then; what was sent and
// not taken is in the sender's outbox.
type Global struct {
	ID      uint64 `json:"id"` // from 1, never used again
	Line    uint64 `json:"line"`
	Version uint64 `json:"version"`
	Cuts    []Cut  `json:"cuts"` // by partitions, all of them
}

// Catalog is what the coordinators know for good: one object, replaced by conditional
// writes.
type Catalog struct {
	Format  int      `json:"format"`
	Line    uint64   `json:"line"`    // the present world-line, 0 before the first
	Base    Global   `json:"base"`    // that it began with; ID 0 is the empty state
	Members []Member `json:"members"` // of the line, by the number of the worker
	Want    int      `json:"want"`    // how many workers there are to be, 0 as many as there are
	Last    uint64   `json:"last"`    // the highest ID that was given
	Globals []Global `json:"globals"` // those kept, ascending
	Undone  []Undo   `json:"undone"`  // which sources may not have heard of
}

const (
	catalogFormat   = 1
	maxCatalogBytes = 16 << 20
)

// DecodeCatalog reads a catalog; no bytes are an empty one. Errors wrap [ErrDecode].
func DecodeCatalog(b []byte) (c Catalog, err error) {
	if len(b) == 0 {
		return Catalog{Format: catalogFormat}, nil
	}
	if len(b) > maxCatalogBytes {
		return c, fmt.Errorf("read the catalog: %w: %d bytes, at most %d", ErrDecode, len(b), maxCatalogBytes)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("read the catalog: %w: %w", ErrDecode, err)
	}
	switch {
	case c.Format != catalogFormat:
		return c, fmt.Errorf("read the catalog: %w: format %d, want %d", ErrDecode, c.Format, catalogFormat)
	case len(c.Globals) > MaxRetain || len(c.Members) > MaxWorkers || len(c.Undone) > maxUndone || c.Want < 0 || c.Want > MaxWorkers:
		return c, fmt.Errorf("read the catalog: %w: %d global versions, %d members, %d undone, %d wanted",
			ErrDecode, len(c.Globals), len(c.Members), len(c.Undone), c.Want)
	}
	return c, nil
}

// encode is the catalog as it is stored.
func (c *Catalog) encode() ([]byte, error) {
	c.Format = catalogFormat
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write the catalog: %w", err)
	}
	return b, nil
}

// latest is the last global version, an empty one of ID 0 if there is none.
func (c *Catalog) latest() Global {
	if len(c.Globals) == 0 {
		return Global{}
	}
	return c.Globals[len(c.Globals)-1]
}

// clone shares no slice that the coordinator changes.
func (c *Catalog) clone() Catalog {
	d := *c
	d.Globals = append([]Global(nil), c.Globals...)
	d.Undone = append([]Undo(nil), c.Undone...)
	return d
}

// named are the branches that something in the catalog names.
func (c *Catalog) named() map[string]bool {
	named := make(map[string]bool)
	for _, m := range c.Members {
		named[m.Branch] = true
	}
	for _, g := range c.Globals {
		for _, cut := range g.Cuts {
			named[cut.Branch] = true
		}
	}
	return named
}
