package leads_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"ringback/ari/call"
	"ringback/leads"
)

// hostile texts stand for everything that a stranger may send as name or number.
var hostile = map[string]string{
	"ten thousand bytes": strings.Repeat("ABCDEFGHIJ", 1000),
	"ten thousand runes": strings.Repeat("й", 10_000),
	"digits without end": "+" + strings.Repeat("7", 10_000),
	"NUL":                "Ivan\x00Ivanov",
	"nothing but NUL":    "\x00\x00\x00",
	"no UTF-8":           "\xff\xfe\x80" + strings.Repeat("\xf0", 5000),
	"half a character":   strings.Repeat("a", leads.MaxListed-1) + "😀",
	"lines":              "Ivan\r\nContent-Length: 0\r\n\r\n",
	"SQL":                "'; DROP TABLE leads; --",
	"placeholders":       "$1 ?1 :a @b %s %n",
	"terminal":           "\x1b]0;owned\a\x1b[2J",
	"direction marks":    "\u202egnp.exe\u2066",
	"spaces":             "   \t\v\u00a0\u2003  ",
	"JSON":               `{"contact":1,"\u0000":null}`,
}

func TestHostileNamesAndNumbers(t *testing.T) {
	for what, text := range hostile {
		t.Run(what, func(t *testing.T) {
			story(t, nil, func(d *desk) {
				c := d.inbound(client, sales)
				c.CallerName = text
				c.Legs = append(c.Legs, call.Leg{Party: call.Party{Endpoint: "PJSIP/trunk", Outside: true, Number: text}, Rang: true})
				begun := c
				begun.Ended, begun.How = time.Time{}, ""
				d.tell(call.Started, begun)
				open, err := d.book.OpenCalls(d.Context(), main)
				if err != nil || len(open) != 1 || len(open[0].CallerName) > leads.MaxListed {
					t.Fatalf("%d calls are open (%v)", len(open), err)
				}
				open[0].Ended, open[0].How = c.Ended, c.How
				d.ended(open[0])
				c = d.inbound(text, text)
				c.CallerName = text
				c.Talks = []call.Talk{{Channel: "leg", Start: c.Started, End: c.Ended,
					Who: call.Party{Endpoint: "PJSIP/trunk", Outside: true, Number: text}}}
				c.How = call.Person
				d.ended(c)
				d.ended(d.outbound(anna, text, time.Minute))
				d.wantBounded()
				d.want("calls that have ended", d.rows("SELECT COUNT(*) FROM calls WHERE ended IS NOT NULL"), "3")
			})
		})
	}
}

// wantBounded wants every text in the database to be short, valid UTF-8 without
// NUL, and on one line where it is not a caller's name, which is cleaned where
// it is shown.
func (d *desk) wantBounded() {
	d.Helper()
	for table, columns := range map[string]string{
		"contacts": "name", "numbers": "number", "leads": "closed_by", "attempts": "who", "timeline": "who, detail",
		"calls": "caller, caller_name, dialed, rang, answered_by",
	} {
		for column := range strings.SplitSeq(columns, ", ") {
			rows, err := d.db.Reader().Query("SELECT " + column + " FROM " + table)
			if err != nil {
				d.Fatal(err)
			}
			for rows.Next() {
				var text string
				if err := rows.Scan(&text); err != nil {
					d.Fatal(err)
				}
				if len(text) > 2*leads.MaxListed || !utf8.ValidString(text) || strings.Contains(text, "\x00") ||
					column != "caller_name" && strings.ContainsAny(text, "\r\n\x1b\u202e") {
					d.Errorf("%s.%s holds %d bytes: %.100q", table, column, len(text), text)
				}
			}
			if err := rows.Err(); err != nil {
				d.Error(err)
			}
			rows.Close()
		}
	}
}

// The phones that rang are stored with spaces between them.
func TestSpacesInThePhonesThatRang(t *testing.T) {
	story(t, nil, func(d *desk) {
		c := d.inbound(client, sales)
		for _, number := range []string{"call me now", "8 (999) 000-11-22", "  "} {
			c.Legs = append(c.Legs, call.Leg{Party: call.Party{Endpoint: "PJSIP/trunk", Outside: true, Number: number}, Rang: true})
		}
		c.Legs = append(c.Legs, call.Leg{Rang: true}, call.Leg{Party: call.Party{Endpoint: "PJSIP/front desk"}, Rang: true})
		d.ended(c)
		d.want("the phones that rang", strings.Split(d.rows("SELECT rang FROM calls")[0], " "),
			"101", "call-me-now", "+79990001122", "trunk", "front-desk")
	})
}

// A channel without a creation time: nothing may be settled by a talk of long ago.
func TestACallWithoutATimeBeganWhenItEnded(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.ended(d.answered(client, sales, anna, time.Minute))
		d.at(time.Hour)
		c := d.inbound(client, sales)
		c.Started = time.Time{}
		d.ended(c)
		d.wantLeads("default anna 1 open")
		d.want("its beginning", d.rows("SELECT (ended - started) || ' ' || wait_ms FROM calls WHERE id = 2"), "0 0")
	})
}

// Times that make no sense are kept out of sums, and close nothing.
func TestTimesThatRunBackwards(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		d.at(time.Hour)
		c := d.answered(client, sales, anna, time.Minute)
		c.Talks[0].Start, c.Talks[0].End = c.Talks[0].End, c.Talks[0].Start
		d.ended(c)
		d.wantLeads("default anna 2 open")
		d.want("waits and talks", d.rows("SELECT MIN(wait_ms) >= 0 AND MIN(talk_ms) >= 0 FROM calls"), "1")
		early := d.inbound(second, sales)
		early.Started = early.Ended.Add(time.Hour)
		d.ended(early)
		d.want("waits", d.rows("SELECT wait_ms FROM calls WHERE caller = $1", second), "0")
		d.wantLeads("default anna 2 open", "default boris 1 open")
		d.want("nothing in the database is from before 1970", d.rows("SELECT COUNT(*) FROM calls WHERE started < 0 OR ended < 0"), "0")
	})
}
