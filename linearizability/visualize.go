package linearizability

import (
	"fmt"
	"io"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// Visualizes reports whether Visualize can draw histories under the model: those
// that a search decides.
func Visualizes(model string) bool {
	return slices.ContainsFunc(models.All(), func(m models.Model) bool { return m.Name == model })
}

// Visualize writes porcupine's picture of a search, a page of HTML: the
// operations of each part in time, an order of as many of them as there is one
// for, and what it leaves in each state. The search runs for at most b.Time, and
// what it has found by then is drawn; the other bounds of b do not apply. Errors
// are those of Judge, of a model that no search decides (ErrUnknownModel), of a
// history that is settled without a search, and of w.
func Visualize(h *history.History, model string, b Budget, w io.Writer) error {
	return VisualizeWith(h, model, Options{Budget: b}, w)
}

// VisualizeWith is Visualize with options, of which a model of one's own may be the one.
func VisualizeWith(h *history.History, model string, o Options, w io.Writer) error {
	fail := func(err error) error { return fmt.Errorf("visualize %s: %w", h.Name, err) }
	o, err := o.withDefaults()
	if err != nil {
		return fail(err)
	}
	all := models.All()
	for _, own := range o.Own {
		all = append(all, own.model())
	}
	at := slices.IndexFunc(all, func(m models.Model) bool { return m.Name == model })
	if at < 0 {
		return fail(fmt.Errorf("%w %q: no search decides it", ErrUnknownModel, model))
	}
	if err := h.Validate(); err != nil {
		return fail(err)
	}
	p, err := all[at].Prepare(h)
	if err != nil {
		return fail(err)
	}
	if p.Settled != nil {
		return fail(fmt.Errorf("nothing is searched: %s", p.Settled.Reason))
	}
	var ops []porcupine.Operation
	var parts [][]porcupine.Operation
	for _, part := range p.Parts {
		if part.Bound != "" {
			return fail(fmt.Errorf("nothing is searched: %s: %s", part.Name, part.Bound))
		}
		ops, parts = append(ops, part.Ops...), append(parts, part.Ops)
	}
	spec := p.Spec
	spec.Partition = func([]porcupine.Operation) [][]porcupine.Operation { return parts }
	_, info := porcupine.CheckOperationsVerbose(spec, ops, o.Budget.Time)
	if err := porcupine.Visualize(spec, info, w); err != nil {
		return fail(err)
	}
	return nil
}
