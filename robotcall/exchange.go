package robotcall

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers/v2"

	"ringback/ari"
	"ringback/leads/number"
)

// PBX is what robot calls ask of a PBX; *ari.Client is one.
type PBX interface {
	App() string
	Originate(ctx context.Context, channelID string, req ari.OriginateRequest) (ari.Channel, error)
	Continue(ctx context.Context, channelID, dialplanContext, extension string) error
	Channel(ctx context.Context, id string) (ari.Channel, error)
	Channels(ctx context.Context) ([]ari.Channel, error)
	Endpoint(ctx context.Context, tech, resource string) (ari.Endpoint, error)
	Hangup(ctx context.Context, channelID string) error
	Variable(ctx context.Context, channelID, name string) (string, error)
	SetVariable(ctx context.Context, channelID, name, value string) error
	Play(ctx context.Context, channelID, playbackID, language string, media ...string) error
	StopPlayback(ctx context.Context, playbackID string) error
	HasMedia(ctx context.Context, uri, language string) (bool, error)
}

// Connect is a PBX's way out.
type Connect struct {
	// Context is the dialplan context that dials outside numbers.
	Context string `yaml:"context"`
	// Dial is what a call out is placed to, with {number} for the number as
	// Number writes it; empty: "Local/{number}@" and Context.
	Dial string `yaml:"dial"`
	// Number says how numbers are written there: {digits} is E.164 without its
	// plus, {e164} with it, {national} the number as it is dialed inside its
	// country, without a trunk prefix. Empty: whichever of E.164 without plus, with
	// plus and national with its trunk prefix the dialplan knows, the first.
	Number string `yaml:"number"`
	// Concurrent and PerSecond bound the calls to clients by this way; 0: no
	// bound of its own.
	Concurrent int `yaml:"concurrent"`
	PerSecond  int `yaml:"per_second"`
}

// Exchange is a PBX that robot calls are placed on.
type Exchange struct {
	Name    string
	PBX     PBX
	Connect Connect
	// Plan reads numbers as this PBX writes them.
	Plan *number.Plan
	// Records are its call records; nil: none are read.
	Records *Records

	// learned is which of so many ways to write a number the dialplan dials.
	learned sync.Map
}

// ways are the spellings of a number, beginning with the one that was found to
// be dialed.
func (x *Exchange) ways(e164 string) []string {
	all := x.Spellings(e164)
	first := 0
	if known, ok := x.learned.Load(len(all)); ok {
		first = known.(int)
	}
	return slices.Concat(all[first:], all[:first])
}

// learn notes that the dialplan dials numbers written like this one.
func (x *Exchange) learn(e164, spelling string) {
	all := x.Spellings(e164)
	if i := slices.Index(all, spelling); i >= 0 {
		x.learned.Store(len(all), i)
	}
}

// unlearn notes that it does not, though it knows them, so that the next way is
// taken first: a dialplan may catch whatever it cannot dial.
func (x *Exchange) unlearn(e164, spelling string) {
	all := x.Spellings(e164)
	if i := slices.Index(all, spelling); i >= 0 {
		x.learned.Store(len(all), (i+1)%len(all))
	}
}

// Spellings are how an E.164 number may be written in the dialplan of the
// exchange, the likeliest first.
func (x *Exchange) Spellings(e164 string) []string {
	digits := strings.TrimPrefix(e164, "+")
	parsed, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return []string{digits}
	}
	if x.Connect.Number != "" {
		national := phonenumbers.GetNationalSignificantNumber(parsed)
		return []string{strings.NewReplacer("{digits}", digits, "{e164}", e164, "{national}", national).Replace(x.Connect.Number)}
	}
	list := []string{digits, e164}
	if x.Plan == nil {
		return list
	}
	atHome := digits
	if phonenumbers.GetRegionCodeForNumber(parsed) == x.Plan.Country {
		atHome = phonenumbers.NormalizeDigitsOnly(phonenumbers.Format(parsed, phonenumbers.NATIONAL))
		list = append(list, atHome)
	}
	for _, prefix := range x.Plan.Strip { // what leads to an outside line
		list = append(list, prefix+digits, prefix+atHome)
	}
	return list
}

// way is what a call out to a number, written as the dialplan knows it, is
// placed to.
func (x *Exchange) way(spelling string) string {
	if x.Connect.Dial == "" {
		return "Local/" + spelling + "@" + x.Connect.Context
	}
	return strings.ReplaceAll(x.Connect.Dial, "{number}", spelling)
}
