package robotcall

import (
	"slices"
	"time"

	"ringback/leads/dials"
	"ringback/leads/number"
	"ringback/routing"
)

// Rules say what may be dialed and when. They are the key `robot` of the
// configuration.
type Rules struct {
	// Countries are the ISO codes of those whose numbers may be dialed, by a
	// robot or by the key that connects.
	Countries []string `yaml:"countries"`
	// Types are the types of numbers that may be dialed.
	Types []number.Type `yaml:"types"`
	// Hours are when clients may be called, by the clock where they are. Its
	// Zone is the one of clients whose number may be there and elsewhere, such as
	// mobiles of a country with several zones; else every zone in which the number
	// may be counts.
	Hours routing.Hours `yaml:"hours"`
	// Concurrent is how many clients are called at a time, PerSecond how many
	// calls to clients are begun in a second.
	Concurrent int `yaml:"concurrent"`
	PerSecond  int `yaml:"per_second"`
	// PerNumberDay and PerNumber30Days are how often a robot calls one number
	// within 24 hours, and within 30 days.
	PerNumberDay    int `yaml:"per_number_day"`
	PerNumber30Days int `yaml:"per_number_30_days"`
	// Consent says whether silence is consent.
	Consent Consent `yaml:"consent"`

	// Trunks are the bounds of the ways out, beside those above.
	Trunks map[Trunk]Bounds `yaml:"-"`
	// Observe says that nobody is rung at all.
	Observe bool `yaml:"-"`
}

// Trunk names a way out of a PBX as requests do.
type Trunk struct{ PBX, Name string }

// Bounds are what a trunk carries: calls at a time, and calls begun in a second.
// 0 is no bound.
type Bounds struct{ Concurrent, PerSecond int }

// Consent says who may be called by a robot.
type Consent string

const (
	UnlessRefused Consent = "unless_refused" // everybody who has not refused
	Required      Consent = "required"       // who has agreed, and has not refused since
)

// Consents are all of them.
var Consents = []Consent{UnlessRefused, Required}

// DefaultRules are the rules of a company of this country.
func DefaultRules(country string) Rules {
	r := Rules{
		Types:      []number.Type{number.Mobile, number.FixedLine},
		Hours:      routing.Hours{Week: map[string]string{"mon-sun": "09:00-21:00"}},
		Concurrent: 5, PerSecond: 2,
		PerNumberDay: 3, PerNumber30Days: 10,
		Consent: UnlessRefused,
	}
	if country != "" {
		r.Countries = []string{country}
	}
	return r
}

// Request is a call that somebody wants placed.
type Request struct {
	Kind       dials.Kind
	PBX, Trunk string
	// Number is E.164; empty: a phone of the house. Device is what the PBX is to
	// dial for it.
	Number, Device string
	// Who is the login of the manager that is rung, or for whom it is.
	Who string
	// Zone is the client's, where it is known; empty: what the number tells.
	Zone                string
	Job, Lead, Reminder int64
	// Call is the Call of the legs of the same call that were booked before;
	// empty: this is the first.
	Call string
	// Expires is when the call is of no use any more; zero: never.
	Expires time.Time
}

// Reason says why a call is not let pass. Values are labels of a metric.
type Reason string

const (
	Observing       Reason = "observe"
	BadNumber       Reason = "number"
	BadCountry      Reason = "country"
	BadType         Reason = "type"
	DoNotCall       Reason = "refused"
	NoConsent       Reason = "no_consent"
	TooLate         Reason = "expired"
	WasTried        Reason = "tried"
	TriedLater      Reason = "retry"
	NoZone          Reason = "zone"
	OutOfHours      Reason = "hours"
	NumberOften     Reason = "number_day"
	NumberOften30   Reason = "number_30_days"
	NumberBusy      Reason = "number_busy"
	PersonOften     Reason = "person_often"
	PersonBusy      Reason = "person_busy"
	Concurrent      Reason = "concurrent"
	TrunkConcurrent Reason = "trunk_concurrent"
	Pace            Reason = "pace"
)

// Words are what the reasons mean to people.
var Words = map[Reason]string{
	Observing:       "mode is observe: nobody is rung",
	BadNumber:       "not a telephone number that can be dialed",
	BadCountry:      "its country is not among robot.countries",
	BadType:         "its type (premium rate, shared cost, …) is not among robot.types",
	DoNotCall:       "they refused to be called",
	NoConsent:       "they have not agreed to be called, and robot.consent is required",
	TooLate:         "its time has run out",
	WasTried:        "it was tried as often as its outcome allows, or was answered, or may have been",
	TriedLater:      "it was tried, and is tried again later",
	NoZone:          "nobody knows what time it is there, or its zones have no hour in common",
	OutOfHours:      "it is not within robot.hours where they are",
	NumberOften:     "the number was called robot.per_number_day times within 24 hours",
	NumberOften30:   "the number was called robot.per_number_30_days times within 30 days",
	NumberBusy:      "a call with this number is in progress",
	PersonOften:     "the person was rung too often: 1 a minute, 3 in 15 minutes, 7 an hour, 15 in 3 hours",
	PersonBusy:      "a call to this person is in progress",
	Concurrent:      "robot.concurrent calls are in progress",
	TrunkConcurrent: "as many calls as connect.concurrent allows are on the trunk",
	Pace:            "robot.per_second or connect.per_second calls were begun this second",
}

// Decision is what the rules say to a request.
type Decision struct {
	Allowed bool
	// Until is when it may be asked again; zero with !Allowed: never.
	Until time.Time
	// Reason is what forbids it now; empty: nothing does.
	Reason Reason
}

// pauses of what ends at a time that nobody knows.
const (
	busyPause = 15 * time.Second // a person or number in a call
	lanePause = time.Second      // a robot's call, or a trunk's
)

// pastAll is longer than any request is put off: a year, so that holidays of
// the clock (a zone that skips a day) are not taken for never.
const pastAll = 366 * 24 * time.Hour

// Decide says whether a call may be placed now. It is pure: the same request,
// history and instant give the same decision. What is put off may be placed at
// Until, unless something has happened meanwhile.
func (r *Rules) Decide(q Request, h dials.History, now time.Time) Decision {
	if reason := r.never(q, h); reason != "" {
		return Decision{Reason: reason}
	}
	if !q.Expires.IsZero() && !now.Before(q.Expires) {
		return Decision{Reason: TooLate}
	}
	at, reason, ok := r.first(q, h, now)
	switch {
	case reason == "":
		return Decision{Allowed: true}
	case ok && (q.Expires.IsZero() || at.Before(q.Expires)):
		return Decision{Until: at, Reason: reason}
	case ok && (noRoom(reason) || reason == NumberBusy || reason == PersonBusy): // it would soon be over, and then it is too late
		return Decision{Reason: TooLate}
	}
	return Decision{Reason: reason}
}

// until is when a call that may be placed now may not be placed any more,
// because of the time alone; zero: never.
func (r *Rules) until(q Request, now time.Time) time.Time {
	if q.Kind != dials.Reminder {
		return q.Expires
	}
	_, closes := r.CallHours(q.Number, q.Zone, now)
	if closes.IsZero() || !q.Expires.IsZero() && q.Expires.Before(closes) {
		return q.Expires
	}
	return closes
}

// first finds the first instant from now on at which no rule forbids the call,
// and which one forbids it now.
func (r *Rules) first(q Request, h dials.History, now time.Time) (at time.Time, reason Reason, ok bool) {
	rules := r.timed(q, h, now)
	at = now
	for allowed := 0; allowed < len(rules); {
		rule := rules[allowed]
		next, ok := rule.next(at)
		switch {
		case ok && !next.After(at):
			allowed++
			continue
		case reason == "":
			reason = rule.reason
		}
		if !ok || next.Sub(now) > pastAll {
			return time.Time{}, reason, false
		}
		at, allowed = next, 0
	}
	return at, reason, true
}

// never says what forbids the call whatever the time.
func (r *Rules) never(q Request, h dials.History) Reason {
	if r.Observe {
		return Observing
	}
	if q.Number == "" {
		if q.Device == "" || q.Kind == dials.Reminder {
			return BadNumber
		}
		return ""
	}
	place, ok := number.Locate(q.Number)
	switch {
	case !ok:
		return BadNumber
	case !slices.Contains(r.Countries, place.Country):
		return BadCountry
	case !slices.ContainsFunc(place.Types, func(t number.Type) bool { return slices.Contains(r.Types, t) }):
		return BadType
	case q.Kind != dials.Reminder:
		return ""
	case h.Consent == dials.Refused:
		return DoNotCall
	case h.Consent != dials.Agreed && r.Consent == Required:
		return NoConsent
	}
	if _, again := r.retried(h.Former); !again {
		return WasTried
	}
	return ""
}

// timed is a rule that forbids a call for a while: next is the first instant
// from t on at which it does not; false: there is none.
type timed struct {
	reason Reason
	next   func(t time.Time) (time.Time, bool)
}

// timed lists the rules of time that hold for the request, those that forbid
// for longest first: the first that forbids is the reason that people read.
func (r *Rules) timed(q Request, h dials.History, now time.Time) []timed {
	often := func(reason Reason, past []time.Time, n int, within time.Duration) timed {
		return timed{reason, func(t time.Time) (time.Time, bool) { return spaced(past, n, within, t) }}
	}
	busy := func(reason Reason, is bool, pause time.Duration) timed {
		return timed{reason, func(t time.Time) (time.Time, bool) {
			if until := now.Add(pause); is && t.Before(until) {
				return until, true
			}
			return t, true
		}}
	}
	var list []timed
	switch q.Kind {
	case dials.Click:
		list = append(list, busy(PersonBusy, h.PersonBusy, busyPause))
	case dials.Manager:
		for _, l := range personLimits {
			list = append(list, often(PersonOften, h.ToPerson, l.calls, l.within))
		}
		list = append(list, busy(PersonBusy, h.PersonBusy, busyPause))
	case dials.Reminder:
		trunk := r.Trunks[Trunk{q.PBX, q.Trunk}]
		next, _ := r.retried(h.Former)
		list = append(list, r.inHours(q, now),
			timed{TriedLater, func(t time.Time) (time.Time, bool) { return latest(t, next), true }},
			busy(NumberBusy, len(h.Former) > 0 && h.Former[0].Ended.IsZero(), busyPause),
			often(NumberOften30, h.ToNumber, r.PerNumber30Days, 30*24*time.Hour),
			often(NumberOften, h.ToNumber, r.PerNumberDay, 24*time.Hour),
			busy(Concurrent, h.Open >= r.Concurrent, lanePause),
			busy(TrunkConcurrent, trunk.Concurrent > 0 && h.OpenOnTrunk >= trunk.Concurrent, lanePause),
			often(Pace, h.Begun, r.PerSecond, time.Second))
		if trunk.PerSecond > 0 {
			list = append(list, often(Pace, h.BegunOnTrunk, trunk.PerSecond, time.Second))
		}
	}
	if q.Number != "" {
		list = append(list, busy(NumberBusy, h.NumberBusy, busyPause))
	}
	return list
}

// retried says when a call may be placed after those that were placed for the
// same job before; false: never. While one of them has not ended, its number is
// busy.
func (r *Rules) retried(former []dials.Dial) (next time.Time, again bool) {
	if len(former) == 0 || former[0].Ended.IsZero() {
		return time.Time{}, true
	}
	after, again := r.Retry(former[0].Outcome, dials.Consumed(former))
	return former[0].Ended.Add(after), again
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// inHours is the rule of the hours in which the client may be called.
func (r *Rules) inHours(q Request, now time.Time) timed {
	window, err := r.Window(q.Number, q.Zone, now)
	if err != nil {
		return timed{NoZone, func(time.Time) (time.Time, bool) { return time.Time{}, false }}
	}
	return timed{OutOfHours, window.NextOpening}
}

// personLimits are how often a person of the house is rung.
var personLimits = []struct {
	calls  int
	within time.Duration
}{{15, 3 * time.Hour}, {7, time.Hour}, {3, 15 * time.Minute}, {1, time.Minute}}

// spaced is the first instant from t on at which fewer than n of the past lie
// within the time before it; false where n allows none at all. No time of the
// past lies after t.
func spaced(past []time.Time, n int, within time.Duration, t time.Time) (time.Time, bool) {
	switch {
	case n <= 0:
		return time.Time{}, false
	case len(past) < n:
		return t, true
	}
	newest := slices.SortedFunc(slices.Values(past), func(a, b time.Time) int { return b.Compare(a) })
	if until := newest[n-1].Add(within); until.After(t) {
		return until, true
	}
	return t, true
}
