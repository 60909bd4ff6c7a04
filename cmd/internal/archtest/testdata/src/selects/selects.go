package selects

func mutant(a, b chan int) int {
	select { // want `select with several cases`
	case x := <-a:
		return x
	case b <- 1:
	}
	return 0
}

func fine(a chan int) int {
	select {
	case x := <-a:
		return x
	default:
		return 0
	}
}
