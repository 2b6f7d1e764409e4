package leads_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/routing"
)

func TestOneOpenLeadPerContactAndPool(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		d.at(time.Hour)
		d.missed(client, sales)
		d.missed(second, sales)
		d.missed(client, support)
		d.missed(client, hotline) // another line of the same pool
		d.wantLeads("default anna 2 open", "default boris 1 open", "support clara 2 open")
		d.want("calls and their leads", d.rows("SELECT caller, lead FROM calls ORDER BY id"),
			client+" 1", client+" 1", second+" 2", client+" 3", client+" 3")
		d.want("the newest lines", d.rows("SELECT line FROM leads ORDER BY id"), "sales", "sales", "hotline")
		first := db.Millis(d.start.Add(-10 * time.Second))
		d.want("first and newest miss of the first lead", d.rows("SELECT first_missed, last_missed, opened FROM leads WHERE id = 1"),
			fmt.Sprint(first, " ", first+time.Hour.Milliseconds(), " ", db.Millis(d.start)))
		late := shifted(d.inbound(client, sales), -2*time.Hour) // the oldest is heard of last
		d.ended(late)
		d.want("first and newest miss of the first lead", d.rows("SELECT first_missed, last_missed, missed FROM leads WHERE id = 1"),
			fmt.Sprint(first-time.Hour.Milliseconds(), " ", first+time.Hour.Milliseconds(), " 3"))
	})
}

func TestWhichMissesOpenALead(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*routing.Directory)
		call func(d *desk) call.Call
		want []string
	}{
		{"every reason, unless the pool says otherwise", nil, func(d *desk) call.Call {
			c := d.inbound(client, sales)
			c.How = call.QueueTimeout
			return c
		}, []string{"default anna 1 open"}},
		{"not a reason that the pool has turned off", func(dir *routing.Directory) {
			dir.Pools[0].Leads = map[routing.Reason]bool{routing.AbandonedRinging: false}
		}, func(d *desk) call.Call { return d.inbound(client, sales) }, nil},
		{"the other reasons of that pool", func(dir *routing.Directory) {
			dir.Pools[0].Leads = map[routing.Reason]bool{routing.Busy: false}
		}, func(d *desk) call.Call { return d.inbound(client, sales) }, []string{"default anna 1 open"}},
		{"a line of no pool goes to the default pool", nil, func(d *desk) call.Call { return d.inbound(client, "+74959999999") },
			[]string{"default anna 1 open"}},
		{"not an answered call", nil, func(d *desk) call.Call { return d.answered(client, sales, anna, time.Minute) }, nil},
		{"not an ignored one", func(dir *routing.Directory) { dir.Pools[0].Block = []string{client} },
			func(d *desk) call.Call { return d.inbound(client, sales) }, nil},
		{"picked up and gone", nil, func(d *desk) call.Call { return d.answered(client, sales, anna, 2*time.Second) },
			[]string{"default anna 1 open"}},
		{"a withheld number: nobody to call", nil, func(d *desk) call.Call { return d.inbound("anonymous", sales) }, nil},
		{"a withheld number that left a message", nil, func(d *desk) call.Call {
			c := d.inbound("anonymous", sales)
			c.How, c.Message = call.Voicemail, true
			return c
		}, []string{"default anna 1 open"}},
		{"nobody saw how it ended", nil, func(d *desk) call.Call {
			c := d.inbound(client, sales)
			c.How = call.Unconfirmed
			return c
		}, []string{"default anna 1 open"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, c.set, func(d *desk) {
				d.ended(c.call(d))
				d.wantLeads(c.want...)
			})
		})
	}
}

// Each message of a withheld number is an obligation of its own.
func TestMessagesOfWithheldNumbersDoNotJoin(t *testing.T) {
	story(t, nil, func(d *desk) {
		c := d.inbound("", sales)
		c.How, c.Message = call.Voicemail, true
		again := c
		again.ID = d.id()
		d.ended(c, again)
		d.wantLeads("default anna 1 open", "default boris 1 open")
		d.want("contacts of the leads", d.rows("SELECT COALESCE(contact, 'none') FROM leads"), "none", "none")
		d.wantContacts()
	})
}

func TestACallThatEndedUnseen(t *testing.T) {
	t.Run("is a miss when nobody was seen to talk", func(t *testing.T) {
		story(t, nil, func(d *desk) {
			c := d.inbound(client, sales)
			c.How = call.Unconfirmed
			d.tell(call.Lost, c)
			d.wantLeads("default anna 1 open")
			d.want("calls", d.rows("SELECT verdict, reason FROM calls"), "missed unconfirmed")
		})
	})
	t.Run("was answered when a talk was seen", func(t *testing.T) {
		story(t, nil, func(d *desk) {
			d.tell(call.Lost, d.answered(client, sales, anna, time.Minute))
			d.wantLeads()
			d.want("calls", d.rows("SELECT verdict, reason FROM calls"), "answered person")
		})
	})
	t.Run("settles nothing by the time that nobody saw", func(t *testing.T) {
		story(t, nil, func(d *desk) {
			talk := d.answered(client, sales, anna, time.Minute)
			d.at(time.Hour)
			c := d.inbound(client, sales)
			c.PBX = branch // which was seen all the time
			d.ended(c)
			d.at(2 * time.Hour)
			talk.Ended = time.Now() // the PBX is back, and the call is gone
			d.tell(call.Lost, talk)
			d.wantLeads("default anna 1 open")
			late := shifted(c, time.Minute) // and one that is heard of later still
			late.ID, late.Dialed = d.id(), support
			d.ended(late)
			d.wantLeads("default anna 1 open", "support clara 1 open")
		})
	})
}

func TestWhoGetsThroughIsOwedNothing(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		d.missed(client, support)
		d.missed(second, sales)
		d.at(time.Minute)
		d.ended(d.answered(client, sales, boris, 30*time.Second))
		d.wantLeads("default anna 1 client_got_through boris", "support clara 1 client_got_through boris", "default boris 1 open")
		d.wantTimeline("missed  abandoned_ringing", "assigned anna turn", "missed  abandoned_ringing", "assigned clara turn",
			"missed  abandoned_ringing", "assigned boris turn",
			"answered boris", "closed boris client_got_through", "closed boris client_got_through")
		d.wantJobs(leads.KindRung, 20*time.Second)
		d.want("closed at", d.rows("SELECT DISTINCT closed FROM leads WHERE closed IS NOT NULL"), fmt.Sprint(db.Millis(d.start.Add(time.Minute))))
		d.at(time.Hour)
		d.missed(client, sales) // and a new obligation when it happens again
		d.wantLeads("default anna 1 client_got_through boris", "support clara 1 client_got_through boris", "default boris 1 open",
			"default boris 1 open")
	})
}

func TestWhoAnsweredIsNamedAlsoWhenNobodyKnowsThem(t *testing.T) {
	for who, phone := range map[string]call.Party{"199": nobody, "+79990001122": mobile} {
		story(t, nil, func(d *desk) {
			d.missed(client, sales)
			d.at(time.Minute)
			d.ended(d.answered(client, sales, phone, 30*time.Second))
			d.wantLeads("default anna 1 client_got_through " + who)
		})
	}
}

func TestCallingBack(t *testing.T) {
	missedInBoth := []string{"default anna 1 open", "support clara 1 open"}
	for _, c := range []struct {
		name     string
		from     call.Party
		long     time.Duration
		leads    []string
		timeline []string
		attempts []string
	}{
		{"whose lead it is", anna, 30 * time.Second,
			[]string{"default anna 1 called_back anna", "support clara 1 open"},
			[]string{"closed anna called_back", "talked_other anna"},
			[]string{"1 anna 30000 1", "2 anna 30000 1"}},
		{"a colleague of the pool", boris, 30 * time.Second,
			[]string{"default anna 1 called_back boris", "support clara 1 open"},
			[]string{"closed boris called_back", "talked_other boris"},
			[]string{"1 boris 30000 1", "2 boris 30000 1"}},
		{"somebody of the other pool, at the branch", clara, 30 * time.Second,
			[]string{"default anna 1 open", "support clara 1 called_back clara"},
			[]string{"talked_other clara", "closed clara called_back"},
			[]string{"1 clara 30000 1", "2 clara 30000 1"}},
		{"the supervisor of both", chief, 30 * time.Second,
			[]string{"default anna 1 called_back chief", "support clara 1 called_back chief"},
			[]string{"closed chief called_back", "closed chief called_back"},
			[]string{"1 chief 30000 1", "2 chief 30000 1"}},
		{"a phone that is nobody's", nobody, 30 * time.Second, missedInBoth,
			[]string{"talked_other 199", "talked_other 199"},
			[]string{"1 199 30000 1", "2 199 30000 1"}},
		{"just long enough", anna, 20 * time.Second,
			[]string{"default anna 1 called_back anna", "support clara 1 open"},
			[]string{"closed anna called_back", "talked_other anna"},
			[]string{"1 anna 20000 1", "2 anna 20000 1"}},
		{"not long enough", anna, 20*time.Second - time.Millisecond, missedInBoth,
			[]string{"tried anna 20s", "tried anna 20s"},
			[]string{"1 anna 19999 0", "2 anna 19999 0"}},
		{"not reached", anna, 0, missedInBoth,
			[]string{"tried anna 0s", "tried anna 0s"},
			[]string{"1 anna 0 0", "2 anna 0 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, nil, func(d *desk) {
				d.missed(client, sales)
				d.missed(client, support)
				d.at(5 * time.Minute)
				out := d.outbound(c.from, client, c.long)
				d.ended(out)
				d.wantLeads(c.leads...)
				told := d.rows("SELECT kind, who, detail FROM timeline WHERE call = (SELECT MAX(id) FROM calls) ORDER BY id")
				d.want("the timeline says of the call", told, c.timeline...)
				d.want("attempts", d.rows("SELECT lead, who, talk_ms, reached FROM attempts WHERE started = $1 ORDER BY id", db.Millis(out.Started)), c.attempts...)
			})
		})
	}
}

// Whose lead it is may call back whatever pool it is of.
func TestTheAssignedManagerNeedNotBeOfThePoolAnyMore(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		d.office.Directory.Pools[0].Managers = []string{"boris"}
		d.at(5 * time.Minute)
		d.ended(d.outbound(anna, client, time.Minute))
		d.wantLeads("default anna 1 called_back anna")
	})
}

// How long a call back must last says the pool of the lead, whatever number the
// call out shows.
func TestReachedAfterIsThePools(t *testing.T) {
	story(t, func(dir *routing.Directory) { dir.Pools[0].Missed.ReachedAfter = time.Minute }, func(d *desk) {
		d.missed(client, sales)
		d.at(5 * time.Minute)
		d.ended(d.outbound(anna, client, 59*time.Second))
		d.wantLeads("default anna 1 open")
		d.ended(d.outbound(anna, client, 60*time.Second))
		d.wantLeads("default anna 1 called_back anna")
	})
}

func TestEachLeadHasItsPoolsReachedAfter(t *testing.T) {
	quick := func(dir *routing.Directory) { dir.Pools[1].Missed.ReachedAfter = 5 * time.Second }
	story(t, quick, func(d *desk) {
		d.missed(client, support)
		d.missed(client, sales)
		d.at(5 * time.Minute)
		d.ended(d.outbound(clara, client, 10*time.Second))
		d.wantLeads("support clara 1 called_back clara", "default anna 1 open")
	})
}

// A talk that runs while the client is missed on another line may yet turn out
// to be none; until it has ended, the obligation stands.
func TestATalkThatRunsSettlesNothingYet(t *testing.T) {
	running := func(d *desk, c call.Call) call.Call {
		c.Ended, c.How = time.Time{}, ""
		c.Talks[0].End = time.Time{}
		d.tell(call.Started, c)
		d.tell(call.Reached, c)
		return c
	}
	end := func(d *desk, c call.Call) {
		c.Ended, c.How = time.Now(), call.Person
		c.Talks = slices.Clone(c.Talks)
		c.Talks[0].End = c.Ended
		d.ended(c)
	}
	t.Run("and none it was", func(t *testing.T) {
		story(t, nil, func(d *desk) {
			d.missed(client, sales)
			d.ended(d.answered(client, sales, boris, time.Minute)) // the contact is known, and owed nothing
			d.at(time.Hour)
			out := running(d, d.outbound(boris, client, time.Millisecond))
			d.at(time.Hour + 10*time.Second)
			d.missed(client, sales)
			end(d, out)
			d.wantLeads("default anna 1 client_got_through boris", "default boris 1 open")
		})
	})
	t.Run("and one it was", func(t *testing.T) {
		story(t, nil, func(d *desk) {
			in := running(d, d.answered(client, sales, boris, time.Millisecond))
			d.at(10 * time.Second)
			d.missed(client, support)
			d.want("leads that stand", d.rows("SELECT pool FROM leads WHERE closed IS NULL"), "support")
			d.at(time.Minute)
			end(d, in)
			d.wantLeads("support clara 1 client_got_through boris")
		})
	})
}

// What a talk settles goes by when people talked, not by what is heard of
// first: the facts of two PBXes come in any order.
func TestAnyOrderOfArrival(t *testing.T) {
	for _, c := range []struct {
		name  string
		calls int
		facts func(d *desk) []call.Call
		want  string // the pools that owe a call in the end, whatever the order
	}{
		{"a talk after the miss", 2, func(d *desk) []call.Call {
			return []call.Call{shifted(d.inbound(client, sales), -time.Hour), d.answered(client, support, clara, time.Minute)}
		}, ""},
		{"a talk that ran when the miss began", 2, func(d *desk) []call.Call {
			miss := d.inbound(client, sales)
			miss.Started = time.Now().Add(-30 * time.Second)
			miss.Ended = time.Now().Add(time.Minute)
			return []call.Call{miss, d.answered(client, support, clara, time.Minute)}
		}, ""},
		{"a talk before the miss", 2, func(d *desk) []call.Call {
			return []call.Call{d.inbound(client, sales), shifted(d.answered(client, support, clara, time.Minute), -time.Minute)}
		}, "default"},
		{"a talk between two misses", 3, func(d *desk) []call.Call {
			return []call.Call{shifted(d.inbound(client, sales), -time.Hour), shifted(d.answered(client, support, clara, time.Minute), -30*time.Minute),
				d.inbound(client, sales)}
		}, "default"},
		{"called back by their pool", 2, func(d *desk) []call.Call {
			return []call.Call{shifted(d.inbound(client, sales), -time.Hour), d.outbound(boris, client, time.Minute)}
		}, ""},
		{"called by another pool", 2, func(d *desk) []call.Call {
			return []call.Call{shifted(d.inbound(client, sales), -time.Hour), d.outbound(clara, client, time.Minute)}
		}, "default"},
		{"called by a phone of the branch that has the extension of one of theirs", 2, func(d *desk) []call.Call {
			out := d.outbound(boris, client, time.Minute)
			out.PBX = branch
			return []call.Call{shifted(d.inbound(client, sales), -time.Hour), out}
		}, "default"},
		{"called by the supervisor", 2, func(d *desk) []call.Call {
			return []call.Call{shifted(d.inbound(client, support), -time.Hour), d.outbound(chief, client, time.Minute)}
		}, ""},
		{"called back for too short", 2, func(d *desk) []call.Call {
			return []call.Call{shifted(d.inbound(client, sales), -time.Hour), d.outbound(boris, client, 19*time.Second)}
		}, "default"},
		{"called back before they rang", 2, func(d *desk) []call.Call {
			return []call.Call{d.inbound(client, sales), shifted(d.outbound(boris, client, time.Minute), -time.Hour)}
		}, "default"},
		{"two misses, two lines, one talk", 3, func(d *desk) []call.Call {
			return []call.Call{shifted(d.inbound(client, sales), -time.Hour), shifted(d.inbound(client, support), -time.Minute),
				shifted(d.answered(client, sales, anna, 10*time.Second), -30*time.Minute)}
		}, "support"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, order := range orders(c.calls) {
				story(t, nil, func(d *desk) {
					// That they are known is settled long ago.
					d.ended(shifted(d.answered(client, sales, nobody, time.Minute), -24*time.Hour))
					facts := c.facts(d)
					for _, i := range order {
						d.ended(facts[i])
					}
					owed := strings.Join(d.rows("SELECT pool FROM leads WHERE closed IS NULL ORDER BY pool"), " ")
					if owed != c.want || len(facts) != c.calls {
						d.Errorf("told in the order %v, of %d, a call is owed by %q, want %q", order, len(facts), owed, c.want)
					}
				})
			}
		})
	}
}

// orders lists every order of n things.
func orders(n int) [][]int {
	list := [][]int{{}}
	for range n {
		var longer [][]int
		for _, order := range list {
			for i := range n {
				if !slices.Contains(order, i) {
					longer = append(longer, append(slices.Clone(order), i))
				}
			}
		}
		list = longer
	}
	return list
}

// Facts come again after a crash, or when a commit's outcome was unknown.
func TestToldTwice(t *testing.T) {
	tell := func(times int) []string {
		var all []string
		story(t, nil, func(d *desk) {
			miss := d.inbound(client, sales)
			begun := miss
			begun.Ended, begun.How = time.Time{}, ""
			msg := d.inbound("", support)
			msg.How, msg.Message = call.Voicemail, true
			facts := []call.Fact{{Kind: call.Started, Call: begun}, {Kind: call.Ended, Call: miss}, {Kind: call.Lost, Call: miss}, {Kind: call.Ended, Call: msg}}
			out := d.outbound(boris, client, 5*time.Second)
			back := d.outbound(anna, client, time.Minute)
			through := d.answered(second, sales, boris, time.Minute)
			for _, c := range []call.Call{d.inbound(second, sales), out, back, through} {
				facts = append(facts, call.Fact{Kind: call.Ended, Call: shifted(c, time.Minute)})
			}
			for _, f := range facts {
				for range times {
					d.tell(f.Kind, f.Call)
				}
			}
			for range times - 1 { // and all of it once more, from the beginning
				for _, f := range facts {
					d.tell(f.Kind, f.Call)
				}
			}
			for _, table := range []string{"contacts", "numbers", "leads", "calls", "attempts", "pool_turns", "timeline"} {
				all = append(all, table)
				all = append(all, d.rows("SELECT * FROM "+table)...)
			}
			all = append(all, d.rows("SELECT kind, key, lead, due, state FROM jobs ORDER BY id")...)
		})
		return all
	}
	once, thrice := tell(1), tell(2)
	if len(once) < 25 {
		t.Fatalf("the story leaves only\n%s", strings.Join(once, "\n"))
	}
	if a, b := strings.Join(once, "\n"), strings.Join(thrice, "\n"); a != b {
		t.Errorf("told once:\n%s\n\ntold again and again:\n%s", a, b)
	}
}
