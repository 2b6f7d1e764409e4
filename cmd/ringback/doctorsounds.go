package main

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringback/robotcall"
)

// english is what is spoken where a language is lacking.
const english = "en"

// checkSounds sees that the PBX has what managers and clients are to hear.
func checkSounds(ctx context.Context, s *subject) []finding {
	var list []finding
	for _, part := range []func(context.Context) []finding{s.checkPrompts, s.checkLineNames, s.checkReminders} {
		list = append(list, part(ctx)...)
		if s.gone {
			break
		}
	}
	return list
}

// ringsManagers says whether a ladder rings somebody whose phone is here.
func (s *subject) ringsManagers() bool {
	for i := range s.cfg.Pools {
		if rung, _ := s.cfg.Pools[i].Ladder.Call(); rung >= 0 {
			return len(s.devices()) > 0
		}
	}
	return false
}

func (s *subject) checkPrompts(ctx context.Context) []finding {
	if !s.ringsManagers() {
		return []finding{good("sounds", "no manager is rung here: no prompts are needed")}
	}
	language := s.cfg.Robot.Language
	missing, err := robotcall.Lacking(ctx, s.client, language, s.cfg.Prompts())
	switch {
	case err != nil:
		return s.unasked("sounds", err)
	case len(missing) == 0:
		return []finding{good("sounds", "all that managers hear is there in %q", language)}
	}
	do := "install the sounds (Debian: asterisk-core-sounds-" + language + "), or record them as robot.prompts"
	if language == english {
		return []finding{fail("sounds", do, "of what managers hear %s missing in %q and left out: %s", are(len(missing)), language, someOf(missing))}
	}
	list := []finding{warn("sounds", do, "of what managers hear %s missing in %q, so that they hear English, or not all: %s", are(len(missing)), language, someOf(missing))}
	switch missing, err = robotcall.Lacking(ctx, s.client, english, nil); {
	case err != nil:
		return append(list, s.unasked("sounds", err)...)
	case len(missing) > 0:
		list = append(list, fail("sounds", "install the sounds (Debian: asterisk-core-sounds-en)", "nor is all of it there in English: %s", someOf(missing)))
	}
	return list
}

func are(n int) string {
	if n == 1 {
		return "1 sound is"
	}
	return strconv.Itoa(n) + " sounds are"
}

// checkLineNames looks for the recordings that say the lines' names.
func (s *subject) checkLineNames(ctx context.Context) []finding {
	var list []finding
	for i := range s.cfg.Lines {
		l := &s.cfg.Lines[i]
		if l.Sound == "" || !s.ringsManagers() {
			continue
		}
		switch has, err := s.client.HasMedia(ctx, l.Sound, s.cfg.Robot.Language); {
		case err != nil:
			return append(list, s.unasked("sounds", err)...)
		case !has:
			list = append(list, warn("sounds", "put the recording into Asterisk's folder of sounds, or take lines[].sound out: the digits are said then",
				"line %s: the PBX does not have %s", l.Name, l.Sound))
		}
	}
	return list
}

// checkReminders looks for all that clients may hear of an appointment.
func (s *subject) checkReminders(ctx context.Context) []finding {
	if s.pbx.Connect.Context == "" {
		return nil
	}
	var list []finding
	for _, language := range slices.Sorted(maps.Keys(s.cfg.Reminders.Media)) {
		var missing []string
		for _, uri := range mayHear(language, s.cfg.Reminders.Media[language]) {
			switch has, err := s.client.HasMedia(ctx, uri, language); {
			case err != nil:
				return append(list, s.unasked("sounds", err)...)
			case !has:
				missing = append(missing, uri)
			}
		}
		if len(missing) == 0 {
			list = append(list, good("sounds", "all that clients hear is there in %q", language))
			continue
		}
		list = append(list, fail("sounds", "record them, or install Asterisk's sounds (Debian: asterisk-core-sounds-"+language+"): a client is not called before",
			"of what clients hear %s missing in %q: %s", are(len(missing)), language, someOf(missing)))
	}
	return list
}

// mayHear is all that entries may come to, whatever is booked: every day of a
// year is said, every hour, every minute, and every word of numbers.
func mayHear(language string, entries []string) (all []string) {
	numbers := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19",
		"20", "30", "40", "50", "60", "70", "80", "90", "100", "199", "1000", "1000000"}
	first := time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC) // a leap year
	heard := map[string]bool{}
	for day := range 366 {
		b := robotcall.Booked{Starts: first.AddDate(0, 0, day).Add(time.Duration(day%24)*time.Hour + time.Duration(day%60)*time.Minute), Fields: map[string]string{}}
		for _, entry := range entries {
			if _, field, found := strings.Cut(strings.Trim(entry, "{}"), ":"); found {
				b.Fields[field] = numbers[day%len(numbers)]
			}
		}
		// An entry that cannot be said is the configuration's affair.
		media, _ := robotcall.Compose(language, entries, b, first)
		for _, uri := range media {
			heard[uri] = true
		}
	}
	return slices.Sorted(maps.Keys(heard))
}
