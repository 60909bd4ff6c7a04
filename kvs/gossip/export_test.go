package gossip

// Origins is how many origins the log keeps memory for.
func (l *Log) Origins() int { return len(l.segments) }
