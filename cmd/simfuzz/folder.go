package main

import (
	"fmt"
	"io"

	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/report"
	"github.com/joinery-go/joinery/sim/scenario"
)

// folder is where run folders are written.
func (c *cli) folder(dir string) *campaign.Folder {
	return &campaign.Folder{Dir: dir, Create: c.create}
}

// checkWritable makes sure that a run folder can be written to dir, before hours of
// work would be lost for want of it.
func (c *cli) checkWritable(dir string) error {
	if err := c.folder(dir).CheckWritable(); err != nil {
		return fmt.Errorf("run: --out %s: %w", dir, err)
	}
	return nil
}

// writeFile writes a new file.
func (c *cli) writeFile(path string, write func(io.Writer) error) error {
	return c.folder("").WriteFile(path, write)
}

// replaceTape writes a tape to path: whole, or not at all.
func replaceTape(path string, t *scenario.Tape) error { return campaign.ReplaceFile(path, t.Write) }

// replacePage writes a page to path: whole, or not at all, and over nothing but a page.
func (c *cli) replacePage(path string, p *report.Page) error {
	return c.folder("").ReplacePage(path, p.Write)
}
