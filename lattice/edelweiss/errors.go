package edelweiss

import (
	"errors"
	"fmt"
)

// What can be wrong with a program, for errors.Is.
var (
	ErrSyntax    = errors.New("syntax")                 // the text does not parse
	ErrLimit     = errors.New("limit")                  // the program is larger than this package reads
	ErrDeclared  = errors.New("declaration")            // a collection is missing, repeated or misdeclared
	ErrType      = errors.New("type")                   // wrong type or number of arguments
	ErrUnbound   = errors.New("unbound variable")       // a variable has no value where one is needed
	ErrUnstrat   = errors.New("unstratifiable")         // negation or aggregation through recursion in a timestep
	ErrDeletion  = errors.New("deletion")               // a program that people write may not delete
	ErrTransient = errors.New("transient source")       // a channel derives from what does not persist
	ErrDirection = errors.New("direction")              // the rule writes or reads what it may not
	ErrSeal      = errors.New("seal")                   // a seal that could not mean anything
	ErrInexpress = errors.New("not in the target form") // an export cannot say this
	ErrEncoding  = errors.New("encoding")               // bytes that no tuple has
)

// Error is one fault of a program: where it is, what it is, and what to change.
type Error struct {
	Pos    Pos
	Kind   error // one of the Err… sentinels
	What   string
	Remedy string
}

// Error prints line:column, the kind, the fault and the remedy.
func (e *Error) Error() string {
	where := ""
	if e.Pos.Line > 0 {
		where = fmt.Sprintf("%d:%d: ", e.Pos.Line, e.Pos.Column)
	}
	s := where + e.Kind.Error() + ": " + e.What
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// Unwrap is the sentinel.
func (e *Error) Unwrap() error { return e.Kind }
