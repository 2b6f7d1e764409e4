package pbx

import (
	"bytes"
	"crypto/rand"
	"embed"
	"fmt"
	"strconv"
	"text/template"
	"time"
)

//go:embed office
var officeFiles embed.FS

var officeTemplates = template.Must(template.ParseFS(officeFiles, "office/*.conf"))

// The people of the Office, by their extension.
const (
	Supervisor = "100"
	Manager1   = "101"
	Manager2   = "102"
	Colleague  = "103"
)

// The lines of the Office: the numbers that people dial outside.
const (
	LineDirect     = "74951000001" // rings Manager1 alone
	LineGroup      = "74951000002" // rings both managers and the colleague
	LineMenu       = "74951000003" // a menu; 1 rings Manager1
	LineQueue      = "74951000004" // the queue "sales" of both managers, 10 s
	LineMailbox    = "74951000005" // rings Manager1 for 2 s, then takes a message
	LineLocalGroup = "74951000006" // as LineGroup, through Local channels
)

// OfficeTrunk is the name of the Office's trunk.
const OfficeTrunk = "trunk"

// Recording is what the Office plays to remind clients, two seconds of
// RecordingTone: who hears that hears the recording, and nobody's phone.
const (
	Recording     = "custom/reminder"
	RecordingTone = 1400
)

// Office describes the company that demo and tests ring: four people
// (Supervisor, Manager1, Manager2, Colleague) with phones of random passwords,
// six lines on one trunk towards outside ("127.0.0.2:5060"; its host must
// not be a phone's), and one Recording. The lines ring for ring, 5 s if it is 0, in whole seconds.
// The caller adds the folder.
func Office(outside string, ring time.Duration) Options {
	if ring == 0 {
		ring = 5 * time.Second
	}
	o := Options{Trunks: []Trunk{{Name: OfficeTrunk, Address: outside}}}
	for _, person := range []struct{ user, name string }{
		{Supervisor, "Supervisor"}, {Manager1, "First Manager"}, {Manager2, "Second Manager"}, {Colleague, "Colleague"},
	} {
		o.Phones = append(o.Phones, Phone{User: person.user, Name: person.name, Password: rand.Text(), Mailbox: person.user})
	}
	lines := map[string]string{
		"Direct": LineDirect, "Group": LineGroup, "Menu": LineMenu, "Queue": LineQueue,
		"Mailbox": LineMailbox, "LocalGroup": LineLocalGroup,
		"Ring": strconv.Itoa(int(ring.Round(time.Second) / time.Second)),
	}
	o.Extensions = officeFile("extensions.conf", lines)
	o.Files = map[string]string{"queues.conf": officeFile("queues.conf", lines)}
	o.Sounds = map[string][]byte{"reminder.sln": Tone(RecordingTone, 2*time.Second)}
	return o
}

func officeFile(name string, data any) string {
	var text bytes.Buffer
	if err := officeTemplates.ExecuteTemplate(&text, name, data); err != nil {
		panic(fmt.Sprintf("pbx: the embedded %s does not fit its data: %v", name, err))
	}
	return text.String()
}

// Phone returns the account of user, to give to a softphone.
func (o Options) Phone(user string) (Phone, bool) {
	for _, p := range o.Phones {
		if p.User == user {
			return p, true
		}
	}
	return Phone{}, false
}
