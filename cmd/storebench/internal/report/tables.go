package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// tables are the measurements as CSV, a file a kind.
func tables(d Data) []File {
	return []File{
		{"compare.csv", csvOf(rows(d.Compared))},
		{"sweep.csv", csvOf(rows(d.Swept))},
		{"snapshots.csv", csvOf(rows(d.Snapped))},
		{"series.csv", csvOf(rows(d.Series))},
		{"recovery.csv", csvOf(rows(d.Recovered))},
		{"lazy.csv", csvOf(rows(d.Lazied))},
		{"global.csv", csvOf(globalRows(d.Globaled))},
	}
}

// rows are the measurements under their JSON names, the names first. Those of an
// embedded struct stand in its place.
func rows[T any](list []T) [][]string {
	names, _ := columns(reflect.ValueOf(*new(T)))
	all := [][]string{names}
	for _, m := range list {
		_, cells := columns(reflect.ValueOf(m))
		all = append(all, cells)
	}
	return all
}

func columns(v reflect.Value) (names, cells []string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			n, c := columns(v.Field(i))
			names, cells = append(names, n...), append(cells, c...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names, cells = append(names, name), append(cells, cell(v.Field(i)))
	}
	return names, cells
}

// cell is a figure as text, empty if there is none.
func cell(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	if x, is := v.Interface().(float64); is {
		if math.Abs(x) >= 1e6 { // 'g' would write it as a power of ten
			return strconv.FormatFloat(x, 'f', 0, 64)
		}
		return strconv.FormatFloat(x, 'g', 6, 64)
	}
	return fmt.Sprint(v.Interface())
}

func csvOf(rows [][]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.WriteAll(rows) // a buffer takes everything
	return b.Bytes()
}
