package history

import "fmt"

// How the values of an event log are read. An operation has one where it begins
// and one where it ends. What was written is the value at the end, if it ends well
// and has one there: a client may know only then what it wrote, and Jepsen's own
// checkers take it from there. The number at the end of an increment may be what
// the counter came to, so that its amount is the one it begins with.

// settleValues makes keys, arguments and results of what stands in the log.
func (l *eventLog) settleValues() error {
	keyed, err := l.keyed()
	if err != nil {
		return err
	}
	differ, differsAt := 0, 0
	fills := false // operations get their values where they end
	for i := range l.ops {
		o, b := &l.ops[i], &l.begun[i]
		if keyed {
			if err := l.splitKey(o, b); err != nil {
				return at(int(b.end), err)
			}
		}
		if o.Func.answers() {
			if o.Arg = Nil; o.Outcome != OK || o.Func == Acquire || o.Func == Release {
				o.Out = Nil
			}
			if o.Func == Drain && o.Outcome == OK && o.Out.Kind() != KindList {
				return at(int(b.end), fmt.Errorf("%w: a drain that returned %v, which is no list of values", ErrFormat, o.Out))
			}
			continue
		}
		if o.Outcome == OK && o.superseded() {
			fills = fills || o.Arg.IsNil()
			if !o.Arg.IsNil() && !o.Arg.Equal(o.Out) {
				if differ++; differ == 1 {
					differsAt = int(b.end)
				}
			}
			o.Arg = o.Out
		}
		o.Out = Nil
	}
	if differ > 0 {
		l.r.note(differsAt, "the value at the end is not that at the beginning, in %s; the one at the end counts", counted(differ, "operation"))
	}
	for i := range l.ops {
		if err := l.argument(&l.ops[i], &l.begun[i], fills); err != nil {
			return at(int(l.begun[i].line), err)
		}
	}
	return nil
}

// superseded reports whether the value at the end of an operation is its argument.
func (o *Op) superseded() bool {
	switch o.Func {
	case Write, Append, Add, Remove, Enqueue, Transfer:
		return !o.Out.IsNil()
	case CAS:
		return o.Out.isPair()
	}
	return false
}

func (v Value) isPair() bool { return v.kind == KindList && len(v.list) == 2 }

// argument checks the argument of an operation and completes it.
func (l *eventLog) argument(o *Op, b *begun, fills bool) error {
	switch {
	case o.Func.answers() || b.drop:
	case o.Func == Inc:
		if o.Arg.IsNil() {
			o.Arg = Int(1)
		}
		n, ok := o.Arg.AsInt()
		if !ok {
			return fmt.Errorf("%w: increment by %v, which is not an integer of 64 bits", ErrFormat, o.Arg)
		}
		if b.negate {
			o.Arg = Int(-n)
		}
	case o.Arg.IsNil() && o.Outcome == Failed:
		b.drop = true // it did not happen, or what it found missing is not known
	case o.Arg.IsNil() && o.Outcome == Unknown && (fills || o.Func == CAS):
		return fmt.Errorf("%w: a %s that may have happened, of a value that was never known, could explain anything: "+
			"note the value where the operation begins, or leave it out", ErrFormat, o.Func)
	case o.Func == CAS && !o.Arg.isPair():
		return fmt.Errorf("%w: cas of %v, which is not [old new]", ErrFormat, o.Arg)
	}
	return nil
}

// splitKey takes the key out of an operation's values, where it stands in a pair.
// One that began without a value has its key where it ends.
func (l *eventLog) splitKey(o *Op, b *begun) error {
	begun := false
	if b.argPair && o.Func.mayBeKeyed(o.Arg) {
		o.Key, o.Arg, begun = keyOf(o.Arg.list[0]), o.Arg.list[1], true
	}
	late := !begun && o.Arg.IsNil() && !o.Func.answers()
	if !b.outPair || !o.Func.mayBeKeyed(o.Out) || !begun && !late {
		return nil
	}
	key := keyOf(o.Out.list[0])
	if begun && key != o.Key {
		return fmt.Errorf("%w: process %d ends a %s of key %q, but had begun one of key %q", ErrUnmatchedReturn, o.Session, o.Func, key, o.Key)
	}
	o.Key, o.Out = key, o.Out.list[1]
	return nil
}

// mayBeKeyed reports whether a pair can be a key and what the function takes.
func (f Func) mayBeKeyed(pair Value) bool { return f != CAS || pair.list[1].isPair() }

// keyOf is the name of an object.
func keyOf(k Value) string {
	if s, ok := k.AsStr(); ok {
		return s
	}
	return k.String()
}

// keyed decides what pairs are, throughout the log. A read that begins with a pair
// has a key, one that does not has none, and so have all functions that begin without
// a value; of other operations one without a pair has
// none, and one with a pair may mean either.
func (l *eventLog) keyed() (bool, error) {
	if l.pairs != PairsByUse {
		return l.pairs == PairsAreKeyed, nil
	}
	with, without, either := -1, -1, false
	note := func(first *int, i int) {
		if *first < 0 {
			*first = i
		}
	}
	for i := range l.ops {
		o, b := &l.ops[i], &l.begun[i]
		v, pair := o.Arg, b.argPair
		if v.IsNil() && o.Outcome == OK && !o.Func.answers() {
			v, pair = o.Out, b.outPair
		}
		switch {
		case o.Func.answers() && pair && o.Func == Read && o.Outcome == OK && !b.outPair && !o.Out.IsNil():
			return false, at(int(b.end), fmt.Errorf("%w: this read begins with the pair %v, as with a key, and ends with %s, which has none: "+
				"say whether pairs are keys with their values, or values (Options.Pairs, --pairs keys or --pairs values)",
				ErrAmbiguous, o.Arg, clip([]byte(o.Out.String()))))
		case o.Func.answers() && pair:
			note(&with, i)
		case o.Func.answers():
			note(&without, i)
		case pair && o.Func.mayBeKeyed(v):
			either = true
		case !v.IsNil():
			note(&without, i)
		}
	}
	if with >= 0 && without >= 0 {
		return false, at(int(l.begun[with].line), fmt.Errorf("%w: this %s begins with the pair %v, as with a key, but the %s at line %d has no key: "+
			"say whether pairs are keys with their values, or values (Options.Pairs, --pairs keys or --pairs values)",
			ErrAmbiguous, l.ops[with].Func, l.ops[with].Arg, l.ops[without].Func, l.begun[without].line))
	}
	return with >= 0 || either && without < 0, nil
}
