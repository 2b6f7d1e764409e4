package page

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"ringback/leads/text"
	"ringback/routing"
)

// Every fault of our own words is said in the reader's language, whole; what others
// have said is as they said it.
func TestFaultsAreSaidInTheReadersLanguage(t *testing.T) {
	directory := &routing.Directory{Managers: []routing.Manager{{Login: "anna", Name: "Anna P"}}}
	faults := []struct{ said, theirs string }{
		{"https://crm.example.com: the connection broke", ""},
		{"https://crm.example.com answered 503 Service Unavailable", "503 Service Unavailable"},
		{"https://crm.example.com answered 302: redirects are not followed, write the address that it leads to", ""},
		{"https://crm.example.com answered 410: it wants no more events, and is left alone for an hour at a time; take the hook out of the configuration, or mend the receiver", ""},
		{"mail.example.com:25: connect: connection refused", ""}, {"mail.example.com:25 refused it: 550 no such box", "550 no such box"}, {"mail.example.com:25 cannot take it now: 451 later", "451 later"},
		{"anna has no email address", ""}, {"anna has no phone", ""}, {"anna has no mobile", ""}, {"anna has no page open that says alerts aloud", ""}, {"anna has not told the bot who they are", ""},
		{"anna lets the bot write nothing: Forbidden: bot was blocked by the user", "Forbidden: bot was blocked by the user"}, {"Telegram wants 35s of rest for this chat", ""},
		{"telegram: sendMessage: Telegram answered 429: Too Many Requests: retry after 35", "429: Too Many Requests: retry after 35"}, {"telegram: sendMessage: no answer: no answer in time", ""},
		{"telegram: sendMessage: the connection broke", ""}, {"phone 101 is not registered", ""}, {"phone 101 is not registered any more", ""}, {"phone 101 takes no SIP messages: it is no SIP phone", ""},
		{"PBX main has no phone PJSIP/101", ""}, {"PBX main refused the message", ""}, {"PBX main: no time was left", ""}, {"sms.example.com wants to be left alone for 30s", ""},
	}
	english := regexp.MustCompile(`\b(it|the|is|has|not|answered|answer|refused|connection|phone|PBX|no|wants)\b`)
	for _, language := range []text.Language{text.English, text.Russian, text.Polish} {
		r := &teller{words: text.In(language), now: time.Unix(0, 0), zone: time.UTC, directory: directory}
		for _, fault := range faults {
			said, known := r.fault(fault.said)
			if !known || strings.Contains(said, "anna") || !strings.Contains(said, fault.theirs) {
				t.Errorf("%s: %q is said %q", language, fault.said, said)
			}
			if language == text.Russian && english.MatchString(strings.Replace(said, fault.theirs, "", 1)) {
				t.Errorf("%q is half English: %q", fault.said, said)
			}
		}
		if said, known := r.fault("<b>not ours</b>\n"); known || strings.Contains(said, "\n") {
			t.Errorf("%q, %v", said, known)
		}
	}
	r := &teller{words: text.In(text.Russian), directory: directory}
	if said := r.workFault("alert: email to anna: refused: mail.example.com:25: no answer in time"); !strings.Contains(said, "Anna P: ") || english.MatchString(said) {
		t.Errorf("a job says %q", said)
	}
}
