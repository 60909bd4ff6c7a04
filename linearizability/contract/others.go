package contract

import (
	"fmt"
	"math"

	"github.com/joinery-go/joinery/linearizability/history"
)

// uniqueIDs is the contract of jepsen.checker/unique-ids: no two operations returned
// the same identifier.
func uniqueIDs(o *object, r *Result) {
	x := newValues()
	var first []int
	told := make(map[int]bool)
	duplicated := found(Duplicated)
	o.each(history.Generate, func(i int, op *history.Op) {
		if op.Outcome != history.OK {
			return
		}
		n, isNew := x.of(op.Out)
		if isNew {
			first = append(first, i)
			return
		}
		if !told[n] {
			told[n] = true
			duplicated.add(op.Out, func() (string, []int) {
				return fmt.Sprintf("#%d and #%d both returned %s", o.op(first[n]).Index, op.Index, op.Out), []int{first[n], i}
			})
		}
	})
	o.report(r, duplicated)
}

// balance is what a read of a bank returned.
type balance struct {
	at    int
	total int64
}

// balances is the contract of jepsen.tests.bank: all reads come to the same total, no
// balance is missing or negative, and no account is unheard of. What the total and the
// accounts are, the initial value says if it is a map of balances; a file of Jepsen does
// not say it, and without it the total is the one that most reads come to, and any
// account may be. A read that is wrong by itself is not compared. Transfers are not
// looked at.
func balances(o *object, r *Result) {
	unreadable, negative, unexpected, wrong := found(Unreadable), found(Negative), found(Unexpected), found(WrongTotal)
	known, hasAccounts := o.h.Initial.AsMap()
	accounts := newValues()
	total, isSum := int64(0), true
	for _, e := range known {
		accounts.of(e[0])
		total, isSum = plus(total, isSum, e[1])
	}
	if hasAccounts && !isSum {
		r.Open = fmt.Sprintf("%s: the initial balances %s are not integers", o.name, o.h.Initial)
		return
	}
	var reads []balance
	o.each(history.Read, func(i int, op *history.Op) {
		if op.Outcome != history.OK {
			return
		}
		b, sum, ints, right := balance{at: i}, true, true, true
		for _, e := range entries(op.Out) {
			n, isInt := e[1].AsInt()
			ints = ints && isInt
			one := func(say string) func() (string, []int) {
				return func() (string, []int) { return fmt.Sprintf("#%d read "+say, op.Index, e[0], e[1]), []int{i} }
			}
			_, isNew := accounts.of(e[0])
			right = right && isInt && n >= 0 && !(hasAccounts && isNew)
			switch {
			case hasAccounts && isNew:
				unexpected.add(e[0], one("account %s, which the bank does not have, with a balance of %s"))
			case !isInt:
				unreadable.add(e[0], one("account %s with a balance of %s, which is no integer"))
			case n < 0:
				negative.add(e[0], one("account %s with a balance of %s"))
			}
			b.total, sum = plus(b.total, sum, e[1])
		}
		switch {
		case entries(op.Out) == nil:
			unreadable.add(op.Out, func() (string, []int) {
				return fmt.Sprintf("#%d read %s, where the balances of all accounts are due", op.Index, op.Out), []int{i}
			})
		case sum && right:
			reads = append(reads, b)
		case ints && !sum:
			r.Open = fmt.Sprintf("%s: the balances of #%d add up to more than 64 bits", o.name, op.Index)
		}
	})
	o.totals(reads, total, hasAccounts, wrong)
	o.report(r, wrong, negative, unreadable, unexpected)
}

// entries are account and balance, each; of a list the accounts are the places. Nil if it
// is neither a map nor a list.
func entries(v history.Value) [][2]history.Value {
	all, isMap := v.AsMap()
	if isMap {
		return append([][2]history.Value{}, all...)
	}
	list, isList := v.AsList()
	if !isList {
		return nil
	}
	all = [][2]history.Value{}
	for n, b := range list {
		all = append(all, [2]history.Value{history.Int(int64(n)), b})
	}
	return all
}

// plus adds a balance to a sum, unless it is none or they pass 64 bits.
func plus(sum int64, ok bool, b history.Value) (int64, bool) {
	n, isInt := b.AsInt()
	if !ok || !isInt || n > 0 && sum > math.MaxInt64-n || n < 0 && sum < math.MinInt64-n {
		return 0, false
	}
	return sum + n, true
}

// totals compares the reads with the total that is known, or with that of most.
func (o *object) totals(reads []balance, total int64, known bool, wrong *finding) {
	if len(reads) == 0 {
		return
	}
	like := none // a read of the usual total
	if !known {
		count := make(map[int64]int)
		for _, b := range reads {
			count[b.total]++
		}
		for n, b := range reads {
			if like == none || count[b.total] > count[reads[like].total] {
				like = n
			}
		}
		total = reads[like].total
	}
	for _, b := range reads {
		if b.total == total {
			continue
		}
		wrong.add(history.Int(b.total), func() (string, []int) {
			op := o.op(b.at)
			if known {
				return fmt.Sprintf("#%d read %s, in all %d, where there are %d", op.Index, op.Out, b.total, total), []int{b.at}
			}
			usual := o.op(reads[like].at)
			return fmt.Sprintf("#%d read %s, in all %d, but #%d read %s, in all %d", op.Index, op.Out, b.total, usual.Index, usual.Out, total),
				[]int{b.at, reads[like].at}
		})
	}
}
