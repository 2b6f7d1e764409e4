package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"ringback/leads/appointments"
	"ringback/leads/number"
	"ringback/robotcall"
)

// Robot says what robot calls may do, and how they sound.
type Robot struct {
	robotcall.Rules `yaml:",inline"`
	// Ring is how long a phone rings.
	Ring time.Duration `yaml:"ring"`
	// Language is what managers are spoken to in.
	Language string `yaml:"language"`
	// Prompts are the company's own recordings, by language, in the place of
	// those that come with Asterisk.
	Prompts map[string]robotcall.Prompts `yaml:"prompts"`
}

// DefaultRing is how long a phone rings: shorter than most voicemails wait.
const DefaultRing = 25 * time.Second

func defaultRobot(country string) Robot {
	return Robot{Rules: robotcall.DefaultRules(country), Ring: DefaultRing, Language: appointments.DefaultConfig().Language}
}

// Rules are what calls out are held against.
func (c *Config) Rules() *robotcall.Rules {
	rules := c.Robot.Rules
	rules.Observe = c.Mode != Act
	rules.Trunks = map[robotcall.Trunk]robotcall.Bounds{}
	for _, a := range c.Asterisk {
		rules.Trunks[robotcall.Trunk{PBX: a.Name, Name: a.Connect.Context}] =
			robotcall.Bounds{Concurrent: a.Connect.Concurrent, PerSecond: a.Connect.PerSecond}
	}
	return &rules
}

// Prompts are the company's own prompts in the language in which managers are
// spoken to.
func (c *Config) Prompts() robotcall.Prompts { return c.Robot.Prompts[c.Robot.Language] }

var (
	// contextName is what can stand behind the @ of a Local channel.
	contextName = regexp.MustCompile(`^[^\s/@,;&|()"]{1,80}$`)
	// dialText and numberText are what their templates must come to.
	dialText   = regexp.MustCompile(`^[A-Za-z0-9]+/[A-Za-z0-9_.:@/+*#-]+$`)
	numberText = regexp.MustCompile(`^[A-Za-z0-9_.+*#-]{1,64}$`)
	// callerID is a number as a trunk wants it.
	callerID = regexp.MustCompile(`^\+?[0-9]{2,20}$`)
)

// checkConnect checks a PBX's way out.
func checkConnect(f *findings, at string, w *robotcall.Connect) {
	if w.Context != "" && !contextName.MatchString(w.Context) {
		f.add(at+".context", "%s is no name of a dialplan context", quoted(w.Context))
	}
	if w.Context == "" && *w != (robotcall.Connect{}) {
		f.missing(at+".context", "the dialplan context that dials outside numbers, such as from-internal")
	}
	if w.Dial != "" && (!strings.Contains(w.Dial, "{number}") || !dialText.MatchString(strings.ReplaceAll(w.Dial, "{number}", "1"))) {
		f.add(at+".dial", "%s is nothing to dial: write it as Asterisk does, with {number} in it, as in PJSIP/{number}@trunk", quoted(w.Dial))
	}
	filled := strings.NewReplacer("{digits}", "1", "{e164}", "1", "{national}", "1").Replace(w.Number)
	if w.Number != "" && (filled == w.Number || !numberText.MatchString(filled)) {
		f.add(at+".number", "%s tells no number: write {digits}, {e164} or {national}, and what stands before it, as in 9{digits}", quoted(w.Number))
	}
}

// checkRobot checks the rules of calls out.
func (c *Config) checkRobot(f *findings) {
	r := &c.Robot
	if r.Countries == nil && c.Country != "" && !f.doubtful["country"] {
		r.Countries = []string{c.Country}
	}
	for i, code := range r.Countries {
		r.Countries[i] = checkCountry(f, fmt.Sprintf("robot.countries[%d]", i), code)
	}
	if r.Countries != nil && len(r.Countries) == 0 {
		f.missing("robot.countries", "nobody could be called")
	}
	c.checkTypes(f)
	hours := r.Hours // compiled anew for every client's zone
	c.checkHours(f, "robot.hours", &hours)
	r.Hours.Holidays = hours.Holidays
	if len(r.Hours.Week) == 0 {
		f.missing("robot.hours.week", "clients would be called at night")
	}
	for _, limit := range []struct {
		key string
		n   int
	}{{"concurrent", r.Concurrent}, {"per_second", r.PerSecond}, {"per_number_day", r.PerNumberDay}, {"per_number_30_days", r.PerNumber30Days}} {
		if at := "robot." + limit.key; limit.n < 1 && !f.doubtful[at] {
			f.add(at, "must be at least 1: without media under reminders no client is called")
		}
	}
	oneOf(f, "robot.consent", r.Consent, robotcall.Consents...)
	if !f.doubtful["robot.ring"] && (r.Ring < 5*time.Second || r.Ring > 2*time.Minute) {
		f.add("robot.ring", "must lie between 5s and 2m")
	}
	c.checkPrompts(f)
}

// costly are the types of numbers that whoever rings them pays for.
var costly = []number.Type{number.PremiumRate, number.SharedCost, number.Personal}

func (c *Config) checkTypes(f *findings) {
	for i, kind := range c.Robot.Types {
		at := fmt.Sprintf("robot.types[%d]", i)
		oneOf(f, at, kind, number.Types...)
		if slices.Contains(costly, kind) {
			f.warn(at, "%s numbers cost whoever rings them: a stranger who lets the phone ring once from one can be rung back at your expense", kind)
		}
	}
	if len(c.Robot.Types) == 0 {
		f.missing("robot.types", "nobody could be called")
	}
}

func (c *Config) checkPrompts(f *findings) {
	oneOf(f, "robot.language", c.Robot.Language, appointments.Languages...)
	known := robotcall.AllPrompts()
	for _, language := range slices.Sorted(maps.Keys(c.Robot.Prompts)) {
		at := below("robot.prompts", language)
		oneOf(f, at, language, appointments.Languages...)
		prompts := c.Robot.Prompts[language]
		for _, name := range slices.Sorted(maps.Keys(prompts)) {
			here := below(at, string(name))
			oneOf(f, here, name, known...)
			checkMedia(f, here, prompts[name], false)
		}
	}
}

// checkMedia checks what is played; booked says that it tells of an appointment.
func checkMedia(f *findings, at string, media []string, booked bool) {
	for i, entry := range media {
		checkEntry(f, fmt.Sprintf("%s[%d]", at, i), entry, booked)
	}
}

func checkEntry(f *findings, at, entry string, booked bool) {
	if err := robotcall.CheckMedia(entry, booked); err != nil {
		f.add(at, "%s %v", quoted(entry), err)
	}
}

// checkReminders checks of what and how clients are reminded.
func (c *Config) checkReminders(f *findings) {
	r := &c.Reminders
	for _, language := range slices.Sorted(maps.Keys(r.Media)) {
		at := below("reminders.media", language)
		oneOf(f, at, language, appointments.Languages...)
		checkMedia(f, at, r.Media[language], true)
		if f.doubtful[at] {
			delete(r.Media, language) // it has been told
		}
	}
	for _, p := range r.Check() {
		if at := "reminders." + p.Field; !f.doubtful[at] {
			f.add(at, "%s", p.Text)
		}
	}
	var lines []string
	for _, l := range c.Lines {
		lines = append(lines, l.Name)
	}
	refer(f, "reminders.line", "line", r.Line, "lines", lines)
	if len(r.Media) > 0 && len(r.Media[r.Language]) == 0 && !f.doubtful["reminders.language"] {
		f.warn("reminders.language", "is %s, and media holds nothing in it: clients of whom no other language is known are not called", r.Language)
	}
}

// warnOfRobot warns of phone calls that a ladder or an appointment asks for and
// that cannot be made. Nobody but mode act makes any.
func (c *Config) warnOfRobot(f *findings) {
	rung := map[string]string{} // by login: a pool that rings them
	for i := range c.Pools {
		if n, _ := c.Pools[i].Ladder.Call(); n < 0 {
			continue
		}
		for _, login := range c.Pools[i].Managers {
			rung[login] = c.Pools[i].Name
		}
	}
	used := map[string]bool{} // PBXes with a phone that is rung
	for i := range c.Managers {
		m, at := &c.Managers[i], fmt.Sprintf("managers[%d]", i)
		pool, isRung := rung[m.Login]
		if isRung && len(m.Devices) == 0 && !f.doubtful[at+".devices"] {
			f.warn(at, "%s has no devices: the ladder of pool %s cannot ring them", quoted(m.Login), quoted(pool))
		}
		for _, d := range m.Devices {
			used[d.PBX] = used[d.PBX] || isRung
		}
	}
	for i := range c.Asterisk {
		a, at := &c.Asterisk[i], fmt.Sprintf("asterisk[%d].connect", i)
		if a.Connect.Context == "" && (used[a.Name] || len(c.Reminders.Media) > 0) && !f.doubtful[at] && !f.doubtful[at+".context"] {
			f.warn(at, "has no context that dials outside numbers: a manager who is rung there cannot be connected by key 1, and no client is called from there")
		}
	}
}
