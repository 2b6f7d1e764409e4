package page

import (
	"context"
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"time"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/cmd/ringback/web/door"
	"ringback/cmd/ringback/web/health"
	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/dials"
	e164s "ringback/leads/number"
	"ringback/leads/text"
	"ringback/leads/view"
	"ringback/routing"
)

// teller turns what is in the Book into what a page says, as of one instant and
// to one reader.
type teller struct {
	now       time.Time
	zone      *time.Location
	directory *routing.Directory
	words     *text.Words
	visitor   *door.Visitor
	// path is the page that is asked for, with its query: where forms come back to.
	path string
	ctx  context.Context // of the request
	mark string          // of the Hub, from before anything was read
	// giving are the options of who can be given a lead, by pool, and written the
	// menus of leads: see assignable and menus.
	giving  map[string][]choice
	written map[menuKind]string
}

// moment is an instant as a page says it.
type moment struct {
	ISO   string // for programs
	Clock string // "15:04", with the day when it is not today
	Ago   string // "5 min ago"
}

func (t *teller) moment(at time.Time) moment {
	if at.IsZero() {
		return moment{}
	}
	here, today := at.In(t.zone), t.now.In(t.zone)
	clock := here.Format("15:04")
	day := func() string { return here.Format("2 ") + t.say(fmt.Sprintf("month.%d", here.Month())) }
	switch {
	case here.Year() != today.Year():
		clock = day() + here.Format(" 2006 ") + clock
	case here.YearDay() != today.YearDay():
		clock = t.say(fmt.Sprintf("weekday.%d", here.Weekday())) + " " + day() + " " + clock
	}
	return moment{ISO: at.UTC().Format(time.RFC3339), Clock: clock, Ago: t.ago(t.now.Sub(at))}
}

// ago says how long ago something was; the clocks of PBXes differ, so what
// seems to come is now.
func (t *teller) ago(d time.Duration) string {
	if d < time.Minute {
		return t.say("now")
	}
	return t.say("ago", "d", t.length(d.Truncate(time.Minute)))
}

// length says a duration in its two largest units.
func (t *teller) length(d time.Duration) string {
	days, hours, minutes, seconds := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60, int(d.Seconds())%60
	pair := func(a int, unitA string, b int, unitB string) string {
		if b == 0 {
			return t.say("unit."+unitA, "k", a)
		}
		return t.say("unit."+unitA, "k", a) + " " + t.say("unit."+unitB, "k", b)
	}
	switch {
	case days > 0 && hours > 0:
		return t.say("unit.days", "n", days) + " " + t.say("unit.h", "k", hours)
	case days > 0:
		return t.say("unit.days", "n", days)
	case hours > 0:
		return pair(hours, "h", minutes, "min")
	case minutes > 0:
		return pair(minutes, "min", seconds, "s")
	}
	return t.say("unit.s", "k", seconds)
}

// phone is a number on a page; a tap on a valid one dials it.
type phone struct {
	Number string
	Dial   template.URL // empty unless the number is E.164
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{4,14}$`)

func newPhone(number string) phone {
	p := phone{Number: e164s.Grouped(alert.Clean(number))}
	if e164.MatchString(number) {
		p.Dial = template.URL("tel:" + number)
	}
	return p
}

// who is the person outside.
type who struct {
	Name  string // empty: nobody has given one
	Self  string // what they call themselves, when that is neither name nor number
	Phone phone
	Card  string // address of the contact's card; empty: there is none
}

// Title is the one text that stands for the person; empty where the number is
// withheld.
func (w who) Title() string {
	if w.Name != "" {
		return w.Name
	}
	return w.Phone.Number
}

// title is the title of the person's page.
func (t *teller) title(w who) string {
	if title := w.Title(); title != "" {
		return title
	}
	return t.say("withheld")
}

func newWho(name, self, number string, contact *int64) who {
	w := who{Phone: newPhone(number)}
	if name != number {
		w.Name = alert.Clean(name)
	}
	if self = alert.Clean(self); self != w.Name && self != alert.Clean(number) {
		w.Self = self
	}
	if contact != nil {
		w.Card = fmt.Sprintf("/contacts/%d", *contact)
	}
	return w
}

func (t *teller) contact(c *view.Contact) who {
	number := c.Name // which is the number until somebody has given a name
	if c.Named && len(c.Numbers) > 0 {
		number = c.Numbers[0]
	}
	return newWho(c.Name, "", number, nil)
}

// person is how a person of the house is called on pages.
func (t *teller) person(login string) string {
	if m := t.directory.Manager(login); m != nil && m.Name != "" {
		return m.Name
	}
	return alert.Clean(login)
}

// leadRow is a lead on a page.
type leadRow struct {
	Who     who
	Card    string
	Missed  string // "3 missed calls"
	Since   moment // the first of them
	Last    moment
	Line    string
	Pool    string
	Manager string // empty: it waits
	Opened  moment
	Closed  moment
	Settled string // how, when it is closed
	Rests   string // why nobody is told of it just now

	// What follows only a callback has, with what can be done about it. A row is one
	// struct because templates find the fields of one that is embedded by a long way.

	ID int64
	// Form and Back are what its forms carry: see door.Visitor, and where they come
	// back to.
	Form, Back string
	Often      bool   // they rang more than once
	Dialed     phone  // where no line is known
	Reason     string // why they were missed; empty of several calls
	About      string // what about, as whoever opened it by hand has said
	// Overdue says why it is, empty: it is not.
	Overdue string
	Mine    bool
	Owner   string // whose it is, where that is not plain; empty: nobody's
	InHand  bool   // of who looks
	Tries   string // how often somebody has tried to reach them, and who last
	Asks    string // of a talk that may have been enough
	Done    bool   // it is closed
	// Callable says that the Call button rings the reader's phone first; otherwise
	// it is a link that the device itself dials.
	Callable bool
	Hindered string // why it does not
	Barred   bool   // it does not for the number
	Asleep   bool   // it is night where the number is
	Progress *progress
	// Tomorrow is when the pool opens next day.
	Tomorrow string
	To       template.HTML // options of a form: to whom the reader may give it
	Menu     template.HTML
}

func (t *teller) lead(l *view.Lead) leadRow {
	row := leadRow{Card: fmt.Sprintf("/leads/%d", l.ID), Missed: t.words.Say("missed_calls", "n", l.Missed), Since: t.moment(l.FirstMissed.Time), Last: t.moment(l.LastMissed.Time),
		Line: l.Line, Pool: l.Pool, Manager: t.person(l.Manager), Opened: t.moment(l.Opened.Time), Closed: t.moment(l.Closed.Time)}
	switch {
	case l.Contact != nil && l.Typed && l.Manager == t.login() && !t.visitor.All:
		row.Who = newWho("", "", l.Contact.Number, nil)
	case l.Contact != nil:
		row.Who = newWho(l.Contact.Name, l.CallerName, l.Contact.Number, &l.Contact.ID)
	default:
		row.Who = newWho("", l.CallerName, "", nil)
	}
	if l.Missed == 0 {
		row.Missed = t.say("missed_none")
	}
	if l.State == view.Closed {
		row.Settled = t.settled(string(l.Outcome), t.person(l.ClosedBy))
	}
	switch {
	case l.State == view.Open && l.Suspicious:
		row.Rests = t.say("rests.suspicious")
	case l.AcknowledgedBy != "":
		row.Rests = t.say("rests.acknowledged", "who", t.person(l.AcknowledgedBy), "until", t.moment(l.AcknowledgedUntil.Time).Clock)
	}
	return row
}

func (t *teller) leads(list []view.Lead) []leadRow {
	rows := make([]leadRow, len(list))
	for i := range list {
		rows[i] = t.lead(&list[i])
	}
	return rows
}

// callRow is a call on a page.
type callRow struct {
	Day     string // of the first call of a day, where days stand apart; else empty
	Who     who
	Started moment
	Line    string
	Verdict string // also a class of the style sheet
	Why     string
	Phones  string // whose phone it was, and whether it only rang
	Wait    string
	Talk    string
	Lead    string // address of the lead's card
	Message bool   // a voicemail was left
	Story   string // what became of it, in words
	English bool   // the story, for want of other words
}

func (t *teller) call(c *view.Call) callRow {
	row := callRow{Started: t.moment(c.Started.Time), Line: c.Line, Message: c.Voicemail,
		Wait: t.length(seconds(c.WaitS)), Verdict: string(c.Verdict), Why: t.why(string(c.Reason))}
	if c.Direction == call.Inbound {
		row.Who = newWho(c.ContactName, c.CallerName, c.Caller, c.Contact)
		row.Phones = t.phones(c)
	} else { // no verdict is passed on calls that do not come in
		row.Who = newWho(c.ContactName, "", c.Dialed, c.Contact)
		row.Verdict = string(c.Direction)
		if c.Caller != "" {
			row.Phones = t.say("phones.from", "who", alert.Clean(c.Caller))
		}
	}
	if c.TalkS > 0 {
		row.Talk = t.length(seconds(c.TalkS))
	}
	if c.Running() {
		row.Verdict, row.Why, row.Wait = "running", "", ""
	}
	explanation := c.Explanation
	if c.Placed != "" {
		t.placed(&row, c)
		explanation = strings.ReplaceAll(explanation, "was in Stasis", "heard Ringback") // where Asterisk has our calls
	}
	t.explain(&row, explanation)
	if c.Lead != nil {
		row.Lead = fmt.Sprintf("/leads/%d", *c.Lead)
	}
	return row
}

// placed tells of a call that Ringback has made by itself whom it called, and what
// for: to the PBX a call to a phone of the house has no number but "s".
func (t *teller) placed(row *callRow, c *view.Call) {
	id, name := "placed."+string(c.Placed), t.person(c.PlacedFor)
	switch {
	case c.Placed == dials.Reminder:
	case c.Direction == call.Outbound:
		id += ".connected"
	default:
		row.Who, row.Phones = who{Name: name}, ""
	}
	row.Why = t.say(id, "who", name)
}

// explain tells what became of a call, which tells of its phones and its wait too.
// In the words of the Book, where there are no others, it stands beside them.
func (t *teller) explain(row *callRow, explanation string) {
	said, ok := leads.Retold(explanation, t.words)
	switch {
	case explanation == "":
	case !ok:
		row.Story, row.English = explanation, true
	default:
		row.Story, row.Phones, row.Wait = said, "", ""
	}
}

// day says on which day something was.
func (t *teller) day(at time.Time) string {
	here, today := at.In(t.zone), t.now.In(t.zone)
	date := here.Format(time.DateOnly)
	switch date {
	case today.Format(time.DateOnly):
		return t.words.Say("lists.today")
	case today.AddDate(0, 0, -1).Format(time.DateOnly):
		return t.words.Say("lists.yesterday")
	}
	said := t.say(fmt.Sprintf("weekday.%d", here.Weekday())) + here.Format(" 2 ") + t.say(fmt.Sprintf("month.%d", here.Month()))
	if here.Year() != today.Year() {
		said += here.Format(" 2006")
	}
	return said
}

// callsByDay are calls of which the first of each day names it, and each its time.
func (t *teller) callsByDay(list []view.Call) []callRow {
	rows, last := t.calls(list), ""
	for i := range rows {
		if day := t.day(list[i].Started.Time); day != last {
			rows[i].Day, last = day, day
		}
		rows[i].Started.Clock = list[i].Started.In(t.zone).Format("15:04")
	}
	return rows
}

// phones names whoever answered a call, or whom it rang in vain.
func (t *teller) phones(c *view.Call) string {
	switch {
	case c.AnsweredBy != "":
		return t.say("phones.by", "who", alert.Clean(c.AnsweredBy))
	case len(c.Rang) > 0:
		return t.say("phones.rang", "who", alert.Clean(strings.Join(c.Rang, ", ")))
	}
	return ""
}

func (t *teller) calls(list []view.Call) []callRow {
	rows := make([]callRow, len(list))
	for i := range list {
		rows[i] = t.call(&list[i])
	}
	return rows
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Second)
}

// pbxRow is a PBX on a page.
type pbxRow struct {
	Name     string
	Watching bool
	State    string
	Hint     string
	Since    moment
}

func (t *teller) pbxes(list []ari.Status) []pbxRow {
	rows := make([]pbxRow, len(list))
	for i, pbx := range list {
		rows[i] = pbxRow{Name: pbx.PBX, Watching: pbx.State == ari.Watching, State: t.say("pbx.watching"), Since: t.moment(pbx.Since)}
		if !rows[i].Watching {
			p := t.problem(health.PBXProblem(pbx))
			rows[i].State, rows[i].Hint = p.Why, p.Hint
		}
	}
	return rows
}

// problem says in the reader's language what keeps the daemon from being ready.
func (t *teller) problem(p health.Problem) health.Problem {
	why := p.Why
	if name, is := strings.CutPrefix(p.What, "pbx "); is {
		p.What = t.say("trouble.pbx", "name", name)
	} else {
		p.What, why = t.say("trouble.database"), "unwritten"
	}
	p.Why, p.Hint = t.known("trouble.", why), ""
	if t.words.Has("page.hint." + why) {
		p.Hint = t.say("hint." + why)
	}
	return p
}
