package main

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// rung is one call out as a phone outside has seen it.
type rung struct {
	number       string
	began, ended time.Time // ended is zero when the phone saw no end
}

// mostAtOnce is how many calls were in progress at a time, at most.
func mostAtOnce(calls []rung) int {
	type step struct {
		at time.Time
		by int
	}
	var steps []step
	for _, c := range calls {
		steps = append(steps, step{c.began, 1})
		if !c.ended.IsZero() {
			steps = append(steps, step{c.ended, -1})
		}
	}
	slices.SortFunc(steps, func(a, b step) int { // at the same instant ends come first
		if order := a.at.Compare(b.at); order != 0 {
			return order
		}
		return a.by - b.by
	})
	now, most := 0, 0
	for _, s := range steps {
		now += s.by
		most = max(most, now)
	}
	return most
}

// mostWithin is how many calls began within a time, at most, wherever it begins.
func mostWithin(calls []rung, within time.Duration) int {
	var begins []time.Time
	for _, c := range calls {
		begins = append(begins, c.began)
	}
	slices.SortFunc(begins, time.Time.Compare)
	most, first := 0, 0
	for last, at := range begins {
		for at.Sub(begins[first]) >= within {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// sippMessage is what SIPp notes of each message: when, whether it came or went,
// and the text.
var (
	sippMessage = regexp.MustCompile(`^-{20,} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6})$`)
	sippDialed  = regexp.MustCompile(`^INVITE sip:([^@]+)@`)
	sippRefused = regexp.MustCompile(`^SIP/2\.0 [3-6]\d\d `)
)

// readSIPp reads the calls from the messages that a SIPp has noted (-trace_msg).
// A call begins with its first INVITE, and ends with the BYE or CANCEL that
// comes, or the refusal that goes.
func readSIPp(t testing.TB, file string) []rung {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	calls := map[string]*rung{} // by Call-ID
	var at time.Time
	var came bool
	var first string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		stamp := sippMessage.FindStringSubmatch(line)
		switch id, isCallID := strings.CutPrefix(line, "Call-ID: "); {
		case stamp != nil:
			if at, err = time.Parse("2006-01-02 15:04:05.000000", stamp[1]); err != nil {
				t.Fatal(err)
			}
			first = ""
		case strings.HasPrefix(line, "UDP message "):
			came = strings.HasPrefix(line, "UDP message received")
		case isCallID:
			seen(calls, id, first, at, came)
		case first == "":
			first = line
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	var list []rung
	for _, c := range calls {
		list = append(list, *c)
	}
	return list
}

func seen(calls map[string]*rung, id, first string, at time.Time, came bool) {
	c := calls[id]
	if dialed := sippDialed.FindStringSubmatch(first); c == nil && came && dialed != nil {
		calls[id] = &rung{number: "+" + dialed[1], began: at}
		return
	}
	over := came && (strings.HasPrefix(first, "BYE ") || strings.HasPrefix(first, "CANCEL ")) || !came && sippRefused.MatchString(first)
	if c != nil && c.ended.IsZero() && over {
		c.ended = at
	}
}

func TestRungs(t *testing.T) {
	at := func(s float64) time.Time { return time.UnixMilli(int64(1000 * s)) }
	calls := []rung{{"a", at(0), at(1)}, {"b", at(.5), at(2)}, {"c", at(1), at(1.5)}, {"d", at(1.4), time.Time{}}, {"e", at(9), at(10)}}
	if most := mostAtOnce(calls); most != 3 {
		t.Errorf("%d at once", most)
	}
	if most := mostWithin(calls, time.Second); most != 3 { // .5, 1, 1.4
		t.Errorf("%d within a second", most)
	}
	file := filepath.Join(t.TempDir(), "messages.log")
	const dashes = "----------------------------------------------- "
	text := dashes + "2026-11-22 10:00:00.000000\nUDP message received [9] bytes :\n\nINVITE sip:79160000001@127.0.0.1:5060 SIP/2.0\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n\r\n" +
		dashes + "2026-11-22 10:00:00.500000\nUDP message sent [9] bytes :\n\nSIP/2.0 180 Ringing\r\nCall-ID: one\r\n\r\n" +
		dashes + "2026-11-22 10:00:00.600000\nUDP message received [9] bytes :\n\nINVITE sip:79160000001@127.0.0.1:5060 SIP/2.0\r\nCall-ID: one\r\n\r\n" +
		dashes + "2026-11-22 10:00:02.000000\nUDP message received [9] bytes :\n\nINVITE sip:79160000002@127.0.0.1:5060 SIP/2.0\r\nCall-ID: two\r\n\r\n" +
		dashes + "2026-11-22 10:00:02.250000\nUDP message sent [9] bytes :\n\nSIP/2.0 486 Busy Here\r\nCall-ID: two\r\n\r\n" +
		dashes + "2026-11-22 10:00:03.000000\nUDP message received [9] bytes :\n\nBYE sip:x SIP/2.0\r\nCall-ID: one\r\n\r\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	read := readSIPp(t, file)
	slices.SortFunc(read, func(a, b rung) int { return strings.Compare(a.number, b.number) })
	if len(read) != 2 || read[0].number != "+79160000001" || read[0].ended.Sub(read[0].began) != 3*time.Second ||
		read[1].number != "+79160000002" || read[1].ended.Sub(read[1].began) != 250*time.Millisecond {
		t.Errorf("read %+v", read)
	}
}
