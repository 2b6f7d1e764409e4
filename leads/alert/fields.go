package alert

import (
	"time"

	"ringback/leads/appointments"
	"ringback/leads/text"
)

// TemplateFields are what own templates can put in, as {{.Number}}. All are said
// in the reader's language already, and stay on their line, whatever a caller is
// called.
type TemplateFields struct {
	Why, Language   string
	To              string // login of the reader
	Number, Name    string // "withheld number"; "" where nobody has given a name
	Who             string // both
	Line, Pool      string
	Manager         string // login of who is to call back
	Missed          int
	When            string // when they rang last
	Link            string // the reader's own
	NeedsDetails    bool
	FoundLate       bool
	Double          bool
	Subject, Short  string // the built-in words
	Text            string
	Leads           []TemplateLead // of lists
	More            int            // how many more there are
	Starts          string         // of reminders, from here on
	Place, Category string
	Outcome, Detail string // in words
	Fields          map[string]string
}

// TemplateLead is a lead of a list.
type TemplateLead struct{ Number, Name, Who, Line, Manager, When, Link string }

// fields are those of the speaker's message, of which the built-in words have
// been said.
func (s *speaker) fields() TemplateFields {
	m := s.m
	f := TemplateFields{Why: string(m.Why), Language: string(m.Language), To: m.To, Number: m.Number, Name: m.Name, Who: s.who(maxShown), Line: m.Line, Pool: m.Pool,
		Manager: m.Manager, Missed: m.Missed, When: s.clock(m.LastMissed), Link: m.Link, NeedsDetails: m.NeedsDetails, FoundLate: m.FoundLate, Double: m.Double,
		Subject: m.Subject, Short: m.Short, Text: m.Text, More: max(0, m.Missed-len(m.Leads)), Fields: map[string]string{}}
	if f.Number == "" {
		f.Number = s.say("withheld")
	}
	if f.Name == m.Number {
		f.Name = ""
	}
	for i := range m.Leads {
		l := &m.Leads[i]
		f.Leads = append(f.Leads, TemplateLead{l.Number, l.Name, s.person(l.Number, l.Name, maxShown), l.Line, l.Manager, s.clock(l.LastMissed), l.Link})
	}
	if b := m.Booked; b != nil {
		f.Starts, f.Place, f.Category, f.Outcome, f.Detail = s.starts(), b.Place, b.Category, s.begin(), b.Detail
		if b.Fields != nil {
			f.Fields = b.Fields
		}
	}
	return f
}

// own puts an administrator's own words in place of the built-in ones. Words
// that cannot be written stop no alert.
func (l *Ladder) own(s *speaker) {
	t := l.cfg.Templates.find(s.m)
	if t == nil {
		return
	}
	said, err := fill(t, s.fields())
	if err != nil {
		l.cfg.Log.Warn("an own template failed, and the built-in text was sent", "why", s.m.Why, "fault", faultOf(t.Name(), err).String())
		return
	}
	for part, into := range map[string]*string{"subject": &s.m.Subject, "short": &s.m.Short, "long": &s.m.Text} {
		if own, given := said[part]; given {
			*into = own
		}
	}
}

// sample is what a template gets of a sample message.
func sample(m *Message) TemplateFields {
	s := speaker{m: m, words: text.In(m.Language), now: m.At}
	m.Subject, m.Short, m.Text = s.subject(), s.short(), s.long()
	return s.fields()
}

// Samples are messages of a kind with which templates are tried: one of which
// everything is known, with a hostile name, and one of which next to nothing is.
func Samples(why Why) []Message {
	at := time.Date(2026, 3, 2, 12, 30, 0, 0, time.UTC)
	full := Message{ID: "sample", Why: why, At: at, Opened: at, To: "anna", Email: "anna@example.com", Mobile: "+79161234567", Language: text.English,
		Lead: 7, Contact: 3, Number: "+79160000000", Name: Clean("<b>\"Eve\" & 'Co'</b> {{.Link}}\nMissed call: +70000000000"), NeedsDetails: true,
		Line: "sales", Pool: "sales", Manager: "boris", Missed: 2, LastMissed: at.Add(-time.Hour), Link: "https://ring.example.com/l/sample", Double: true, FoundLate: true}
	bare := Message{ID: "sample", Why: why, At: at, Opened: at, To: "anna", Language: text.English, LastMissed: at.Add(-48 * time.Hour)}
	if why.lists() {
		full.Leads = []Listed{{Lead: 7, Number: full.Number, Name: full.Name, Line: "sales", Manager: "boris", Missed: 1, LastMissed: at, Link: full.Link}, {Lead: 8, LastMissed: at}}
		bare.Leads = full.Leads[1:]
	}
	if why == NotReminded || why == Answered || why == Appointment {
		full.Booked = &Booked{Appointment: 1, Starts: at.Add(24 * time.Hour), Place: "Lenina 5", Category: "visit", Outcome: appointments.NotMade,
			Reason: appointments.MissingField, Detail: "place", Fields: map[string]string{"room": "12"}}
		bare.Booked = &Booked{Outcome: appointments.SaidYes}
	}
	return []Message{full, bare}
}
