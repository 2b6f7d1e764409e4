package leads_test

import (
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/routing"
)

func TestWhoBecomesAContact(t *testing.T) {
	from := func(caller string) func(d *desk) call.Call {
		return func(d *desk) call.Call { return d.inbound(caller, sales) }
	}
	for _, c := range []struct {
		name string
		call func(d *desk) call.Call
		want []string
	}{
		{"who is missed", from(client), []string{client + " anna"}},
		{"who is answered", func(d *desk) call.Call { return d.answered(client, sales, boris, time.Minute) }, []string{client + " boris"}},
		{"who is answered by a phone that is nobody's", func(d *desk) call.Call { return d.answered(client, sales, nobody, time.Minute) }, []string{client}},
		{"who is on the block list", from("+79999999999"), []string{"+79999999999"}},
		{"a short number, by what was received", from("0900"), []string{"0900 anna"}},
		{"a name instead of a number", from("Ivan's phone"), []string{"Ivan's phone anna"}},
		{"nobody: the number is withheld", from("anonymous"), nil},
		{"nobody: no number at all", from(""), nil},
		{"nobody: our own call", func(d *desk) call.Call {
			c := d.inbound(client, sales)
			c.Own = true
			return c
		}, nil},
		{"nobody: a call within the house", func(d *desk) call.Call {
			c := d.inbound("101", "102")
			c.Direction, c.From = call.Internal, anna
			return c
		}, nil},
		{"nobody: whom we ring", func(d *desk) call.Call { return d.outbound(anna, client, time.Minute) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			block := func(dir *routing.Directory) { dir.Pools[0].Block = []string{"+79999999999"} }
			story(t, block, func(d *desk) {
				d.ended(c.call(d))
				d.wantContacts(c.want...)
				d.want("cards that a person filled in", d.rows("SELECT name FROM contacts WHERE named <> 0"))
			})
		})
	}
}

// However the trunk writes it, and at whichever PBX they ring, it is one person.
func TestAllSpellingsAreOneContact(t *testing.T) {
	story(t, nil, func(d *desk) {
		for i, caller := range []string{client, "89161234567", "79161234567", "+7 (916) 123-45-67", "sip:+79161234567@trunk.example"} {
			c := d.inbound(caller, sales)
			c.PBX = []string{main, branch}[i%2]
			d.ended(c)
		}
		d.wantContacts(client + " anna")
		d.wantLeads("default anna 5 open")
		d.want("numbers", d.rows("SELECT number, contact FROM numbers"), client+" 1")
	})
}

// A call is a contact's from its first fact on; a number that comes late is
// taken over then.
func TestTheContactOfACallThatRuns(t *testing.T) {
	story(t, nil, func(d *desk) {
		c := d.inbound("", sales)
		c.Ended, c.How = time.Time{}, ""
		d.tell(call.Started, c)
		d.wantContacts()
		c.Caller = client
		c.Talks = []call.Talk{{Channel: "leg", Who: boris, Start: time.Now()}}
		d.tell(call.Reached, c)
		d.wantContacts(client) // who talks with them is not decided yet
		d.want("the call", d.rows("SELECT contact, verdict, ended, answered_by FROM calls"), "1  <nil> 102")
		d.at(time.Minute)
		c.Ended, c.How = time.Now(), call.Person
		d.ended(c)
		d.wantContacts(client + " boris")
	})
}

// Whoever talked last is whom the contact is used to.
func TestWhoTalkedLastIsResponsible(t *testing.T) {
	story(t, nil, func(d *desk) {
		for _, step := range []struct {
			call call.Call
			want string
		}{
			{d.answered(client, sales, boris, time.Minute), " boris"},
			{d.answered(client, sales, anna, time.Minute), " anna"},
			{d.answered(client, sales, boris, 2*time.Second), " anna"}, // dropped: anna gets the lead
			{d.answered(client, sales, nobody, time.Minute), " anna"},
			{d.answered(client, sales, mobile, time.Minute), " anna"},
			{d.outbound(boris, client, 19*time.Second), " anna"}, // not long enough to have talked
			{d.outbound(boris, client, 20*time.Second), " boris"},
			{d.outbound(clara, client, time.Minute), " clara"},
		} {
			d.ended(step.call)
			d.wantContacts(client + step.want)
		}
	})
}
