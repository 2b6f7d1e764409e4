package telegram

import (
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/db"
)

// settle closes a lead.
func (o *office) settle(lead int64) {
	o.Helper()
	o.do(func(tx *db.Tx) error {
		return o.book.Hand(leads.Sight{Login: "chief", All: true}, leads.ByPage).Settle(tx, lead, leads.Settled, "done")
	})
}

// alertsAre waits until so many alerts are remembered: a commit follows what an
// answer brings.
func (o *office) alertsAre(want int) {
	o.Helper()
	for n := -1; n != want; {
		o.do(func(tx *db.Tx) error { return tx.QueryRow("SELECT COUNT(*) FROM chat_alerts").Scan(&n) })
	}
}

// What became of a lead while nobody listened, or is not there any more, is said
// after the next start, and the alert is forgotten.
func TestAlertsAreLookedAtAgainAtTheStart(t *testing.T) {
	o := open(t)
	o.send(o.lead("+79161234567", "boris"), alert.Sent)
	gone := o.lead("+79161234568", "boris")
	gone.Lead += 100
	o.send(gone, alert.Sent)
	open := o.lead("+79161234569", "boris")
	o.send(open, alert.Sent)
	o.settle(1)
	o.stale = newStale() // the daemon dies
	o.run()
	o.api.until("what is settled or gone says so", func() bool {
		return strings.HasSuffix(o.api.text(1), "Settled.") && strings.HasSuffix(o.api.text(2), "Settled.")
	})
	o.alertsAre(1)
}

// An alert that Telegram could not be asked to change is changed later; one that it
// refuses to change is let go.
func TestAlertsAreChangedLater(t *testing.T) {
	o := open(t)
	answers := map[string]string{"502": "", "429": `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 1","parameters":{"retry_after":1}}`,
		"400": `{"ok":false,"error_code":400,"description":"Bad Request: message can't be edited"}`}
	var down atomic.Value
	asked := make(chan string, 100)
	o.api.fail = func(method string) (int, string) {
		if method != "editMessageText" {
			return 0, ""
		}
		how := down.Load().(string)
		asked <- how
		status, _ := strconv.Atoi(how)
		return status, answers[how]
	}
	m := o.lead("+79161234567", "boris")
	o.send(m, alert.Sent)
	down.Store("502")
	o.run()
	o.settle(m.Lead)
	for _, how := range []string{"502", "429", ""} {
		down.Store(how)
		o.stale.add(m.Lead + 1000) // something else becomes stale
		for got := range asked {
			if got == how {
				break
			}
		}
	}
	o.api.until("it says that it is settled", func() bool { return strings.HasSuffix(o.api.text(1), "Settled.") })
	o.alertsAre(0)
	down.Store("400")
	m = o.lead("+79161234568", "boris")
	o.send(m, alert.Sent)
	o.settle(m.Lead)
	<-asked
	o.alertsAre(0)
}
