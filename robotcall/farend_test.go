package robotcall_test

import (
	"fmt"
	"testing"

	"ringback/ari/softphone"
	"ringback/leads/db"
)

// A client whose phone rang was disturbed, whatever ends the ringing: it counts,
// and is not repeated every minute.
func TestRangAndRefused(t *testing.T) {
	t.Parallel()
	r := openReminding(t, "from-internal")
	for _, dial := range []string{"", "PJSIP/{number}@trunk"} {
		for _, c := range []struct {
			before func(*softphone.Incoming) error
			status int
			want   string
		}{
			{(*softphone.Incoming).Ring, 503, "no_answer"},
			{(*softphone.Incoming).Ring, 500, "no_answer"},
			{(*softphone.Incoming).Ring, 403, "rejected"},
			{(*softphone.Incoming).Ring, 486, "busy"},
			{(*softphone.Incoming).Progress, 503, "no_answer"},
			{nil, 503, "congestion"},
			{nil, 403, "congestion"},
		} {
			r.exchange.Connect.Dial = dial
			number := r.book()
			in, err := r.outside.ExpectRing(r.ctx)
			r.do(err)
			if c.before != nil {
				r.do(c.before(in))
			}
			r.do(in.Reject(c.status, "Refused"))
			r.eventually(fmt.Sprintf("%d by %q", c.status, dial), c.want, "SELECT outcome FROM dials WHERE number = $1", number)
			r.do(r.db.Do(r.ctx, func(tx *db.Tx) error { // none is tried again in this test
				_, err := tx.Exec("UPDATE jobs SET due = due + 86400000, expires = expires + 86400000 WHERE kind = 'reminder' AND state = 'waiting'")
				return err
			}))
		}
	}
}
