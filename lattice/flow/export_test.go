package flow

// WithChecksum puts the checksum of p in front of it.
func WithChecksum(p []byte) []byte { return seal4(append(make([]byte, 4), p...)) }
