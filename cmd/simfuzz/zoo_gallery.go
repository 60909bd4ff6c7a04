package main

import "github.com/joinery-go/joinery/laws/zoo"

// gallery lists the exhibits of laws/zoo in the gallery's order.
func gallery() []exhibit {
	var all []exhibit
	for _, e := range zoo.Entries() {
		all = append(all, exhibit{
			id: e.ID, where: e.Where, defect: e.Defect, law: e.Law,
			run: func(seed uint64, cases int) (exhibited, error) {
				r := e.Run(seed, cases)
				return exhibited{
					killed: r.Killed, law: r.Law, cases: r.Cases, counterexample: r.Counterexample,
					twinClean: r.CorrectClean, twinFailure: r.Complaint,
				}, r.Err
			},
		})
	}
	return all
}
