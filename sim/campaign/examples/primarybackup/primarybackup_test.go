package primarybackup_test

import (
	"testing"

	"github.com/joinery-go/joinery/sim/campaign/examples/primarybackup"
	"github.com/joinery-go/joinery/sim/simtest"
)

func TestPrimaryBackup(t *testing.T) {
	simtest.Fuzz(t, primarybackup.Protocol(), simtest.Seeds(1, 2000))
}
