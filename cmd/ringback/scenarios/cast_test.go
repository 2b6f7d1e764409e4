package scenarios

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
)

// actor is who does something in a story: a phone in the house, a caller
// outside, or whoever is reached by a number.
type actor struct {
	name    string
	number  string
	tone    int
	outside bool
	// caller has a phone of its own outside; who is reached by a number answers
	// at the trunk's far end.
	caller bool

	phone  *softphone.Phone // nil before its first step
	lines  map[string]*line
	calls  []*softphone.Call // all that it has had
	placed []*softphone.Call
	rang   bool
}

// line is one call of an actor.
type line struct {
	in   *softphone.Incoming // rings, or was answered
	call *softphone.Call
}

// cast is who appears in a story. It is known before anybody plays it: numbers
// and tones go by the order of appearance, so that a recording can be read with
// the story's names too.
type cast struct {
	actors  map[string]*actor
	callers []*actor // outside, in the order of their calls, one each call
	tones   []int
}

// exchange is the actor at the far end of the trunk.
const exchange = "exchange"

var (
	// dialed is a number outside, as an actor's name.
	dialed = regexp.MustCompile(`^\+?\d{7,}$`)
	// mentions is what is done with another actor, or with a sound.
	mentions = regexp.MustCompile(`^(?:talks with|joins|hears) (a voice|\S+)`)
)

// sounds are what can be heard beside an actor.
var sounds = []string{"ringing", "music", "a voice", "nobody"}

// castOf reads who appears in a script: first the trunk's far end, then the
// phones of the house.
func castOf(s *script) cast {
	c := cast{actors: map[string]*actor{}}
	for _, hz := range softphone.Tones() {
		if hz != pbx.MusicTone {
			c.tones = append(c.tones, hz)
		}
	}
	c.add(&actor{name: exchange, outside: true, tone: c.tone()})
	for _, phone := range s.phones() {
		c.add(&actor{name: phone.user, number: phone.user, tone: c.tone()})
	}
	for _, step := range s.lines("story") {
		if !acted(step) {
			continue
		}
		who, does, _ := strings.Cut(step, " ")
		a := c.meet(s, who)
		if a.outside && strings.HasPrefix(does, "calls ") {
			c.callers = append(c.callers, a)
		}
		if m := mentions.FindStringSubmatch(does); m != nil && !slices.Contains(sounds, m[1]) {
			c.meet(s, m[1])
		}
	}
	return c
}

func (c *cast) add(a *actor) {
	a.lines = map[string]*line{}
	c.actors[a.name] = a
}

func (c *cast) tone() int {
	tone := c.tones[0]
	c.tones = c.tones[1:]
	return tone
}

// meet is the actor of a name; "101/2" is the second line of 101.
func (c *cast) meet(s *script, name string) *actor {
	name, _, _ = strings.Cut(name, "/")
	a := c.actors[name]
	switch {
	case a != nil:
		return a
	case dialed.MatchString(name):
		a = &actor{name: name, outside: true, number: strings.TrimPrefix(name, "+"), tone: c.actors[exchange].tone}
	default:
		a = &actor{name: name, outside: true, caller: true, number: fmt.Sprintf("7916%03d%04d", s.private.index, 1+len(c.actors)), tone: c.tone()}
	}
	c.add(a)
	return a
}

// acted tells whether a step is an actor's.
func acted(step string) bool {
	return slices.ContainsFunc(sentences, func(s sentence) bool { return s.form.MatchString(step) })
}
