package ari

import "time"

// timestampLayout is how Asterisk writes a time: milliseconds, and a zone
// without a colon.
const timestampLayout = "2006-01-02T15:04:05.000-0700"

// daysBefore holds the days of a common year before each month.
var daysBefore = [...]int{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365}

// parseTime reads a time as Asterisk writes it, also with a colon in the zone,
// with Z for the zone, and with zero to nine digits of a second's fraction. It
// answers in UTC, and with the zero time for anything else: a bad clock must
// not cost the event. time.Parse would do, at four times the price of the rest
// of an event.
func parseTime(s string) time.Time {
	const head = len("2006-01-02T15:04:05")
	if len(s) < head || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return time.Time{}
	}
	year, month, day := digits(s[0:4]), digits(s[5:7]), digits(s[8:10])
	hour, minute, second := digits(s[11:13]), digits(s[14:16]), digits(s[17:19])
	if year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return time.Time{}
	}
	nanos, rest, ok := parseFraction(s[head:])
	if !ok {
		return time.Time{}
	}
	offset, ok := parseZone(rest)
	if !ok {
		return time.Time{}
	}
	unix := int64(daysSinceEpoch(year, month, day))*86400 + int64(hour*3600+minute*60+second-offset)
	return time.Unix(unix, int64(nanos)).UTC()
}

// parseFraction reads ".123" as nanoseconds; no fraction is zero.
func parseFraction(s string) (nanos int, rest string, ok bool) {
	if s == "" || s[0] != '.' {
		return 0, s, true
	}
	i, scale := 1, 100_000_000
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		nanos += int(s[i]-'0') * scale
		scale /= 10
	}
	return nanos, s[i:], i > 1 && i <= 10
}

// parseZone reads Z, +hhmm and +hh:mm as seconds east of UTC.
func parseZone(s string) (seconds int, ok bool) {
	if s == "Z" {
		return 0, true
	}
	if len(s) == 6 && s[3] == ':' {
		hours, minutes := digits(s[1:3]), digits(s[4:6])
		return zone(s[0], hours, minutes)
	}
	if len(s) == 5 {
		return zone(s[0], digits(s[1:3]), digits(s[3:5]))
	}
	return 0, false
}

func zone(sign byte, hours, minutes int) (seconds int, ok bool) {
	if hours < 0 || hours > 23 || minutes < 0 || minutes > 59 {
		return 0, false
	}
	seconds = hours*3600 + minutes*60
	switch sign {
	case '+':
		return seconds, true
	case '-':
		return -seconds, true
	}
	return 0, false
}

// digits reads a decimal number without a sign, or says -1.
func digits(s string) int {
	n := 0
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return -1
		}
		n = n*10 + int(c)
	}
	return n
}

func leap(year int) bool {
	return year%4 == 0 && (year%100 != 0 || year%400 == 0)
}

func daysIn(year, month int) int {
	if month == 2 && leap(year) {
		return 29
	}
	return daysBefore[month] - daysBefore[month-1]
}

// daysSinceEpoch counts the days from 1970-01-01 to a date of the Gregorian
// calendar, negative before it.
func daysSinceEpoch(year, month, day int) int {
	days := daysBefore[month-1] + day - 1
	if month > 2 && leap(year) {
		days++
	}
	// Whole years before this one, counted from year 0, with year 0 leap.
	leaps := (year+3)/4 - (year+99)/100 + (year+399)/400
	const epoch = 719528 // days from 0000-01-01 to 1970-01-01
	return year*365 + leaps + days - epoch
}
