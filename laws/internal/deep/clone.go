package deep

import "reflect"

// Clone returns a copy of v that shares no memory with it: maps, slices,
// pointers and what interfaces hold are copied, unexported fields included. Nil
// stays nil. A slice keeps its length, not its capacity. Functions and channels
// are copied by reference. A pointer, map or slice that v holds twice is held twice
// by the copy.
func Clone[T any](v T) T {
	c := cloner{}
	t := reflect.TypeFor[T]()
	if Plain(t) {
		return v
	}
	src := reflect.ValueOf(&v).Elem()
	var dst T
	c.copy(reflect.ValueOf(&dst).Elem(), src)
	return dst
}

// Variant is Clone with another representation where the type has a choice of
// them: empty maps and slices become nil, nil ones empty, and other slices get
// capacity to spare. What unexported fields hold is copied as it is: a type may
// rely on how it fills them.
func Variant[T any](v T) T {
	c := cloner{vary: true}
	src := reflect.ValueOf(&v).Elem()
	var dst T
	c.copy(reflect.ValueOf(&dst).Elem(), src)
	return dst
}

type cloner struct {
	vary bool
	done map[shared]reflect.Value
}

// shared identifies a reference that may be met again.
type shared struct {
	p   uintptr
	len int
	t   reflect.Type
}

func sharedOf(v reflect.Value) shared {
	n := 0
	if v.Kind() == reflect.Slice {
		n = v.Len()
	}
	return shared{v.Pointer(), n, v.Type()}
}

// copy makes dst, which is addressable and zero, a deep copy of src, which is
// addressable too.
func (c *cloner) copy(dst, src reflect.Value) {
	t := src.Type()
	if Plain(t) {
		dst.Set(src)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		vary := c.vary
		for i := range t.NumField() {
			c.vary = vary && t.Field(i).IsExported()
			c.copy(settable(dst.Field(i)), settable(src.Field(i)))
		}
		c.vary = vary
	case reflect.Array:
		for i := range t.Len() {
			c.copy(dst.Index(i), src.Index(i))
		}
	case reflect.Slice:
		c.copySlice(dst, src)
	case reflect.Map:
		c.copyMap(dst, src)
	case reflect.Pointer:
		if src.IsNil() {
			return
		}
		if p, ok := c.known(src); ok {
			dst.Set(p)
			return
		}
		p := reflect.New(t.Elem())
		c.remember(src, p)
		c.copy(p.Elem(), src.Elem())
		dst.Set(p)
	case reflect.Interface:
		if src.IsNil() {
			return
		}
		inner := reflect.New(src.Elem().Type()).Elem()
		held := reflect.New(src.Elem().Type()).Elem()
		held.Set(src.Elem())
		c.copy(inner, held)
		dst.Set(inner)
	default:
		dst.Set(src)
	}
}

func (c *cloner) copySlice(dst, src reflect.Value) {
	n := src.Len()
	switch {
	case n == 0 && src.IsNil() != c.vary:
		dst.SetZero()
		return
	case n == 0:
		dst.Set(reflect.MakeSlice(src.Type(), 0, 0))
		return
	}
	if s, ok := c.known(src); ok {
		dst.Set(s)
		return
	}
	spare := 0
	if c.vary {
		spare = 4
	}
	s := reflect.MakeSlice(src.Type(), n, n+spare)
	c.remember(src, s)
	for i := range n {
		c.copy(s.Index(i), src.Index(i))
	}
	dst.Set(s)
}

func (c *cloner) copyMap(dst, src reflect.Value) {
	switch {
	case src.Len() == 0 && src.IsNil() != c.vary:
		dst.SetZero()
		return
	case src.Len() > 0:
		if m, ok := c.known(src); ok {
			dst.Set(m)
			return
		}
	}
	t := src.Type()
	m := reflect.MakeMapWithSize(t, src.Len())
	c.remember(src, m)
	held := reflect.New(t.Elem()).Elem()
	key := reflect.New(t.Key()).Elem()
	//joinery:anyorder entries are copied independently of each other
	for it := src.MapRange(); it.Next(); {
		held.SetIterValue(it)
		key.SetIterKey(it)
		k, v := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		c.copy(k, key)
		c.copy(v, held)
		m.SetMapIndex(k, v)
	}
	dst.Set(m)
}

func (c *cloner) known(src reflect.Value) (reflect.Value, bool) {
	v, ok := c.done[sharedOf(src)]
	return v, ok
}

func (c *cloner) remember(src, copied reflect.Value) {
	if src.Pointer() == 0 {
		return
	}
	if c.done == nil {
		c.done = make(map[shared]reflect.Value)
	}
	c.done[sharedOf(src)] = copied
}
