package smallscope

// Plain is the scope explored without taking steps once.
func Plain(s Scope) Scope {
	s.plain = true
	return s
}
