package robotcall

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a client hears is a list of entries. One is a media URI: sound:NAME and
// recording:NAME are files of the PBX, digits:123 are said one by one, number:12
// as a number. Or it is a placeholder for what is booked: {date}, {time}, {day}
// (today, tomorrow, or the day of the week), {digits:FIELD} and {number:FIELD}.
//
// Dates, times, numbers and digits are put together from the core sounds that
// every Asterisk can have (asterisk-core-sounds 1.6.1), and from nothing else. What
// Asterisk itself makes of digits: and number: it says to the end, and all that
// follows, although it is told to stop.

var (
	fileName    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}$`)
	digitsText  = regexp.MustCompile(`^[0-9*#]{1,40}$`)
	numberText  = regexp.MustCompile(`^[0-9]{1,9}$`)
	placeholder = regexp.MustCompile(`^\{(date|time|day|(digits|number):([a-z][a-z0-9_]{0,31}))\}$`)
)

var (
	errMedia       = errors.New("is no media: write sound:NAME, recording:NAME, digits:123 or number:12")
	errBooked      = errors.New("is no media: write sound:NAME, recording:NAME, digits:123, number:12, {date}, {time}, {day}, {digits:FIELD} or {number:FIELD}")
	errName        = errors.New("is no name of a sound: letters, digits and _ . / - are, without .. and / at the beginning")
	errPlaceholder = errors.New("stands for something of an appointment, and there is none")
)

// CheckMedia says what is wrong with an entry; booked says that it is for
// appointments, of which placeholders tell.
func CheckMedia(entry string, booked bool) error {
	if placeholder.MatchString(entry) {
		if !booked {
			return errPlaceholder
		}
		return nil
	}
	scheme, name, _ := strings.Cut(entry, ":")
	switch {
	case scheme == "digits" && digitsText.MatchString(name), scheme == "number" && numberText.MatchString(name):
		return nil
	case scheme != "sound" && scheme != "recording" && booked:
		return errBooked
	case scheme != "sound" && scheme != "recording":
		return errMedia
	case !fileName.MatchString(name) || strings.Contains(name, ".."):
		return errName
	}
	return nil
}

// Booked is what placeholders stand for.
type Booked struct {
	// Starts is by the client's clock.
	Starts time.Time
	Fields map[string]string
}

// Compose makes the media that a PBX plays, in a language, from entries. Its
// error says which field is not as it must be.
func Compose(language string, entries []string, b Booked, now time.Time) ([]string, error) {
	say := english
	if language == "ru" {
		say = russian
	}
	var media []string
	for _, entry := range entries {
		part, err := say.entry(entry, b, now)
		if err != nil {
			return nil, err
		}
		media = append(media, part...)
	}
	return media, nil
}

// speech is how a language says what is not recorded as a whole. The results
// are names below digits/.
type speech struct {
	date   func(t time.Time) []string
	time   func(t time.Time) []string
	number func(n int) []string
}

func (s speech) entry(entry string, b Booked, now time.Time) ([]string, error) {
	what := placeholder.FindStringSubmatch(entry)
	if what == nil {
		if how, value, _ := strings.Cut(entry, ":"); how == "number" || how == "digits" {
			return s.field(how, how, value)
		}
		return []string{entry}, nil
	}
	switch what[1] {
	case "date":
		return sounds(s.date(b.Starts)), nil
	case "time":
		return sounds(s.time(b.Starts)), nil
	case "day":
		return sounds([]string{dayName(b.Starts, now)}), nil
	}
	return s.field(what[2], what[3], b.Fields[what[3]])
}

// field says the value of a field.
func (s speech) field(how, name, value string) ([]string, error) {
	switch {
	case how == "digits" && digitsText.MatchString(value):
		return sounds(keys(value)), nil
	case how == "number" && numberText.MatchString(value):
		n, err := strconv.Atoi(value)
		return sounds(s.number(n)), err
	}
	return nil, fmt.Errorf("the field %s cannot be said as %s: %q", name, how, value)
}

// keys are the names of digits and of the two other keys of a phone.
func keys(text string) []string {
	names := strings.Split(text, "")
	for i, name := range names {
		switch name {
		case "*":
			names[i] = "star"
		case "#":
			names[i] = "pound"
		}
	}
	return names
}

// digitSounds begins the URIs of what numbers, days and times are made of.
const digitSounds = "sound:digits/"

func sounds(names []string) []string {
	media := make([]string, len(names))
	for i, name := range names {
		media[i] = digitSounds + name
	}
	return media
}

// dayName is what the day of t is called, seen from now.
func dayName(t, now time.Time) string {
	now = now.In(t.Location())
	switch t.Format(time.DateOnly) {
	case now.Format(time.DateOnly):
		return "today"
	case now.AddDate(0, 0, 1).Format(time.DateOnly):
		return "tomorrow"
	}
	return weekday(t)
}

func weekday(t time.Time) string { return fmt.Sprintf("day-%d", int(t.Weekday())) }

func month(t time.Time) string { return fmt.Sprintf("mon-%d", int(t.Month())-1) }

// below100 says a number below 100.
func below100(n int) []string {
	if n <= 20 || n%10 == 0 {
		return []string{strconv.Itoa(n)}
	}
	return []string{strconv.Itoa(n / 10 * 10), strconv.Itoa(n % 10)}
}

// ordinal says which day of the month: "twenty third".
func ordinal(n int) []string {
	if n <= 20 || n%10 == 0 {
		return []string{fmt.Sprintf("h-%d", n)}
	}
	return []string{strconv.Itoa(n / 10 * 10), fmt.Sprintf("h-%d", n%10)}
}

// oneByOne says a number digit by digit.
func oneByOne(n int) []string {
	return strings.Split(strconv.Itoa(n), "")
}

// english says "Monday November twenty third", "two oh five p.m.".
var english = speech{
	date: func(t time.Time) []string {
		return slices.Concat([]string{weekday(t), month(t)}, ordinal(t.Day()))
	},
	time: func(t time.Time) []string {
		half, hour := "a-m", t.Hour()%12
		if t.Hour() >= 12 {
			half = "p-m"
		}
		if hour == 0 {
			hour = 12
		}
		said := below100(hour)
		switch minute := t.Minute(); {
		case minute == 0:
		case minute < 10:
			said = append(said, "oh", strconv.Itoa(minute))
		default:
			said = append(said, below100(minute)...)
		}
		return append(said, half)
	},
	number: func(n int) []string {
		var said []string
		for _, unit := range []struct {
			size int
			name string
		}{{1e6, "million"}, {1e3, "thousand"}} {
			if n >= unit.size {
				said = append(append(said, below1000(n/unit.size)...), unit.name)
				n %= unit.size
			}
		}
		if n > 0 || len(said) == 0 {
			said = append(said, below1000(n)...)
		}
		return said
	},
}

func below1000(n int) []string {
	if n < 100 {
		return below100(n)
	}
	said := []string{strconv.Itoa(n / 100), "hundred"}
	if n%100 > 0 {
		said = append(said, below100(n%100)...)
	}
	return said
}

// russian says "понедельник, двадцать третий ноября" and "в четырнадцать ноль
// пять". The core sounds have the genitive of months, ordinals as adjectives of
// a masculine noun, which "день" is, and neither "час" nor "часа": so the time is
// said without a noun. Of the hundreds they have one, "сто", and no "тысяч": from
// 200 on a number is said digit by digit.
var russian = speech{
	date: func(t time.Time) []string {
		return slices.Concat([]string{weekday(t)}, ordinal(t.Day()), []string{month(t)})
	},
	time: func(t time.Time) []string {
		said := append([]string{"at"}, below100(t.Hour())...)
		if t.Minute() < 10 {
			return append(said, "0", strconv.Itoa(t.Minute()))
		}
		return append(said, below100(t.Minute())...)
	},
	number: func(n int) []string {
		switch {
		case n >= 200:
			return oneByOne(n)
		case n == 100:
			return []string{"hundred"}
		case n > 100:
			return append([]string{"hundred"}, below100(n-100)...)
		}
		return below100(n)
	},
}
