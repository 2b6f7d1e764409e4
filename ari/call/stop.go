package call

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// After is a moment of a call, in milliseconds since its start. Zero is none:
// what happened at the very start happened after 1.
type After uint32

// Length is the time from the start of the call to the moment.
func (a After) Length() time.Duration { return time.Duration(a) * time.Millisecond }

// Place says where a Stop was. An application that has no word here is a place
// by its own name.
type Place string

const (
	Announcement Place = "announcement" // something was played
	Tone         Place = "tone"         // such as that of a busy line
	Menu         Place = "menu"         // something was played, and keys were asked for
	Queue        Place = "queue"
	Mailbox      Place = "mailbox"
	Conference   Place = "conference"
	Parking      Place = "parking"
	// Undialed is no stay: a Dial found none of the phones that it names.
	Undialed Place = "undialed"
)

// Stop is a stay of the person who calls, somewhere that is no phone. The
// verdict does not need it; whoever explains the verdict does.
type Stop struct {
	Place Place `json:"p"`
	// Name is the queue's, the tone's, or what Dial was told.
	Name string `json:"n,omitempty"`
	// Left is why a queue let the caller go.
	Left How   `json:"l,omitempty"`
	From After `json:"f,omitempty"`
	To   After `json:"t,omitempty"` // zero: to the end of the call
}

// maxStops and maxStopName bound what a dialplan that goes round in circles, and
// one that dials by what the caller sends, make the tracker remember.
const (
	maxStops    = 16
	maxStopName = 128
)

// places are the applications that have a word of their own.
var places = map[string]Place{
	"playback": Announcement, "saydigits": Announcement, "saynumber": Announcement, "sayalpha": Announcement,
	"sayunixtime": Announcement, "playtones": Tone,
	"background": Menu, "waitexten": Menu, "read": Menu, "controlplayback": Menu, "backgrounddetect": Menu,
	"queue":     Queue,
	"voicemail": Mailbox, "minivmgreet": Mailbox, "minivmrecord": Mailbox,
	"confbridge": Conference, "meetme": Conference,
	"park": Parking, "parkandannounce": Parking,
}

// stop notes that the caller has come to another application.
func (o *open) stop(name, app, data string) {
	place, named := places[name]
	if !named && !silent[name] && stages[name] != ringing && name != "answer" && name != "wait" {
		place = Place(intern(app))
	}
	var title string
	if place == Queue || place == Tone {
		title, _, _ = strings.Cut(data, ",")
	}
	o.endStay(QueueKey)
	o.stay(place, title)
}

// endStay ends the stay where the caller is; left is why, where it is a queue
// that has not said so itself.
func (o *open) endStay(left How) {
	i := slices.IndexFunc(o.call.Stops, func(s Stop) bool { return s.To == 0 })
	if i < 0 {
		return
	}
	s := &o.call.Stops[i]
	if s.To = o.after(); s.Place == Queue && s.Left == "" {
		s.Left = left
	}
}

// stay begins a stay, unless place is none. A menu is made of many applications:
// it is one stay as long as nothing else comes between.
func (o *open) stay(place Place, name string) {
	now := o.after()
	if n := len(o.call.Stops); n > 0 && (now-o.call.Stops[n-1].To).Length() < rebuilt {
		last := &o.call.Stops[n-1]
		if last.Place == place && last.Name == name && (last.Left == "" || last.Left == QueueKey) {
			last.To, last.Left = 0, ""
			return
		}
		if last.speaks() && (place == Menu || place == Announcement) {
			last.Place, last.To = Menu, 0
			return
		}
	}
	if place != "" {
		o.addStop(Stop{Place: place, Name: name, From: now})
	}
}

// speaks says that the place plays something, and does no more.
func (s *Stop) speaks() bool { return s.Place == Announcement || s.Place == Menu }

// undialed notes that a Dial has found none of its phones. A dialplan may also say so
// itself (Set, AGI): then it names none.
func (o *open) undialed(data string) {
	name, _, _ := strings.Cut(data, ",")
	tech, _, ok := strings.Cut(name, "/")
	if !ok || tech == "" || strings.ContainsFunc(tech, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		return
	}
	if len(name) > maxStopName {
		name = bounded(name)
		if last := strings.LastIndexByte(name, '&'); last > 0 {
			name = name[:last] // after it stands half a phone
		}
	}
	told := slices.ContainsFunc(o.call.Stops, func(s Stop) bool { return s.Place == Undialed && s.Name == name })
	if !told {
		now := o.after()
		o.addStop(Stop{Place: Undialed, Name: name, From: now, To: now})
	}
}

func (o *open) addStop(s Stop) {
	if len(o.call.Stops) == maxStops {
		o.call.Stops = o.call.Stops[:maxStops-1] // the last place tells more than the last but one
	}
	s.Name = strings.Clone(bounded(s.Name))
	o.call.Stops = append(o.call.Stops, s)
}

// bounded cuts a name, never within a character: a call that is read back after a
// restart must not be another.
func bounded(name string) string {
	end := min(len(name), maxStopName)
	for end > 0 && end < len(name) && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

// after is the moment of this step.
func (o *open) after() After { return sinceStart(o.tracker.at, o.call.Started) }

func sinceStart(at, started time.Time) After {
	since := at.Sub(started).Milliseconds()
	if since > math.MaxUint32 {
		return 0 // the PBX has not said when the call began
	}
	return After(max(since, 1))
}
