package page

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"ringback/leads/alert"
	"ringback/routing"
)

// field is one filter of a list, as its form shows it.
type field struct {
	Name    string
	Label   string // an id of the catalog
	Kind    string // select, or the type of an input
	Value   string
	Options []option
	// Problem says beside the field what is wrong with it; empty: nothing.
	Problem string
}

type option struct {
	Value, Text string
	Chosen      bool
}

// filters reads the filters of a list from an address, and keeps what their form
// shows: what is wrong with one stands beside it, and what was typed stays.
type filters struct {
	t      *teller
	asked  url.Values
	Fields []field
	Wrong  bool
	// Used is how many there are that let not everything through.
	Used int
}

func (f *filters) add(one field) string {
	one.Label = "lists.filter." + one.Name
	if one.Value != "" {
		f.Used++
	}
	f.Wrong = f.Wrong || one.Problem != ""
	f.Fields = append(f.Fields, one)
	if one.Problem != "" {
		return ""
	}
	return one.Value
}

// choose reads a filter that is one of some words; say tells how each is shown.
// Where there is nothing to choose there is no field, but for what is wrong with it.
func (f *filters) choose(name string, words []string, say func(string) string) string {
	if len(words) < 2 && (f.asked.Get(name) == "" || slices.Contains(words, f.asked.Get(name))) {
		return f.asked.Get(name)
	}
	one := field{Name: name, Kind: "select", Value: f.asked.Get(name)}
	for _, w := range words {
		one.Options = append(one.Options, option{w, say(w), w == one.Value})
	}
	if one.Value != "" && !slices.Contains(words, one.Value) {
		one.Problem, one.Value = f.t.words.Say("lists.wrong.choice"), ""
		f.Wrong = true
	}
	return f.add(one)
}

// maxTyped bounds what is read of a field that somebody types into, in bytes.
const maxTyped = 64

// typed reads a filter that somebody types; check says what is wrong with it.
func (f *filters) typed(name, kind string, check func(string) string) string {
	one := field{Name: name, Kind: kind, Value: strings.TrimSpace(f.asked.Get(name))}
	switch {
	case len(one.Value) > maxTyped:
		one.Value, one.Problem = alert.Clean(one.Value[:maxTyped]), f.t.words.Say("lists.wrong.long")
	case one.Value != "":
		one.Problem = check(one.Value)
		one.Value = alert.Clean(one.Value)
	}
	return f.add(one)
}

// day reads a day of the company's zone; false: there is none.
func (f *filters) day(name string) (time.Time, bool) {
	var at time.Time
	text := f.typed(name, "date", func(typed string) string {
		var err error
		if at, err = time.ParseInLocation(time.DateOnly, typed, f.t.zone); err != nil || at.Year() < 1970 || at.Year() > 9999 {
			return f.t.words.Say("lists.wrong.day")
		}
		return ""
	})
	return at, text != ""
}

// pools are the pools of which the reader sees something, lines their lines, and
// people those whose calls they may see: only their own, unless they lead others.
func (t *teller) pools() (list []string) {
	for i := range t.directory.Pools {
		name := t.directory.Pools[i].Name
		if v := t.visitor; v.All || slices.Contains(v.Supervises, name) || slices.Contains(v.Pools, name) {
			list = append(list, name)
		}
	}
	return list
}

func (t *teller) lines() (list []string) {
	pools := t.pools()
	for i := range t.directory.Lines {
		if pool := t.directory.PoolOf(&t.directory.Lines[i]); pool != nil && slices.Contains(pools, pool.Name) {
			list = append(list, t.directory.Lines[i].Name)
		}
	}
	return list
}

func (t *teller) people() (list []string) {
	if !t.visitor.Leads() {
		return nil
	}
	for i := range t.directory.Managers {
		login := t.directory.Managers[i].Login
		if t.visitor.All || slices.ContainsFunc(t.visitor.Supervises, func(name string) bool { return ofPool(t.directory.Pool(name), login) }) {
			list = append(list, login)
		}
	}
	return list
}

func ofPool(pool *routing.Pool, login string) bool {
	return pool != nil && (pool.Has(login) || pool.Supervisor == login)
}

// itself shows a word as it is.
func itself(word string) string { return alert.Clean(word) }
