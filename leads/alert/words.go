package alert

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"ringback/leads/appointments"
	"ringback/leads/text"
)

// link is where a message leads: the person's own way to the lead, and for
// programs, and of what is no lead, the page behind the login.
func (l *Ladder) link(ch Named, m *Message, now time.Time) string {
	base := strings.TrimSuffix(l.cfg.PublicURL, "/")
	switch {
	case m.Lead != 0 && l.personal(ch):
		return base + l.cfg.Link(m.To, m.Lead, now)
	case m.Contact != 0:
		return fmt.Sprintf("%s/contacts/%d", base, m.Contact)
	case m.Lead != 0:
		return fmt.Sprintf("%s/leads/%d", base, m.Lead)
	case m.Why.lists():
		return base + "/"
	}
	return base
}

// personal says that a channel takes people their own links.
func (l *Ladder) personal(ch Named) bool { return l.cfg.Link != nil && !ch.Program }

// linked are the leads of a list, each with its reader's own way to it.
func (l *Ladder) linked(ch Named, m *Message, now time.Time) []Listed {
	list := slices.Clone(m.Leads) // those of other channels stay as they are
	for i := range list {
		if list[i].Link = ""; l.personal(ch) {
			list[i].Link = l.link(ch, &Message{To: m.To, Lead: list[i].Lead}, now)
		}
	}
	return list
}

// write says a message for a channel, with the links that its reader has by it.
func (l *Ladder) write(ch Named, m *Message, now time.Time) {
	m.Link, m.Leads = l.link(ch, m, now), l.linked(ch, m, now)
	l.say(m, now)
}

// say writes what the message says, as of now.
func (l *Ladder) say(m *Message, now time.Time) {
	s := speaker{m: m, words: text.In(m.Language), now: now.In(l.cfg.Zone)}
	m.Subject, m.Short, m.Text = s.subject(), s.short(), s.long()
	l.own(&s)
}

// speaker says a message in a language.
type speaker struct {
	m     *Message
	words *text.Words
	now   time.Time // in the zone of the times that are said
}

func (s *speaker) say(id string, pairs ...any) string { return s.words.Say("alerts."+id, pairs...) }

// subject is what the message is about, and of whom.
func (s *speaker) subject() string {
	if s.m.Why == Test {
		return s.say("test")
	}
	if s.m.Why.lists() {
		return s.say(string(s.m.Why)+"_subject", "n", s.m.Missed, "who", s.m.Manager)
	}
	return s.begin() + ": " + s.who(maxShown)
}

// maxBrief bounds a name where there is little room.
const maxBrief = 24

// short says what matters in a line, and the link: for a phone's display.
func (s *speaker) short() string {
	m := s.m
	var line string
	switch {
	case m.Why == Test:
		line = s.say("test") + ": " + s.say("test_text")
	case m.Why.lists():
		line = s.say(string(m.Why)+"_subject", "n", m.Missed, "who", m.Manager)
	case m.Booked != nil:
		line = s.begin() + ": " + join(", ", s.who(maxBrief), s.starts(), s.flag("short_double", m.Double))
	default:
		line = s.begin() + ": " + join(", ", s.who(maxBrief), s.flag("short_new", m.NeedsDetails), m.Line, s.clock(m.LastMissed), s.missed(),
			s.assigned(), s.flag("short_late", m.FoundLate), s.flag("short_double", m.Double))
	}
	if len(m.Leads) > 0 && m.Leads[0].Link != "" { // of a list the oldest, without a password
		return line + "\n" + m.Leads[0].Link
	}
	return line + "\n" + m.Link
}

// long says all, on few lines.
func (s *speaker) long() string {
	var lines []string
	switch m := s.m; {
	case m.Why == Test:
		lines = []string{s.say("test") + ".", s.say("test_text")}
	case m.Booked != nil:
		lines = s.notice()
	case m.Why.lists():
		lines = s.digest()
	default:
		line := ""
		if m.Line != "" {
			line = s.say("line", "line", m.Line)
		}
		lines = []string{
			s.begin() + ": " + join(", ", s.who(maxShown), line, s.clock(m.LastMissed), s.missed(), s.assigned()) + ".",
			s.flag("found_late", m.FoundLate), s.flag("double", m.Double), s.flag("needs_details", m.NeedsDetails)}
	}
	return join("\n", append(lines, s.m.Link)...)
}

// begin are the first words, which say why the message is sent.
func (s *speaker) begin() string {
	m := s.m
	switch {
	case m.Booked != nil:
		return s.say("reminder." + string(m.Booked.Outcome))
	case m.Why == NewLead && m.Missed == 0:
		return s.say("asked")
	}
	return s.say(string(m.Why))
}

// who is the contact, by number and name.
func (s *speaker) who(most int) string { return s.person(s.m.Number, s.m.Name, most) }

func (s *speaker) person(number, name string, most int) string {
	if number == "" {
		number = s.say("withheld")
	}
	if name == "" || name == number {
		return number
	}
	return fmt.Sprintf("%s (%s)", number, Line(name, most))
}

// missed says how often they rang, if that was more than once.
func (s *speaker) missed() string {
	if s.m.Missed < 2 {
		return ""
	}
	return s.words.Say("missed_calls", "n", s.m.Missed)
}

// assigned tells a supervisor who has not called back.
func (s *speaker) assigned() string {
	if m := s.m; m.Why == Overdue && m.Manager != "" && m.Manager != m.To {
		return s.say("assigned", "who", m.Manager)
	}
	return ""
}

// flag says something if it is so.
func (s *speaker) flag(id string, so bool) string {
	if !so {
		return ""
	}
	return s.say(id)
}

// clock says when something was: the time alone is of today.
func (s *speaker) clock(t time.Time) string {
	t = t.In(s.now.Location())
	if t.Format(time.DateOnly) == s.now.Format(time.DateOnly) {
		return t.Format("15:04")
	}
	return s.date(t)
}

func (s *speaker) date(t time.Time) string { return t.Format(s.say("date_layout")) }

// starts is when what is booked begins, in its own zone.
func (s *speaker) starts() string {
	at := s.m.Booked.Starts
	if at.IsZero() {
		return ""
	}
	return s.say(fmt.Sprintf("weekday.%d", at.Weekday())) + " " + s.date(at)
}

// notice says what has become of a reminder: who, when, where.
func (s *speaker) notice() []string {
	m, n := s.m, s.m.Booked
	first := s.begin()
	switch {
	case n.Reason != "":
		first += fmt.Sprintf(" (%s)", join(": ", s.say("reason."+string(n.Reason)), n.Detail))
	case n.Outcome == appointments.Unsure && n.Detail != "":
		first += fmt.Sprintf(" (%s)", n.Detail)
	}
	lines := []string{first + ": " + s.who(maxShown) + ".", s.flag("stale", n.Stale)}
	if m.Manager != "" && m.Manager != m.To {
		lines = append(lines, s.say("not_told", "who", m.Manager))
	}
	lines = append(lines, s.flag("double", m.Double))
	if what := join(", ", s.starts(), n.Place, n.Category); what != "" {
		lines = append(lines, what+".")
	}
	for _, name := range slices.Sorted(maps.Keys(n.Fields)) {
		lines = append(lines, name+": "+n.Fields[name])
	}
	if n.ManagerName != "" {
		lines = append(lines, s.say("with", "who", join(", ", n.ManagerName, strings.Join(n.ManagerPhones, ", "))))
	}
	return lines
}

// digest says a digest, a line for each lead, and below it the way to it as long as
// there is room.
func (s *speaker) digest() []string {
	m := s.m
	lines := []string{s.say(string(m.Why), "n", m.Missed, "who", m.Manager)}
	for i := range m.Leads {
		lines = append(lines, s.listed(&m.Leads[i]))
	}
	if more := m.Missed - len(m.Leads); more > 0 {
		lines = append(lines, s.say("more", "n", more))
	}
	lines = append(lines, s.flag("double", m.Double))
	room := parts["long"] - utf8.RuneCountInString(strings.Join(lines, "\n")+"\n"+m.Link)
	for i := range m.Leads {
		link := m.Leads[i].Link
		if room -= len(link) + 1; link == "" || room < 0 {
			break
		}
		lines[1+i] += "\n" + link
	}
	return lines
}

func (s *speaker) listed(l *Listed) string {
	line, assigned := "", ""
	if l.Line != "" {
		line = s.say("line", "line", l.Line)
	}
	if l.Manager != s.m.To {
		assigned = s.say("assigned", "who", l.Manager)
	}
	return s.clock(l.LastMissed) + " " + join(", ", s.person(l.Number, l.Name, maxShown), line, assigned)
}

// join puts what is there between separators.
func join(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), separator)
}
