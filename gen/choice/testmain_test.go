package choice_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// TestMain keeps rapid from writing fail files for the failures that tests here
// provoke on purpose.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Exit(m.Run())
}
