package gopterlaws

import "github.com/joinery-go/joinery/laws"

// CheckLaw checks one law against something that is no *testing.T, so that tests
// can look at what a failing check says.
func CheckLaw(t failing, trial *laws.Trial, opts ...Option) {
	o, err := settingsOf(opts)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	checkLaw(t, trial, o)
}
