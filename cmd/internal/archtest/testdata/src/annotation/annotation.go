package annotation

func noReason(m map[string]int, visit func(string)) {
	for k := range m { /* want `gives no reason` */ //joinery:anyorder
		visit(k)
	}
}

func noMap(s []string, visit func(string)) {
	for _, e := range s { /* want `excuses nothing` */ //joinery:anyorder slices have an order
		visit(e)
	}
}

func notInherited(m map[string]map[string]int, visit func(string)) {
	for _, v := range m { //joinery:anyorder visit is commutative
		for k := range v { // want `it calls visit`
			visit(k)
		}
	}
}
