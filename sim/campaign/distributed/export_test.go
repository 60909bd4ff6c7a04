package distributed

// EncodeState and DecodeState are the form of heads, of a state alone.
func EncodeState(s State) ([]byte, error) { return (&document{Of: "x", State: s}).encode() }

// DecodeState is the inverse.
func DecodeState(b []byte) (State, error) {
	d, err := decode(b)
	if err != nil {
		return State{}, err
	}
	return d.State, nil
}

// Without is the numbers of one set that are not in another.
var Without = without
