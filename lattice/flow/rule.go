package flow

// rule is what an operator asks of its inputs and makes of them.
type rule uint8

const (
	sourceRule  rule = iota // elements come from outside
	elementRule             // a function of each element: asks for a morphism on joined deltas
	passRule                // hands on what comes
	absorbRule              // hands on what is new: merges
	joinRule                // a bimorphism of sets: merges; does not take joined deltas
	biRule                  // a bimorphism of lattices: merges; its output is joined deltas
	batchRule               // joins deltas
	explodeRule             // a morphism from sets to their elements
	foldRule                // Delta to State: merges
	stateRule               // a function of whole states
	constRule               // a state that is final
	sealRule                // waits until its input is final
	changesRule             // State to Delta
	loopRule                // the end of a loop that elements come out of
	closeRule               // the end that they go into
	sinkRule                // hands elements to the outside
	sendRule                // into a channel
	receiveRule             // out of a channel
	publishRule             // hands states to the outside
)

// merges reports whether the operator hands on only what is new to it, so that a
// cycle through it comes to rest.
func (r rule) merges() bool { return r == absorbRule || r == joinRule || r == biRule || r == foldRule }
