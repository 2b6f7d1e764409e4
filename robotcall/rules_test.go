package robotcall

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nyaruka/phonenumbers/v2"
	"github.com/nyaruka/phonenumbers/v2/timezone"
	"pgregory.net/rapid"

	"ringback/leads/dials"
	"ringback/leads/number"
	"ringback/routing"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.Parse("2006-01-02 15:04:05Z07:00", text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// agoT gives times before another.
func agoT(now time.Time, list ...time.Duration) (past []time.Time) {
	for _, d := range list {
		past = append(past, now.Add(-d))
	}
	return past
}

const (
	moscow  = "+74951234567" // a fixed line: its zone is known
	mobile  = "+79161234567" // anywhere from Kaliningrad to Kamchatka
	berlin  = "+4930123456"
	premium = "+78091234567"
	jamaica = "+18765551234"
)

func TestDecide(t *testing.T) {
	noon := at(t, "2026-03-04 12:00:00+03:00")
	reminder := Request{Kind: dials.Reminder, Number: moscow, Device: "Local/x@out", PBX: "main", Trunk: "out"}
	person := Request{Kind: dials.Manager, Who: "anna", Device: "PJSIP/101"}
	connect := Request{Kind: dials.Connect, Number: moscow, Who: "anna"}
	with := func(q Request, change func(*Request)) Request { change(&q); return q }
	number := func(s string) Request { return with(reminder, func(q *Request) { q.Number = s }) }
	rules := func(changes ...func(*Rules)) *Rules {
		r := DefaultRules("RU")
		for _, change := range changes {
			change(&r)
		}
		return &r
	}
	often := dials.History{ToNumber: agoT(noon, 20*time.Hour, 30*time.Hour, 2*time.Hour, time.Hour)}
	for _, c := range []struct {
		name  string
		rules *Rules
		q     Request
		h     dials.History
		want  string // reason, and until in Moscow
	}{
		{"a client at noon", rules(), reminder, dials.History{}, ""},
		{"mode observe", rules(func(r *Rules) { r.Observe = true }), person, dials.History{}, "observe never"},
		{"no number", rules(), number("89161234567"), dials.History{}, "number never"},
		{"nothing", rules(), number(""), dials.History{}, "number never"},
		{"emergency", rules(), number("112"), dials.History{}, "number never"},
		{"another country", rules(), number(berlin), dials.History{}, "country never"},
		{"another country of the same code", rules(func(r *Rules) { r.Countries = []string{"US"} }), number(jamaica), dials.History{}, "country never"},
		{"no country at all", rules(func(r *Rules) { r.Countries = nil }), reminder, dials.History{}, "country never"},
		{"a key does not connect there either", rules(), with(connect, func(q *Request) { q.Number = berlin }), dials.History{}, "country never"},
		{"premium rate", rules(), number(premium), dials.History{}, "type never"},
		{"premium rate by a key", rules(), with(connect, func(q *Request) { q.Number = premium }), dials.History{}, "type never"},
		{"satellite", rules(func(r *Rules) { r.Countries = []string{"RU", "DE"} }), number("+881612345678"), dials.History{}, "country never"},
		{"refused", rules(), reminder, dials.History{Consent: dials.Refused}, "refused never"},
		{"refused, by a person's key", rules(), connect, dials.History{Consent: dials.Refused}, ""},
		{"silent where consent is required", rules(func(r *Rules) { r.Consent = Required }), reminder, dials.History{}, "no_consent never"},
		{"agreed where consent is required", rules(func(r *Rules) { r.Consent = Required }), reminder, dials.History{Consent: dials.Agreed}, ""},
		{"expired", rules(), with(reminder, func(q *Request) { q.Expires = noon }), dials.History{}, "expired never"},
		{"somewhere in Russia at noon in Moscow", rules(), number(mobile), dials.History{}, "hours 2026-03-05 10:00:00"},
		{"in a zone that the rules name", rules(func(r *Rules) { r.Hours.Zone = "Europe/Moscow" }), number(mobile), dials.History{}, ""},
		{"in a zone that the rules name, of another country", rules(func(r *Rules) {
			r.Countries, r.Hours = []string{"RU", "AU"}, routing.Hours{Zone: "Europe/Moscow", Week: map[string]string{"mon-sun": "09:00-18:00"}}
		}), number("+61412345678"), dials.History{}, "hours 2026-03-05 05:30:00"},
		{"in a zone that the rules name, which is not one of theirs", rules(func(r *Rules) { r.Hours.Zone = "Europe/Berlin" }), number(mobile), dials.History{},
			"hours 2026-03-05 10:00:00"},
		{"in a zone that is told", rules(), with(number(mobile), func(q *Request) { q.Zone = "Asia/Kamchatka" }), dials.History{}, "hours 2026-03-05 00:00:00"},
		{"a zone that is told opens none of the number's nights", rules(), with(reminder, func(q *Request) { q.Zone = "Asia/Kamchatka" }), dials.History{}, "hours 2026-03-05 09:00:00"},
		{"the number's zone goes before that of the rules", rules(func(r *Rules) { r.Hours.Zone = "Asia/Kamchatka" }), reminder, dials.History{}, ""},
		{"no such zone", rules(), with(reminder, func(q *Request) { q.Zone = "Mars/Olympus" }), dials.History{}, "zone never"},
		{"zones without a common hour", rules(func(r *Rules) { r.Hours.Week = map[string]string{"mon-sun": "09:00-12:00"} }), number(mobile), dials.History{}, "hours never"},
		{"put off beyond its expiry", rules(), with(number(mobile), func(q *Request) { q.Expires = noon.Add(time.Hour) }), dials.History{}, "hours never"},
		{"the number is in a call until its expiry", rules(), with(reminder, func(q *Request) { q.Expires = noon.Add(5 * time.Second) }), dials.History{NumberBusy: true}, "expired never"},
		{"too fast until its expiry", rules(), with(reminder, func(q *Request) { q.Expires = noon.Add(time.Millisecond) }),
			dials.History{Begun: agoT(noon, 300*time.Millisecond, 600*time.Millisecond)}, "expired never"},
		{"often today", rules(), reminder, often, "number_day 2026-03-04 16:00:00"},
		{"often today and closed then", rules(func(r *Rules) { r.Hours.Week = map[string]string{"mon-sun": "09:00-15:00"} }), reminder, often, "number_day 2026-03-05 09:00:00"},
		{"often this month", rules(func(r *Rules) { r.PerNumber30Days = 4 }), reminder, often, "number_30_days 2026-04-02 09:00:00"},
		{"often is no matter to a person", rules(), connect, often, ""},
		{"the number is in a call", rules(), reminder, dials.History{NumberBusy: true}, "number_busy 2026-03-04 12:00:15"},
		{"the number is in a call, by a key", rules(), connect, dials.History{NumberBusy: true}, "number_busy 2026-03-04 12:00:15"},
		{"all lines of ours", rules(), reminder, dials.History{Open: 5}, "concurrent 2026-03-04 12:00:01"},
		{"all but one", rules(), reminder, dials.History{Open: 4}, ""},
		{"all lines of the trunk", rules(func(r *Rules) { r.Trunks = map[Trunk]Bounds{{"main", "out"}: {Concurrent: 2}} }), reminder,
			dials.History{OpenOnTrunk: 2}, "trunk_concurrent 2026-03-04 12:00:01"},
		{"all lines of another trunk", rules(func(r *Rules) { r.Trunks = map[Trunk]Bounds{{"main", "in"}: {Concurrent: 2}} }), reminder,
			dials.History{OpenOnTrunk: 2}, ""},
		{"too fast", rules(), reminder, dials.History{Begun: agoT(noon, 300*time.Millisecond, 600*time.Millisecond)}, "pace 2026-03-04 12:00:00.4"},
		{"too fast for the trunk", rules(func(r *Rules) { r.Trunks = map[Trunk]Bounds{{"main", "out"}: {PerSecond: 1}} }), reminder,
			dials.History{BegunOnTrunk: agoT(noon, 300*time.Millisecond)}, "pace 2026-03-04 12:00:00.7"},
		{"tried an hour ago", rules(), reminder, dials.History{Former: []dials.Dial{{Outcome: dials.Rejected, Ended: noon.Add(-time.Hour)}}}, "retry 2026-03-04 13:00:00"},
		{"answered before", rules(), reminder, dials.History{Former: []dials.Dial{{Outcome: dials.Answered, Ended: noon.Add(-time.Hour)}}}, "tried never"},
		{"nobody knows whether it rang", rules(), reminder, dials.History{Former: []dials.Dial{{Outcome: dials.Unknown, Ended: noon.Add(-time.Hour)}}}, "tried never"},
		{"still going on", rules(), reminder, dials.History{Former: []dials.Dial{{}}}, "number_busy 2026-03-04 12:00:15"},
		{"a manager", rules(), person, dials.History{}, ""},
		{"a manager at night", rules(), person, dials.History{}, ""},
		{"no phone", rules(), with(person, func(q *Request) { q.Device = "" }), dials.History{}, "number never"},
		{"a manager's phone outside", rules(), with(person, func(q *Request) { q.Number = premium }), dials.History{}, "type never"},
		{"rung just now", rules(), person, dials.History{ToPerson: agoT(noon, 20*time.Second)}, "person_often 2026-03-04 12:00:40"},
		{"rung three times", rules(), person, dials.History{ToPerson: agoT(noon, 2*time.Minute, 5*time.Minute, 14*time.Minute)}, "person_often 2026-03-04 12:01:00"},
		{"being rung", rules(), person, dials.History{PersonBusy: true}, "person_busy 2026-03-04 12:00:15"},
		{"a client to a phone of the house", rules(), Request{Kind: dials.Connect, Who: "anna", Device: "PJSIP/101"}, dials.History{PersonBusy: true}, ""},
	} {
		got := c.rules.Decide(c.q, c.h, noon)
		text := string(got.Reason)
		switch {
		case !got.Allowed && got.Until.IsZero():
			text += " never"
		case !got.Allowed:
			text += got.Until.In(noon.Location()).Format(" 2006-01-02 15:04:05.999")
		}
		if text != c.want || got.Allowed != (c.want == "") {
			t.Errorf("%s: %q, want %q", c.name, text, c.want)
		}
		if _, told := Words[got.Reason]; !got.Allowed && !told {
			t.Errorf("%s: %s has no words", c.name, got.Reason)
		}
	}
}

func TestDefaultRulesWithoutACountry(t *testing.T) {
	r := DefaultRules("")
	if d := r.Decide(Request{Kind: dials.Connect, Number: moscow}, dials.History{}, time.Now()); d.Reason != BadCountry {
		t.Errorf("without a home country %+v", d)
	}
}

// The limits of a person, asked every second of three hours: never more than the
// table says.
func TestPersonLimits(t *testing.T) {
	r := DefaultRules("RU")
	now := at(t, "2026-03-04 12:00:00+03:00")
	var rung []time.Time
	var gaps []string
	q := Request{Kind: dials.Manager, Who: "anna", Device: "x"}
	for end := now.Add(4 * time.Hour); now.Before(end); {
		d := r.Decide(q, dials.History{ToPerson: rung}, now)
		if !d.Allowed {
			now = d.Until
			continue
		}
		if len(rung) > 0 {
			gaps = append(gaps, now.Sub(rung[len(rung)-1]).String())
		}
		rung = append(rung, now)
	}
	want := "1m0s 1m0s 13m0s 1m0s 1m0s 13m0s 30m0s 1m0s 1m0s 13m0s 1m0s 1m0s 13m0s 30m0s 1h0m0s 1m0s 1m0s"
	if got := strings.Join(gaps, " "); !strings.HasPrefix(got, want) {
		t.Errorf("between the calls lie %s", got)
	}
}

func TestRetry(t *testing.T) {
	r := DefaultRules("RU")
	for _, c := range []struct {
		outcome  dials.Outcome
		consumed int
		want     time.Duration
	}{
		{dials.Answered, 1, 0}, {dials.Invalid, 1, 0}, {dials.Unknown, 1, 0}, {"", 1, 0},
		{dials.Busy, 1, 5 * time.Minute}, {dials.Busy, 3, 5 * time.Minute}, {dials.Busy, 4, 0},
		{dials.NoAnswer, 1, 30 * time.Minute}, {dials.NoAnswer, 2, 30 * time.Minute}, {dials.NoAnswer, 3, 0},
		{dials.Stopped, 2, 30 * time.Minute}, {dials.Stopped, 3, 0},
		{dials.Unreachable, 2, 30 * time.Minute}, {dials.Unreachable, 3, 0},
		{dials.Rejected, 1, 2 * time.Hour}, {dials.Rejected, 2, 0},
		{dials.Failed, 2, 5 * time.Minute}, {dials.Failed, 3, 0},
		{dials.Congestion, 0, time.Minute}, {dials.Congestion, 100, time.Minute},
	} {
		after, again := r.Retry(c.outcome, c.consumed)
		if after != c.want || again != (c.want > 0) {
			t.Errorf("%s after %d attempts: %s, %v, want %s", c.outcome, c.consumed, after, again, c.want)
		}
	}
}

// countries are those of the property test, with numbers of every type of them.
var countries = []string{"RU", "KZ", "US", "JM", "CA", "DE", "GB", "GG", "AU", "IT", "BR", "CL", "IR", "LY", "NZ", "FR", "RE", "IN", "NP"}

var kinds = []phonenumbers.PhoneNumberType{phonenumbers.FIXED_LINE, phonenumbers.MOBILE, phonenumbers.TOLL_FREE, phonenumbers.PREMIUM_RATE,
	phonenumbers.SHARED_COST, phonenumbers.VOIP, phonenumbers.PERSONAL_NUMBER, phonenumbers.PAGER, phonenumbers.UAN}

// sampleNumbers are example numbers of the plans, and what is no number at all.
func sampleNumbers() []string {
	list := []string{"", "112", "+112", "+1911", "+881612345678", "+870773111632", "+88216123456", "+80012345678", "+97912345678", "hello",
		"+7916123456", "89161234567", "+79161234567\r\n", "+" + strings.Repeat("9", 40), "+39061234", "+12025550123", "+61491570156", "+49201000000000000"}
	for _, country := range countries {
		for _, kind := range kinds {
			if n := phonenumbers.GetExampleNumberForTypeInRegion(country, kind); n != nil {
				list = append(list, phonenumbers.Format(n, phonenumbers.E164))
			}
		}
	}
	return list
}

// clocks are the days on which they change, in zones of both halves of the
// world; Lord Howe changes by half an hour, Moscow left its summer in 2011 and
// changed for good in 2014, Samoa left out a day.
var clocks = []string{"2026-03-29T00:00:00Z", "2026-10-25T00:00:00Z", "2026-03-08T06:00:00Z", "2026-11-01T05:00:00Z", "2026-04-04T14:00:00Z",
	"2026-10-03T15:00:00Z", "2014-10-25T22:00:00Z", "2011-12-30T09:00:00Z", "2026-06-15T12:00:00Z", "2028-02-29T12:00:00Z"}

var weeks = []map[string]string{
	{"mon-sun": "09:00-21:00"}, {"mon-fri": "09:00-18:00"}, {"mon-fri": "10:00-13:00, 14:00-20:00", "sat": "11:00-15:00"},
	{"mon-sun": "22:00-02:30"}, {"mon-sun": "02:00-03:00"}, {"sun": "23:00-24:00", "mon": "00:00-01:00"}, {"wed": "12:00-12:01"},
	{"mon-sun": "00:00-24:00"}, {}, {}, {}, {},
}

var allZones = []string{"", "", "Europe/Moscow", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "Nowhere/None"}

// drawn is a random question to the rules.
type drawn struct {
	rules Rules
	q     Request
	h     dials.History
	now   time.Time
}

func draw(t *rapid.T, numbers []string) drawn {
	var d drawn
	base, err := time.Parse(time.RFC3339, rapid.SampledFrom(clocks).Draw(t, "clocks"))
	if err != nil {
		t.Fatal(err)
	}
	d.now = base.Add(time.Duration(rapid.Int64Range(-40*3600e3, 40*3600e3).Draw(t, "ms")) * time.Millisecond)
	some := func(name string, most int, within time.Duration) (past []time.Time) {
		for range rapid.IntRange(0, most).Draw(t, name) {
			past = append(past, d.now.Add(-time.Duration(rapid.Int64Range(0, within.Milliseconds()).Draw(t, name+" ago"))*time.Millisecond))
		}
		return past
	}
	d.rules = Rules{
		Countries:  rapid.SampledFrom([][]string{countries, countries, countries[:9], countries[9:], {"RU"}, {}}).Draw(t, "countries"),
		Types:      rapid.SampledFrom([][]number.Type{number.Types, number.Types, number.Types, number.Types[:2], number.Types[2:], {number.Mobile}, {}}).Draw(t, "types"),
		Hours:      routing.Hours{Zone: rapid.SampledFrom(allZones[:9]).Draw(t, "zone of the rules"), Week: rapid.SampledFrom(weeks).Draw(t, "week")},
		Concurrent: rapid.IntRange(1, 3).Draw(t, "concurrent"), PerSecond: rapid.IntRange(1, 3).Draw(t, "per second"),
		PerNumberDay: rapid.IntRange(1, 3).Draw(t, "day"), PerNumber30Days: rapid.IntRange(1, 4).Draw(t, "30 days"),
		Consent: rapid.SampledFrom(Consents).Draw(t, "consent"),
		Observe: rapid.IntRange(0, 19).Draw(t, "observe") == 0,
		Trunks:  map[Trunk]Bounds{{"main", "out"}: {rapid.SampledFrom([]int{0, 1, 2}).Draw(t, "trunk"), rapid.IntRange(0, 2).Draw(t, "trunk per second")}},
	}
	d.q = Request{Kind: rapid.SampledFrom([]dials.Kind{dials.Manager, dials.Connect, dials.Reminder, dials.Reminder, dials.Reminder}).Draw(t, "kind"), PBX: "main", Trunk: rapid.SampledFrom([]string{"out", "out", "other"}).Draw(t, "to"),
		Number: rapid.SampledFrom(numbers).Draw(t, "number"), Device: rapid.SampledFrom([]string{"", "PJSIP/101"}).Draw(t, "device"), Who: "anna",
		Zone: rapid.SampledFrom(allZones).Draw(t, "zone")}
	if rapid.IntRange(0, 3).Draw(t, "expires") == 0 {
		d.q.Expires = d.now.Add(time.Duration(rapid.IntRange(-60, 60*48).Draw(t, "in")) * time.Minute)
	}
	d.h = dials.History{Consent: rapid.SampledFrom([]dials.Stand{dials.Silent, dials.Agreed, dials.Refused}).Draw(t, "stand"),
		ToNumber: some("to the number", 4, 31*24*time.Hour), ToPerson: some("to the person", rapid.SampledFrom([]int{2, 4, 18}).Draw(t, "most"), 3*time.Hour),
		Begun: some("begun", 3, 2*time.Second), BegunOnTrunk: some("begun on the trunk", 2, 2*time.Second),
		Open: rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "open"), OpenOnTrunk: rapid.SampledFrom([]int{0, 1, 2}).Draw(t, "on trunk"),
		NumberBusy: rapid.IntRange(0, 9).Draw(t, "number busy") == 0, PersonBusy: rapid.IntRange(0, 9).Draw(t, "person busy") == 0}
	for i := range rapid.SampledFrom([]int{0, 0, 0, 1, 2, 4}).Draw(t, "former") {
		one := dials.Dial{Call: strconv.Itoa(i / 2), Outcome: rapid.SampledFrom(append([]dials.Outcome{""}, dials.Outcomes...)).Draw(t, "outcome")}
		if one.Outcome != "" {
			one.Ended = d.now.Add(-time.Duration(rapid.IntRange(0, 3*3600).Draw(t, "ended ago")) * time.Second)
		}
		d.h.Former = append(d.h.Former, one)
	}
	if rapid.Bool().Draw(t, "little history") {
		d.h = dials.History{Consent: d.h.Consent, BegunOnTrunk: d.h.BegunOnTrunk}
	}
	return d
}

// forbidden is what the README's table says, written down a second time and
// otherwise: by the library's own words and by clocks read as text.
func (d *drawn) forbidden(now time.Time) (why string) {
	within := func(past []time.Time, span time.Duration) (n int) {
		for _, p := range past {
			if now.Sub(p) < span {
				n++
			}
		}
		return n
	}
	outside := d.q.Number != ""
	if d.rules.Observe {
		return "nobody is rung"
	}
	if !outside && (d.q.Kind == dials.Reminder || d.q.Device == "") {
		return "nobody to dial"
	}
	if outside {
		if why := d.forbiddenNumber(); why != "" {
			return why
		}
		if d.h.NumberBusy {
			return "the number is busy"
		}
	}
	if !d.q.Expires.IsZero() && !d.q.Expires.After(now) {
		return "expired"
	}
	if d.q.Kind == dials.Manager {
		for _, l := range [][2]int{{1, 60}, {3, 15 * 60}, {7, 3600}, {15, 3 * 3600}} {
			if within(d.h.ToPerson, time.Duration(l[1])*time.Second) >= l[0] {
				return "the person was rung too often"
			}
		}
		if d.h.PersonBusy {
			return "the person is busy"
		}
	}
	if d.q.Kind != dials.Reminder {
		return ""
	}
	trunk := Bounds{}
	if d.q.Trunk == "out" {
		trunk = d.rules.Trunks[Trunk{"main", "out"}]
	}
	switch {
	case d.h.Consent == dials.Refused, d.rules.Consent == Required && d.h.Consent == dials.Silent:
		return "no consent"
	case within(d.h.ToNumber, 24*time.Hour) >= d.rules.PerNumberDay, within(d.h.ToNumber, 720*time.Hour) >= d.rules.PerNumber30Days:
		return "the number was called too often"
	case !d.mayRetry(now):
		return "tried before"
	case d.h.Open >= d.rules.Concurrent, trunk.Concurrent > 0 && d.h.OpenOnTrunk >= trunk.Concurrent:
		return "too many calls"
	case within(d.h.Begun, time.Second) >= d.rules.PerSecond, trunk.PerSecond > 0 && within(d.h.BegunOnTrunk, time.Second) >= trunk.PerSecond:
		return "too fast"
	}
	return d.forbiddenHour(now)
}

// mayRetry is the table of retries as the README shows it.
func (d *drawn) mayRetry(now time.Time) bool {
	if len(d.h.Former) == 0 {
		return true
	}
	calls := map[string]bool{}
	for _, one := range d.h.Former {
		if one.Outcome != "congestion" {
			calls[one.Call] = true
		}
	}
	minutes := func(least, most int) bool {
		return now.Sub(d.h.Former[0].Ended) >= time.Duration(least)*time.Minute && len(calls) <= most
	}
	switch d.h.Former[0].Outcome {
	case "busy":
		return minutes(5, 3)
	case "no_answer", "unreachable", "stopped":
		return minutes(30, 2)
	case "failed":
		return minutes(5, 2)
	case "rejected":
		return minutes(120, 1)
	case "congestion":
		return minutes(1, 1000)
	}
	return false // answered, no such number, not known, or not ended
}

func (d *drawn) forbiddenNumber() string {
	n, err := phonenumbers.Parse(d.q.Number, "ZZ")
	if err != nil || !phonenumbers.IsValidNumber(n) || phonenumbers.Format(n, phonenumbers.E164) != d.q.Number || len(d.q.Number) > 16 {
		return "no number"
	}
	country := phonenumbers.GetRegionCodeForCountryCode(int(n.GetCountryCode()))
	for _, c := range phonenumbers.GetRegionCodesForCountryCode(int(n.GetCountryCode())) {
		if phonenumbers.IsValidNumberForRegion(n, c) {
			country = c
			break
		}
	}
	if !slices.Contains(d.rules.Countries, country) {
		return "country"
	}
	var types []string
	for _, t := range d.rules.Types {
		types = append(types, strings.ToUpper(string(t)))
	}
	is := map[phonenumbers.PhoneNumberType]string{0: "FIXED_LINE", 1: "MOBILE", 2: "FIXED_LINE MOBILE", 3: "TOLL_FREE", 4: "PREMIUM_RATE", 5: "SHARED_COST",
		6: "VOIP", 7: "PERSONAL_NUMBER", 8: "PAGER", 9: "UAN", 10: "VOICEMAIL"}[phonenumbers.GetNumberType(n)]
	for _, t := range types {
		if slices.Contains(strings.Fields(is), t) {
			return ""
		}
	}
	return "type"
}

// forbiddenHour reads the clock in each zone as people do.
func (d *drawn) forbiddenHour(now time.Time) string {
	n, _ := phonenumbers.Parse(d.q.Number, "ZZ")
	zones, _ := timezone.GetTimeZonesForNumber(n)
	located := zones
	for _, zone := range located {
		if zone == d.rules.Hours.Zone && d.q.Zone == "" {
			zones = []string{zone}
		}
	}
	if d.q.Zone != "" { // alone where it is like one of the number's, else with all of them
		if zones = append([]string{d.q.Zone}, located...); len(located) == 0 || slices.ContainsFunc(located, func(zone string) bool { return d.clocks(zone) == d.clocks(d.q.Zone) }) {
			zones = zones[:1]
		}
	}
	for _, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil || name == "Etc/Unknown" {
			return "no zone"
		}
		local := now.In(zone)
		if !openAt(d.rules.Hours.Week, strings.ToLower(local.Format("Mon")), strings.ToLower(local.AddDate(0, 0, -1).Format("Mon")), local.Format("15:04")) {
			return "closed in " + name
		}
	}
	return ""
}

// clocks are what a zone's clock shows now and every week until a year from now.
func (d *drawn) clocks(name string) (shown string) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return name
	}
	for t := d.now; t.Before(d.now.AddDate(1, 0, 0)); t = t.Add(7 * 24 * time.Hour) {
		shown += t.In(zone).Format("-0700 ")
	}
	return shown
}

// openAt compares the texts of the week with a day and a clock.
func openAt(week map[string]string, day, yesterday, clock string) bool {
	const order = "mon tue wed thu fri sat sun"
	holds := func(days, day string) bool {
		first, last, ranged := strings.Cut(days, "-")
		if !ranged {
			return days == day
		}
		return strings.Index(order, first) <= strings.Index(order, day) && strings.Index(order, day) <= strings.Index(order, last)
	}
	for days, windows := range week {
		for _, window := range strings.Split(windows, ", ") {
			from, to, _ := strings.Cut(window, "-")
			if from < to && holds(days, day) && from <= clock && clock < to ||
				from > to && (holds(days, day) && from <= clock || holds(days, yesterday) && clock < to) {
				return true
			}
		}
	}
	return len(week) == 0
}

// many has rapid draw more often than it does by itself.
func many(t *testing.T, checks int) {
	t.Helper()
	of := flag.Lookup("rapid.checks")
	before := of.Value.String()
	if before != of.DefValue {
		return // somebody has said how often
	}
	if err := of.Value.Set(strconv.Itoa(checks)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = of.Value.Set(before) })
}

// No forbidden call passes, whatever the number, the hour, the zone, the change
// of the clocks and the history; and what is put off passes at Until, unless
// that is too late.
func TestNoForbiddenCallPasses(t *testing.T) {
	numbers := sampleNumbers()
	seen := map[string]int{}
	many(t, 30000)
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, numbers)
		got := d.rules.Decide(d.q, d.h, d.now)
		why := d.forbidden(d.now)
		seen[fmt.Sprint(string(got.Reason), " ", got.Until.IsZero())]++
		if got.Allowed != (why == "") || got.Allowed != (got.Reason == "") {
			t.Fatalf("%s to %q at %s: %+v, and forbidden is: %q", d.q.Kind, d.q.Number, d.now, got, why)
		}
		if got.Allowed || got.Until.IsZero() {
			return
		}
		if !got.Until.After(d.now) || !d.q.Expires.IsZero() && !got.Until.Before(d.q.Expires) {
			t.Fatalf("put off to %s at %s, expires %s", got.Until, d.now, d.q.Expires)
		}
		// What nobody can foresee has ended by then.
		d.h.NumberBusy, d.h.PersonBusy, d.h.Open, d.h.OpenOnTrunk = false, false, 0, 0
		if len(d.h.Former) > 0 && d.h.Former[0].Ended.IsZero() {
			d.h.Former = nil
		}
		if why := d.forbidden(got.Until); why != "" {
			t.Fatalf("put off (%s) from %s to %s, and then it is: %q", got.Reason, d.now, got.Until, why)
		}
		soonest := d.now.Add(busyPause)
		for range 20 {
			between := soonest.Add(time.Duration(rapid.Float64Range(0, 1).Draw(t, "between") * float64(got.Until.Sub(soonest))))
			if between.Before(got.Until) && between.After(soonest) && d.forbidden(between) == "" {
				t.Fatalf("put off (%s) from %s to %s, and nothing forbids it at %s", got.Reason, d.now, got.Until, between)
			}
		}
		if again := d.rules.Decide(d.q, d.h, got.Until); !again.Allowed {
			t.Fatalf("put off (%s) from %s to %s, and then again: %+v", got.Reason, d.now, got.Until, again)
		}
	})
	for reason := range Words {
		if seen[string(reason)+" true"]+seen[string(reason)+" false"] == 0 {
			t.Errorf("reason %s was never drawn: %v", reason, seen)
		}
	}
	if seen[" true"] == 0 {
		t.Error("nothing passed")
	}
}
