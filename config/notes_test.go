package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestEveryKeyHasItsNote walks the keys as the reader does: each has a note of
// its own or stands below one that covers it whole, and no note is left over.
func TestEveryKeyHasItsNote(t *testing.T) {
	used := map[string]bool{}
	var walk func(path string, of reflect.Type)
	walk = func(path string, of reflect.Type) {
		for _, f := range fieldsOf(reflect.New(of).Elem()) {
			at := strings.TrimPrefix(path+"."+f.key, ".")
			n, known := notes[at]
			if !known || n.text == "" {
				t.Errorf("%s has no note", at)
			}
			used[at] = true
			below := f.value.Type()
			if below.Kind() == reflect.Slice {
				at, below = at+"[]", below.Elem()
			}
			if below.Kind() == reflect.Pointer {
				below = below.Elem()
			}
			if below.Kind() == reflect.Struct && !n.whole {
				walk(at, below)
			}
		}
	}
	walk("", reflect.TypeFor[Config]())
	for at := range notes {
		if !used[at] {
			t.Errorf("the note on %s is on no key", at)
		}
	}
}

func TestDurationsAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]string{"0s": "0s", "20s": "20s", "3m0s": "3m", "10m0s": "10m", "1h0m0s": "1h", "1h30m0s": "1h30m", "1h0m5s": "1h0m5s", "100ms": "100ms"} {
		d, err := time.ParseDuration(text)
		if err != nil || durationText(d) != want {
			t.Errorf("%s: %s, want %s", text, durationText(d), want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"m12", "", 3}, {"m102", "m12", 1}, {"mian", "main", 1}, {"abcd", "badc", 2}, {"kitten", "sitting", 3}, {"Привет", "Превет", 1}} {
		if got, back := distance(c.a, c.b), distance(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("%q and %q: %d and %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}
