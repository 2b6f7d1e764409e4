package cdr

import (
	"strconv"
	"strings"
	"time"

	"ringback/ari/call"
)

// clippedData is the least length at which what an application was told may have
// been cut off: FreePBX's table keeps 80 characters of it.
const clippedData = 79

// argument is one of those that an application was told, counted from 0.
func (r *Record) argument(n int) string {
	args := strings.Split(r.AppData, ",")
	if n >= len(args) || n == len(args)-1 && len(r.AppData) >= clippedData {
		return ""
	}
	return args[n]
}

// numbersBy are the numbers that a record's Dial has sent out by a trunk; none where
// the endpoint was dialed as a phone.
func numbersBy(r *Record, endpoint string) []string {
	tech, name, _ := strings.Cut(endpoint, "/")
	devices := r.AppData
	if strings.EqualFold(r.App, "retrydial") {
		devices = r.dialed(0)
	}
	devices, _, _ = strings.Cut(devices, ",")
	var numbers []string
	for device := range strings.SplitSeq(devices, "&") {
		rest, ok := strings.CutPrefix(device, tech+"/")
		if !ok {
			continue
		}
		if number, trunk, ok := strings.Cut(rest, "@"); ok && trunk == name && number != "" {
			numbers = append(numbers, call.NumberIn(device))
		} else if number, ok := strings.CutPrefix(rest, name+"/"); ok && !strings.Contains(number, "sip:"+name+"@") {
			numbers = append(numbers, call.NumberIn(device))
		}
	}
	return numbers
}

// dialedBy is the one number that a record's Dial has sent out by a trunk; empty
// where there was none, or no telling which of several.
func dialedBy(r *Record, endpoint string) string {
	numbers := numbersBy(r, endpoint)
	if len(numbers) != 1 {
		return ""
	}
	return numbers[0]
}

// dialed is an argument of Dial, which RetryDial takes after three of its own.
func (r *Record) dialed(n int) string {
	if strings.EqualFold(r.App, "retrydial") {
		n += 3
	}
	return r.argument(n)
}

// ringTime is how long at most the phones of a record were rung before one of them
// answered; false where it does not say.
func (r *Record) ringTime() (time.Duration, bool) {
	said := ""
	switch strings.ToLower(r.App) {
	case "dial", "retrydial":
		said = r.dialed(1)
	case "queue":
		said = r.argument(4)
	}
	seconds, err := strconv.ParseFloat(said, 64)
	if err != nil || !(seconds > 0 && seconds < 24*3600) {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// goesOn says that the caller goes on in the dialplan also when whom they talked
// with has hung up, and not only when they were sent elsewhere.
func (r *Record) goesOn() bool {
	switch strings.ToLower(r.App) {
	case "dial", "retrydial":
		return strings.ContainsAny(outsideParentheses(r.dialed(2)), "gG")
	case "queue":
		return strings.Contains(r.argument(1), "c")
	}
	return true
}

// outsideParentheses leaves out what options of Dial are told.
func outsideParentheses(options string) string {
	depth := 0
	return strings.Map(func(c rune) rune {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0:
			return c
		}
		return -1
	}, options)
}
