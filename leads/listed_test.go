package leads_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/number"
	"ringback/routing"
)

// TestTheLineOfReplay holds the contract of DESIGN.md §7.
func TestTheLineOfReplay(t *testing.T) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 123456789, time.FixedZone("", 3600))
	j := leads.Judged{Call: "1795328308.0", PBX: "main", Direction: call.Inbound, Caller: number.Number{Value: "+79161234567"},
		Dialed: number.Number{Value: "+74951000001"}, Line: "sales", Verdict: routing.Missed, Reason: routing.NoAnswer,
		Started: start, Ended: start.Add(5 * time.Second), Wait: 5*time.Second + 7*time.Millisecond, Rang: []string{"101"}, CallerName: "Ivan", Explanation: "rang 101 for 5 s"}
	want := `{"call":"1795328308.0","pbx":"main","direction":"inbound","caller":"+79161234567","dialed":"+74951000001","line":"sales",` +
		`"verdict":"missed","reason":"no_answer","started":"2026-11-22T08:00:00.123Z","ended":"2026-11-22T08:00:05.123Z",` +
		`"wait_s":5.007,"talk_s":0,"rang":["101"],"answered_by":"","source":"ari","caller_name":"Ivan","voicemail":false,"explanation":"rang 101 for 5 s"}`
	if got := encode(t, j.Listed()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	j.Ended, j.Rang = time.Time{}, nil
	if got := encode(t, j.Listed()); !strings.Contains(got, `"ended":null`) || !strings.Contains(got, `"rang":[]`) {
		t.Errorf("a call that runs and rang nowhere: %s", got)
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestClipKeepsTextValidAndShort(t *testing.T) {
	for _, s := range []string{
		"", "Ivan", "\xff\xfe", strings.Repeat("a", 300), strings.Repeat("й", 200), "a" + strings.Repeat("й", 200),
		strings.Repeat("😀", 100), "ab" + strings.Repeat("😀", 100), strings.Repeat("\x80", 10_000), strings.Repeat("a\x80", 200),
	} {
		got := leads.Clip(s)
		if !utf8.ValidString(got) || len(got) > leads.MaxListed {
			t.Errorf("Clip(%.20q of %d bytes) is %d bytes, valid: %v", s, len(s), len(got), utf8.ValidString(got))
		}
		if utf8.ValidString(s) && (!strings.HasPrefix(s, got) || len(s) > len(got) && len(got) <= leads.MaxListed-utf8.UTFMax) {
			t.Errorf("Clip(%.20q) took more or other than needed: %d bytes of %d", s, len(got), len(s))
		}
	}
}
