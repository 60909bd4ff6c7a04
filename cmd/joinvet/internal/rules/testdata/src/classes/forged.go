package classes

import "github.com/joinery-go/joinery/lattice/attest"

func forged() attest.Seal {
	return attest.Checked() // want `attest.Checked seals what no check of package laws has found`
}
