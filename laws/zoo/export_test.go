package zoo

import "github.com/joinery-go/joinery/lattice"

// Clocks is the merge of clocks that the entries use.
func Clocks() lattice.Merge[Clock] { return clocks{} }
