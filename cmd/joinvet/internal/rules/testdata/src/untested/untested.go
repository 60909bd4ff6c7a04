package untested

type Set map[string]struct{}

func Merge(a, b Set) Set { return a } // want `Merge merges Set`

type Register struct{ V int }

func (r *Register) Merge(o Register) error { return nil } // want `Register.Merge merges Register`

//joinery:vetted // want `gives no reason`
func merge(a, b Register) Register { return a }
