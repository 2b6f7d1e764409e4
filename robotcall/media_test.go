package robotcall

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The names of all sounds below digits/ in Debian's asterisk-core-sounds 1.6.1.
var (
	//go:embed testdata/core-sounds-en.txt
	soundsOfEnglish string
	//go:embed testdata/core-sounds-ru.txt
	soundsOfRussian string
)

func coreSounds() map[string][]string {
	return map[string][]string{"en": strings.Fields(soundsOfEnglish), "ru": strings.Fields(soundsOfRussian)}
}

// TestComposeSaysWhatPeopleSay wants exactly these files, in this order.
func TestComposeSaysWhatPeopleSay(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) // a Sunday
	at := func(text string) time.Time {
		t.Helper()
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		language, starts, entry, want string
	}{
		{"en", "2026-11-23T14:05:00+03:00", "{date}", "day-1 mon-10 20 h-3"},
		{"en", "2026-12-31T14:05:00+03:00", "{date}", "day-4 mon-11 30 h-1"},
		{"en", "2027-01-30T14:05:00+03:00", "{date}", "day-6 mon-0 h-30"},
		{"en", "2027-01-01T14:05:00+03:00", "{date}", "day-5 mon-0 h-1"},
		{"en", "2026-11-23T14:05:00+03:00", "{time}", "2 oh 5 p-m"},
		{"en", "2026-11-23T00:00:00+03:00", "{time}", "12 a-m"},
		{"en", "2026-11-23T12:30:00+03:00", "{time}", "12 30 p-m"},
		{"en", "2026-11-23T21:59:00+03:00", "{time}", "9 50 9 p-m"},
		{"en", "2026-11-23T01:00:00+03:00", "{day}", "tomorrow"},
		{"en", "2026-11-22T23:59:00+03:00", "{day}", "today"},
		{"en", "2026-11-25T10:00:00+03:00", "{day}", "day-3"},
		{"en", "2026-11-23T10:00:00+03:00", "{number:room}", "2 hundred 40 1"},
		{"en", "2026-11-23T10:00:00+03:00", "number:1000200", "1 million 2 hundred"},
		{"en", "2026-11-23T10:00:00+03:00", "number:0", "0"},
		{"ru", "2026-11-23T14:05:00+03:00", "{date}", "day-1 20 h-3 mon-10"},
		{"ru", "2026-11-11T14:05:00+03:00", "{date}", "day-3 h-11 mon-10"},
		{"ru", "2026-11-23T14:05:00+03:00", "{time}", "at 14 0 5"},
		{"ru", "2026-11-23T14:00:00+03:00", "{time}", "at 14 0 0"},
		{"ru", "2026-11-23T21:21:00+03:00", "{time}", "at 20 1 20 1"},
		{"ru", "2026-11-23T14:05:00+03:00", "number:100", "hundred"},
		{"ru", "2026-11-23T14:05:00+03:00", "number:121", "hundred 20 1"},
		{"ru", "2026-11-23T14:05:00+03:00", "{number:room}", "2 4 1"},
	} {
		got, err := Compose(c.language, []string{c.entry}, Booked{at(c.starts), map[string]string{"room": "241"}}, now)
		if err != nil {
			t.Errorf("%s %s at %s: %v", c.language, c.entry, c.starts, err)
		}
		names := strings.ReplaceAll(strings.Join(got, " "), "sound:digits/", "")
		if names != c.want {
			t.Errorf("%s %s at %s\ngot  %s\nwant %s", c.language, c.entry, c.starts, names, c.want)
		}
	}
}

func TestComposeLeavesFilesAndTakesFields(t *testing.T) {
	entries := []string{"sound:custom/welcome", "recording:offer", "digits:12#", "{digits:code}"}
	got, err := Compose("en", entries, Booked{Fields: map[string]string{"code": "0815*"}}, time.Now())
	want := []string{"sound:custom/welcome", "recording:offer", "sound:digits/1", "sound:digits/2", "sound:digits/pound",
		"sound:digits/0", "sound:digits/8", "sound:digits/1", "sound:digits/5", "sound:digits/star"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	for _, value := range []string{"", "12 3", "1,sound:x", "１２", strings.Repeat("1", 41)} {
		if got, err := Compose("en", []string{"{digits:code}"}, Booked{Fields: map[string]string{"code": value}}, time.Now()); err == nil {
			t.Errorf("the field %q was said as %q", value, got)
		}
	}
}

// TestComposeUsesOnlyWhatExists says every day of three years, every minute of a
// day and many numbers, and looks each file up in Debian's packages.
func TestComposeUsesOnlyWhatExists(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for language, known := range coreSounds() {
		used := map[string]bool{}
		compose := func(entry string, starts time.Time) {
			media, err := Compose(language, []string{entry}, Booked{Starts: starts}, start)
			if err != nil || len(media) == 0 {
				t.Fatalf("%s %s at %s: %q, %v", language, entry, starts, media, err)
			}
			for _, uri := range media {
				used[strings.TrimPrefix(uri, "sound:")] = true
			}
		}
		for day := range 3 * 366 {
			compose("{date}", start.AddDate(0, 0, day))
			compose("{day}", start.AddDate(0, 0, day))
		}
		for minute := range 24 * 60 {
			compose("{time}", start.Add(time.Duration(minute)*time.Minute))
		}
		for n := 0; n < 1e9; n = n*21/20 + 1 {
			compose("number:"+strconv.Itoa(n), start)
		}
		for name := range used {
			if !slices.Contains(known, name) {
				t.Errorf("%s: there is no sound %s", language, name)
			}
		}
		if len(used) < 60 {
			t.Errorf("%s: only %d sounds were looked up", language, len(used))
		}
	}
}

func TestCheckMediaTakesNothingElse(t *testing.T) {
	for _, entry := range []string{"sound:custom/reminder", "recording:a.b-c_1", "digits:0*#", "number:42", "{date}", "{time}", "{day}", "{digits:room_2}", "{number:n}"} {
		if err := CheckMedia(entry, true); err != nil {
			t.Errorf("%s: %v", entry, err)
		}
	}
	for _, entry := range []string{
		"", "custom/reminder", "sound:", "sound:../etc/passwd", "sound:a/../b", "sound:/var/spool/asterisk/voicemail/x", "sound:http://example.com/x.wav",
		"sound:a b", "sound:a,digits:1", "sound:a&b", "sound:-x", "sound:привет", "tone:ring", "http://example.com", "recording:..", "digits:1a",
		"digits:" + strings.Repeat("1", 41), "number:-1", "number:1e3", "number:1234567890", "{Date}", "{digits:}", "{digits:A}", "{date", "x{date}",
		"sound:{date}", "{number:a:b}", "sound:" + strings.Repeat("a", 129), "sound:a\nb", "SOUND:a",
	} {
		if err := CheckMedia(entry, true); err == nil {
			t.Errorf("%q was taken", entry)
		}
	}
	for _, booked := range []bool{true, false} { // the error names what would be taken
		if err := CheckMedia("tone:ring", booked); err == nil || strings.Contains(err.Error(), "{date}") != booked {
			t.Errorf("booked %v: %v", booked, err)
		}
	}
	if err := CheckMedia("{date}", false); err == nil {
		t.Error("a placeholder was taken where nothing is booked")
	}
}
