package appointments

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ringback/leads/posted"
)

// Config is the key `reminders` of the configuration.
type Config struct {
	// Before says how long before an appointment its client is reminded.
	Before []time.Duration `yaml:"before"`
	// OnCreate and OnChange say whether the client is also called when an
	// appointment was made, and when it was changed.
	OnCreate bool `yaml:"on_create"`
	OnChange bool `yaml:"on_change"`
	// Grace is how long a new or changed appointment rests before its client is
	// called: mistakes can be corrected meanwhile.
	Grace time.Duration `yaml:"grace"`
	// Categories are those of which clients are reminded; none: all.
	Categories []string `yaml:"categories"`
	// Required are what must be filled in before a client is called: place,
	// category, or names of fields.
	Required []string `yaml:"required"`
	// Line is the line by which clients are called where an appointment names
	// none; empty: the first one.
	Line string `yaml:"line"`
	// Language is en or ru, where an appointment names none.
	Language string `yaml:"language"`
	// Media is what is played, by language: see robotcall.CheckMedia.
	Media map[string][]string `yaml:"media"`
	Keys  Keys                `yaml:"keys"`
}

// Keys say which key of the phone means what. NoKey switches one off.
type Keys struct {
	Confirm string `yaml:"confirm" json:"confirm"`
	Cancel  string `yaml:"cancel" json:"cancel"`
	Person  string `yaml:"person" json:"person"`   // wants to talk with somebody
	OptOut  string `yaml:"opt_out" json:"opt_out"` // never wants such a call again
	Repeat  string `yaml:"repeat" json:"repeat"`
}

// NoKey stands in the place of a key that is not used.
const NoKey = "none"

// Languages are those in which dates, times and numbers can be said.
var Languages = []string{"en", "ru"}

// language says so where a language is not one of them.
func language(p *posted.Problems, field, language string) {
	if !slices.Contains(Languages, language) {
		p.Add(field, "is not one of "+strings.Join(Languages, ", "))
	}
}

// DefaultConfig is that of a configuration that names nothing. It has no
// media: what clients hear must be recorded first, so nobody is called.
func DefaultConfig() Config {
	return Config{Before: []time.Duration{24 * time.Hour}, OnCreate: true, OnChange: true, Grace: 5 * time.Minute, Language: "en",
		Keys: DefaultKeys()}
}

// DefaultKeys are the keys of a configuration that names none.
func DefaultKeys() Keys {
	return Keys{Confirm: "1", Cancel: "2", Person: "3", OptOut: "9", Repeat: "*"}
}

// Check says what is wrong: each problem's Field is a key below `reminders`.
// Media are not looked at.
func (c *Config) Check() posted.Problems {
	var p posted.Problems
	for i, before := range c.Before {
		if before < time.Minute || before > 60*24*time.Hour {
			p.Add(fmt.Sprintf("before[%d]", i), "must lie between 1m and 1440h")
		}
	}
	if c.Grace > 24*time.Hour {
		p.Add("grace", "must not be longer than 24h")
	}
	for i, name := range c.Required {
		if name != "place" && name != "category" && !fieldName.MatchString(name) {
			p.Add(fmt.Sprintf("required[%d]", i), "is not place, category or the name of a field: lower-case letters, digits and _")
		}
	}
	language(&p, "language", c.Language)
	for _, name := range slices.Sorted(maps.Keys(c.Media)) {
		language(&p, "media."+name, name)
	}
	return append(p, c.Keys.Check("keys")...)
}

// Check says what is wrong with keys, whose own key is at.
func (k Keys) Check(at string) (p posted.Problems) {
	meaning := map[string]string{}
	for _, key := range k.named() {
		switch {
		case key.is == "" || key.is == NoKey:
		case len(key.is) != 1 || !strings.Contains("0123456789*#", key.is):
			p.Add(at+"."+key.name, "is not a key of a phone: 0 to 9, * or #, or none")
		case meaning[key.is] != "":
			p.Add(at+"."+key.name, "is the key "+meaning[key.is]+" too")
		default:
			meaning[key.is] = key.name
		}
	}
	return p
}

type namedKey struct{ name, is string }

func (k Keys) named() []namedKey {
	return []namedKey{{"confirm", k.Confirm}, {"cancel", k.Cancel}, {"person", k.Person}, {"opt_out", k.OptOut}, {"repeat", k.Repeat}}
}

// Means is the name of what a key means ("confirm", "opt_out"); empty: nothing.
func (k Keys) Means(key string) string {
	for _, n := range k.named() {
		if key != "" && n.is == key {
			return n.name
		}
	}
	return ""
}

// allows says whether clients are reminded of appointments of a category.
func (c *Config) allows(category string) bool {
	return len(c.Categories) == 0 || slices.Contains(c.Categories, category)
}
