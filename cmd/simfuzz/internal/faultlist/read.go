package faultlist

import "time"

// Row is one row of a space-time diagram that was written as text.
type Row struct {
	At    time.Duration // virtual time
	Where string        // the lane at which it happens, or at which a message leaves; "" is none
	To    string        // the lane at which the message arrives, or ""
	Text  string
}

// Read reads a diagram that a run folder holds. Rows that the diagram had no room for
// are not there.
func Read(text string) ([]Row, error) {
	d, err := parse(text)
	if err != nil {
		return nil, err
	}
	rows := make([]Row, 0, len(d.rows))
	for _, r := range d.rows {
		at, err := time.ParseDuration(r.at)
		if err != nil {
			continue // a line that is no row
		}
		row := Row{At: at, Text: r.label}
		switch {
		case r.node < 0:
		case r.sign == signStart && r.label == "":
			row.Where, row.Text = d.name(r.node), "start"
		default:
			row.Where = d.name(r.node)
		}
		if r.to >= 0 && r.to != r.node {
			row.To = d.name(r.to)
		}
		rows = append(rows, row)
	}
	return rows, nil
}
