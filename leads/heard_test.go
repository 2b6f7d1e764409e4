package leads_test

import (
	"testing"
	"time"

	"ringback/ari/call"
)

// What a talk of several pieces settles does not hang on whether it is heard of
// before the miss or after it.
func TestTheOrderOfHearingSettlesNothing(t *testing.T) {
	piece := func(who call.Party, from, length time.Duration) call.Talk {
		start := time.Now().Add(from)
		return call.Talk{Channel: "leg", Who: who, Start: start, End: start.Add(length)}
	}
	for _, c := range []struct {
		name   string
		talks  func() []call.Talk
		missed time.Duration // when the miss began
		open   string
	}{
		{"two short ones", func() []call.Talk {
			return []call.Talk{piece(anna, 10*time.Second, 12*time.Second), piece(anna, 60*time.Second, 12*time.Second)}
		}, 5 * time.Second, "1"},
		{"a colleague was first", func() []call.Talk {
			return []call.Talk{piece(nobody, 10*time.Second, 5*time.Second), piece(anna, 20*time.Second, 25*time.Second)}
		}, 5 * time.Second, "0"},
		{"missed between the two", func() []call.Talk {
			return []call.Talk{piece(anna, 10*time.Second, 25*time.Second), piece(anna, 90*time.Second, 25*time.Second)}
		}, 70 * time.Second, "0"},
	} {
		for name, missFirst := range map[string]bool{"miss first": true, "talk first": false} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				story(t, nil, func(d *desk) {
					d.missed(client, support) // which makes the contact
					d.ended(d.answered(client, support, clara, time.Second))
					talk := d.outbound(anna, client, 0)
					talk.Started, talk.Ended, talk.How, talk.Talks = time.Now(), time.Now().Add(2*time.Minute), call.Person, c.talks()
					miss := d.inbound(client, sales)
					miss.Started, miss.Ended = time.Now().Add(c.missed), time.Now().Add(c.missed+5*time.Second)
					d.at(3 * time.Minute)
					if missFirst {
						d.ended(miss, talk)
					} else {
						d.ended(talk, miss)
					}
					d.want("open leads", d.rows("SELECT COUNT(*) FROM leads WHERE pool = 'default' AND closed IS NULL"), c.open)
				})
			})
		}
	}
}
