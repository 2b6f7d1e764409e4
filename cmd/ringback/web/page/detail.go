package page

import (
	"cmp"
	"regexp"
	"strings"
	"time"

	"ringback/leads/alert"
	"ringback/leads/text"
	"ringback/leads/view"
	"ringback/robotcall"
)

// noted are the details of what the house did, as they are kept in English, with
// the words of the catalog for them. What a group matches is put in by its name:
// rest is said in its turn, to is a person, at an instant.
var noted = []struct {
	is *regexp.Regexp
	id string
}{
	{detail(`answered: (?P<rest>.+), before this was told`), "told.before"},
	{detail(`answered: (?P<rest>.+)`), "told.answered"},
	{detail(`not rung: (?P<rest>.+)`), "told.not_rung"},
	{detail(`connect`), "told.connect"},
	{detail(`later`), "told.later"},
	{detail(`settled`), "told.settled"},
	{detail(`settled meanwhile`), "told.meanwhile"},
	{detail(`handed on to (?P<to>.+)`), "told.handed_on"},
	{detail(`nobody to hand it on to`), "told.nobody_else"},
	{detail(`away until (?P<at>[^ ,]+), (?P<rest>.+)`), "told.away"},
	{detail(`not connected: (?P<rest>.+)`), "told.not_connected"},
	{detail(`it failed`), "told.failed"},
	{detail(`context "?.*"? does not dial .*`), "told.not_dialed"},
	{detail(`no key was pressed|no key that says anything was pressed`), "told.no_key"},
	{detail(`only wrong keys were pressed`), "told.wrong_keys"},
	{detail(`hung up`), "told.hung_up"},
	{detail(`hung up without a key`), "told.hung_up_no_key"},
	{detail(`hung up after a wrong key`), "told.hung_up_wrong_key"},
	{detail(`hung up before the connection`), "told.hung_up_before"},
	{detail(`the PBX could not play it|no prompts`), "told.not_played"},
	{detail(`cut short|it was cut short`), "told.cut_short"},
	{detail(`all was told`), "told.all"},
	{detail(`cut short, as the daemon was stopped`), "told.cut_by_stop"},
	{detail(`not answered before the daemon was stopped`), "told.stopped"},
	{detail(`its time ran out`), "told.too_late"},
	{detail(`no robot calls are configured`), "told.no_robot"},
	{detail(`they have no phone`), "told.no_phone"},
	{detail(`away`), "why.away"},
	{detail(`quiet`), "why.quiet"},
	{detail(`there is no number to call back`), "told.no_number"},
	{detail(`they have heard of it in an earlier call`), "told.heard"},
	{detail(`the daemon stopped while it was being sent`), "told.stopped_sending"},
	{detail(`the channel is not configured any more`), "told.no_channel"},
	{detail(`phone (?P<name>.+) is not registered`), "told.unregistered"},
	{detail(`PBX .+ has no phone (?P<name>.+)`), "told.unknown_phone"},
	{detail(`PBX .+ of phone (?P<name>.+) is not configured`), "told.no_pbx"},
	{detail(`PBX .+ does not tell of phone (?P<name>.+)`), "told.phone_unsure"},
	{detail(`(?P<name>[^ :]+): (?P<outcome>[a-z_]+)`), "told.phone"},
	{detail(`(?P<outcome>[a-z_]+)`), "told.outcome"},
}

func detail(pattern string) *regexp.Regexp { return regexp.MustCompile("^(?:" + pattern + ")$") }

// ruled are the rules of what may be dialed, by the words that a detail has for
// them.
var ruled = func() map[string]string {
	all := map[string]string{}
	for reason, said := range robotcall.Words {
		all[plainly(said)] = "told.rule." + string(reason)
	}
	return all
}()

var brackets = regexp.MustCompile(` ?\([^()]*\)`)

// plainly is a detail without what stands in brackets: causes of the network.
func plainly(detail string) string {
	for brackets.MatchString(detail) {
		detail = brackets.ReplaceAllString(detail, "")
	}
	return detail
}

// came says what came of a call or a message; fault is what nobody has words for.
func (t *teller) came(detail string) (said, fault string) {
	var parts []string
	for part := range strings.SplitSeq(plainly(detail), "; ") {
		words, ok := t.told(part)
		switch {
		case part == "":
			continue
		case !ok && fault != "": // of several it is said once
			continue
		case !ok:
			words, fault = t.say("told.else"), detail
		}
		parts = append(parts, words)
	}
	return strings.Join(parts, "; "), fault
}

// told says one thing that is noted; false: there are no words for it.
func (t *teller) told(part string) (said string, ok bool) {
	if id, ok := ruled[part]; ok {
		return t.say(id), true
	}
	for _, n := range noted {
		found := n.is.FindStringSubmatch(part)
		if found == nil {
			continue
		}
		var pairs []any
		fits := true
		for i, name := range n.is.SubexpNames() {
			value := found[i]
			switch name {
			case "":
				continue
			case "rest":
				value, fits = t.told(value)
			case "outcome":
				fits = t.words.Has("page.dial." + value)
				value = t.known("dial.", value)
			case "to":
				value = t.person(value)
			case "at":
				value = t.clock(value)
			case "name":
				_, phone, _ := strings.Cut(value, "/") // PJSIP/101
				value = alert.Clean(cmp.Or(phone, value))
			}
			if pairs = append(pairs, name, value); !fits {
				break
			}
		}
		if fits {
			return t.say(n.id, pairs...), true
		}
	}
	return "", false
}

var sending = regexp.MustCompile(`^(?:alert: .*?: )?(unreachable|refused|timed_out): (.*)$`)

// undelivered says why a message did not arrive; fault is what its channel said.
func (t *teller) undelivered(detail string) (said, fault string) {
	if found := sending.FindStringSubmatch(detail); found != nil {
		if words, known := t.fault(found[2]); known {
			return t.say("sent."+found[1]) + ": " + words, ""
		}
		return t.say("sent." + found[1]), found[2]
	}
	return t.came(detail)
}

// spared says why somebody was not told, or not rung.
func (t *teller) spared(detail string) (said, fault string) {
	if id := "why." + detail; detail != "" && t.words.Has("page."+id) {
		return t.say(id), ""
	}
	return t.came(detail)
}

// unmade says why there was no reminder.
func (t *teller) unmade(detail string) (said, fault string) {
	reason, more, _ := strings.Cut(detail, ": ")
	if !t.words.Has("alerts.reason." + reason) {
		return t.came(detail)
	}
	said = t.words.Say("alerts.reason." + reason)
	if words, fault := t.came(more); fault == "" && words != "" {
		return said + ": " + words, ""
	}
	return said, more
}

// card says who has changed a contact's card.
func (t *teller) card(who string) string {
	if who == "" {
		return t.say("entry.card_changed")
	}
	return t.say("entry.card_changed_by", "who", who)
}

// changes say what was changed, from what to what; of an old entry only the fields
// are known.
func (t *teller) changes(e *view.Entry) string {
	var list []string
	for _, c := range e.Changes {
		list = append(list, t.say("change", "field", t.part(c.Field), "from", t.stood(c.Field, c.From), "to", t.stood(c.Field, c.To)))
	}
	if len(list) > 0 {
		return strings.Join(list, "; ")
	}
	for field := range strings.SplitSeq(e.Detail, ", ") {
		list = append(list, t.known("part.", field))
	}
	return strings.Join(list, ", ")
}

// part is how a field is called of a card, or of what somebody has chosen.
func (t *teller) part(field string) string {
	if id := "settings.kind." + field; t.words.Has(id) {
		return t.words.Say(id)
	}
	return t.known("part.", field)
}

// stood says what stands in a field of a card, or of what somebody has chosen.
func (t *teller) stood(field, value string) string {
	switch {
	case value == "":
		return t.say("change.nothing")
	case t.words.Has("settings.kind." + field):
		var list []string
		for word := range strings.SplitSeq(value, ", ") {
			if id := "page.choice." + word; t.words.Has(id) {
				list = append(list, t.words.Say(id))
			} else {
				list = append(list, t.channel(word))
			}
		}
		return strings.Join(list, ", ")
	case field == "shared":
		return t.known("change.", value)
	case field == "manager":
		value = t.person(value)
	case field == "language" && text.Language(value).Known():
		value = text.Language(value).Name()
	}
	return t.say("change.quoted", "text", alert.Clean(value))
}

// clock says an instant as it was written: that of an appointment is by the clock
// where it takes place.
func (t *teller) clock(written string) string {
	at, err := time.Parse(time.RFC3339, written)
	if err != nil {
		return alert.Clean(written)
	}
	there := *t
	if at.Location() != time.UTC {
		there.zone = at.Location()
	}
	return there.moment(at).Clock
}

// span says from when to when somebody is away.
func (t *teller) span(written string) string {
	from, until, _ := strings.Cut(written, "/")
	if until == "" {
		return t.say("span.open", "from", t.clock(from))
	}
	return t.say("span", "from", t.clock(from), "until", t.clock(until))
}
