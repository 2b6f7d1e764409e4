package robotcall

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringback/leads"
	"ringback/routing"
)

// Prompt names something that is said to a manager.
type Prompt string

// The prompts of a call to a manager. Where there is a number to be said
// (how many calls, the client's digits, minutes), it follows the prompt, or
// precedes the unit.
const (
	PromptYouHave       Prompt = "you_have"       // before how many calls are owed
	PromptCalls         Prompt = "calls"          // after that number
	PromptNumberIs      Prompt = "number_is"      // before the client's number
	PromptWithheld      Prompt = "withheld"       // in place of a number that was withheld
	PromptLine          Prompt = "line"           // before the line that they rang
	PromptReceived      Prompt = "received"       // before how long ago that was
	PromptMinutes       Prompt = "minutes"        // after a number of minutes
	PromptHours         Prompt = "hours"          // after a number of hours
	PromptMenu          Prompt = "menu"           // what the keys do
	PromptMenuAway      Prompt = "menu_away"      // which key says that the manager is away
	PromptAway          Prompt = "away"           // before for how long the manager is away now
	PromptWrongKey      Prompt = "wrong_key"      // that key does nothing
	PromptDone          Prompt = "done"           // what the key asked for was done
	PromptSettled       Prompt = "settled"        // the call was settled meanwhile
	PromptConnecting    Prompt = "connecting"     // before the client is dialed
	PromptCannotConnect Prompt = "cannot_connect" // the client's number must not, or cannot, be dialed
	PromptNobodyElse    Prompt = "nobody_else"    // there is nobody to hand it on to
	PromptGoodbye       Prompt = "goodbye"
)

// Prompts are the recordings behind the prompts, as media URIs. One that is
// named and empty is left out.
type Prompts map[Prompt][]string

// defaultPrompts are made of the core sounds that come with every Asterisk from
// 16 on. They were recorded for a mailbox, so the sentences are plain: "you have
// 3 callers waiting to speak with a representative; the number I have is
// …; for …; received 5 minutes; press 1 to call this number; press 2 for
// saved; press 3 for transfer; press 4 for cancelled; press star for
// message". Every word of them can be replaced.
var defaultPrompts = Prompts{
	PromptYouHave:  {"sound:vm-youhave"},
	PromptCalls:    {"sound:queue-quantity2"},
	PromptNumberIs: {"sound:vm-num-i-have"},
	PromptWithheld: {"sound:vm-unknown-caller"},
	PromptLine:     {"sound:vm-for"},
	PromptReceived: {"sound:vm-received"},
	PromptMinutes:  {"sound:minutes"},
	PromptHours:    {"sound:hours"},
	PromptMenu: {"sound:vm-tocallnum",
		"sound:vm-press", "sound:digits/2", "sound:vm-for", "sound:vm-saved",
		"sound:vm-press", "sound:digits/3", "sound:vm-for", "sound:pbx-transfer",
		"sound:vm-press", "sound:digits/4", "sound:vm-for", "sound:cancelled",
		"sound:vm-press", "sound:digits/star", "sound:vm-for", "sound:vm-message"},
	PromptMenuAway:      {"sound:vm-press", "sound:digits/6", "sound:vm-for", "sound:agent-loggedoff"},
	PromptAway:          {"sound:agent-loggedoff"},
	PromptWrongKey:      {"sound:pm-invalid-option"},
	PromptDone:          {"sound:auth-thankyou"},
	PromptSettled:       {"sound:cancelled"},
	PromptConnecting:    {"sound:vm-dialout"},
	PromptCannotConnect: {"sound:cannot-complete-as-dialed"},
	PromptNobodyElse:    {"sound:vm-nobodyavail"},
	PromptGoodbye:       {"sound:vm-goodbye"},
}

// AllPrompts are the names of all prompts, for checks.
func AllPrompts() []Prompt { return slices.Sorted(maps.Keys(defaultPrompts)) }

// with lays own prompts over the default ones.
func (p Prompts) with(own Prompts) Prompts {
	all := maps.Clone(p)
	maps.Copy(all, own)
	return all
}

// present leaves out what an exchange does not have in a language, so that one
// missing file does not silence the words after it.
func (p Prompts) present(ctx context.Context, pbx PBX, language string) (Prompts, []string, error) {
	all, missing := Prompts{}, []string(nil)
	known := map[string]bool{}
	for prompt, media := range p {
		all[prompt] = nil
		for _, uri := range media {
			has, asked := known[uri]
			if !asked {
				var err error
				if has, err = pbx.HasMedia(ctx, uri, language); err != nil {
					return nil, nil, fmt.Errorf("robotcall: prompts: %w", err)
				}
				known[uri] = has
			}
			if has {
				all[prompt] = append(all[prompt], uri)
			} else if !slices.Contains(missing, uri) {
				missing = append(missing, uri)
			}
		}
	}
	slices.Sort(missing)
	return all, missing, nil
}

// greeting says how many calls are owed.
func (p Prompts) greeting(n int) []string {
	return slices.Concat(p[PromptYouHave], []string{"number:" + strconv.Itoa(n)}, p[PromptCalls])
}

// lead says who waits for a call, which line they rang, how long ago, and what
// the keys do.
func (p Prompts) lead(o *leads.Owed, line *routing.Line, now time.Time) []string {
	return slices.Concat(p.caller(o.Number), p.line(line), p.ago(now.Sub(o.LastMissed)), p[PromptMenu])
}

func (p Prompts) caller(number string) []string {
	digits := onlyDigits(number)
	if digits == "" {
		return p[PromptWithheld]
	}
	return slices.Concat(p[PromptNumberIs], []string{"digits:" + digits})
}

func (p Prompts) line(l *routing.Line) []string {
	switch {
	case l == nil:
		return nil
	case l.Sound != "":
		return slices.Concat(p[PromptLine], []string{l.Sound})
	}
	digits := onlyDigits(shownNumber(l))
	if digits == "" {
		return nil
	}
	return slices.Concat(p[PromptLine], []string{"digits:" + digits[max(len(digits)-lineDigits, 0):]})
}

// lineDigits is how many of its last digits name a line: people know their own
// lines by them.
const lineDigits = 4

func (p Prompts) ago(d time.Duration) []string { return slices.Concat(p[PromptReceived], p.long(d)) }

// away says for how long the manager is away.
func (p Prompts) away(d time.Duration) []string { return slices.Concat(p[PromptAway], p.long(d)) }

// long says how long something takes, or is past.
func (p Prompts) long(d time.Duration) []string {
	n, unit := int(d/time.Minute), p[PromptMinutes]
	if n >= 90 {
		n, unit = int((d+30*time.Minute)/time.Hour), p[PromptHours]
	}
	return slices.Concat([]string{"number:" + strconv.Itoa(max(n, 1))}, unit)
}

// shownNumber is the number of a line as it is shown: in E.164 where it has one.
func shownNumber(l *routing.Line) string {
	for _, n := range l.Numbers {
		if strings.HasPrefix(n, "+") {
			return n
		}
	}
	for _, n := range l.Numbers {
		if onlyDigits(n) == n && n != "" {
			return n
		}
	}
	return ""
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
