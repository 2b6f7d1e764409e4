package leads

import (
	"strings"
	"time"
	"unicode/utf8"

	"ringback/ari/call"
	"ringback/routing"
)

// ListedCall is a call as lists tell it to other programs: replay prints one a
// line, and the API's calls begin with the same fields. Names, order and units
// are a contract (DESIGN.md §7).
type ListedCall struct {
	Call      string         `json:"call"` // id of the first channel
	PBX       string         `json:"pbx"`
	Direction call.Direction `json:"direction"`
	// Caller and Dialed are E.164 where they are valid numbers, and otherwise
	// stand as received: hostile text, no longer than MaxListed.
	Caller  string          `json:"caller"`
	Dialed  string          `json:"dialed"`
	Line    string          `json:"line"`
	Verdict routing.Verdict `json:"verdict"` // empty while the call runs, and unless it is inbound or the daemon's own
	Reason  routing.Reason  `json:"reason"`
	Started Stamp           `json:"started"`
	Ended   Stamp           `json:"ended"` // null while the call runs
	// WaitS is from the start to the first person reached, or to the end; TalkS
	// sums up all talks. Seconds, exact to the millisecond.
	WaitS float64 `json:"wait_s"`
	TalkS float64 `json:"talk_s"`
	// Rang names the phones that rang; it is empty where none did, never nil.
	Rang       []string `json:"rang"`
	AnsweredBy string   `json:"answered_by"`
	Source     string   `json:"source"`
	// CallerName is what the caller calls itself: hostile text, no longer than
	// MaxListed.
	CallerName string `json:"caller_name"`
	Voicemail  bool   `json:"voicemail"` // a message was left
	// Explanation says in words what became of the call, no longer than
	// MaxExplained; empty while it runs.
	Explanation string `json:"explanation"`
}

// MaxListed bounds text from outside in a ListedCall, in bytes.
const MaxListed = 256

// Listed is the call as lists tell it.
func (j Judged) Listed() ListedCall {
	rang := make([]string, len(j.Rang))
	for i, phone := range j.Rang {
		rang[i] = Clip(phone)
	}
	return ListedCall{
		Call: j.Call, PBX: j.PBX, Direction: j.Direction, Caller: Clip(j.Caller.Value), Dialed: Clip(j.Dialed.Value), Line: j.Line,
		Verdict: j.Verdict, Reason: j.Reason, Started: Stamp{j.Started}, Ended: Stamp{j.Ended},
		WaitS: Seconds(j.Wait), TalkS: Seconds(j.Talk), Rang: rang, AnsweredBy: Clip(j.AnsweredBy),
		Source: j.Source.String(), CallerName: Clip(j.CallerName), Voicemail: j.Voicemail,
		Explanation: j.Explanation,
	}
}

// Stamp is an instant as other programs read it: RFC 3339 in UTC with
// milliseconds; the zero time is null.
type Stamp struct{ time.Time }

// MarshalJSON writes the instant.
func (s Stamp) MarshalJSON() ([]byte, error) {
	if s.IsZero() {
		return []byte("null"), nil
	}
	return s.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`), nil
}

// Seconds is d as other programs read it: exact to the millisecond.
func Seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

// Clip cuts text from outside to MaxListed bytes, never within a character, and
// puts the replacement character for what is no UTF-8.
func Clip(s string) string {
	return clip(strings.ToValidUTF8(clip(s, MaxListed), "\uFFFD"), MaxListed) // replacing makes it longer
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
