package leads

import (
	"database/sql"
	"fmt"
)

// The newest row of a table stays however old it is: its id would be given
// again, and links and rows elsewhere that name it lead to another's.

const oldLeadsQuery = `SELECT id, closed, contact FROM leads WHERE closed IS NOT NULL AND closed < $1 AND (closed, id) > ($2, $3)
	ORDER BY closed, id LIMIT $4`

// oldLeads removes closed leads with their attempts and entries. Their calls
// stay for oldCalls.
func oldLeads(s *sweep) (end spot, more bool, err error) {
	rows, err := s.rows(oldLeadsQuery, s.before, s.after.at, s.after.id, s.limit)
	end = s.after
	for _, r := range rows {
		done, err := s.removeLead(r)
		if err != nil {
			return end, false, fmt.Errorf("lead %d: %w", r.id, err)
		}
		if !done {
			return end, true, nil // the next step begins with what is left of it
		}
		if end = r.spot; s.limit <= 0 {
			return end, true, nil
		}
	}
	return end, len(rows) > 0, err
}

// removeLead removes a lead, unless something is still to be done about it. It
// says false when the step was full before all that hangs on the lead was gone.
func (s *sweep) removeLead(r oldRow) (done bool, err error) {
	var needed bool
	err = s.tx.QueryRow("SELECT $1 = (SELECT MAX(id) FROM leads) OR EXISTS (SELECT 1 FROM jobs WHERE lead = $1 AND ended = 0)", r.id).Scan(&needed)
	if err != nil || needed {
		s.limit--
		return true, err
	}
	for _, part := range []struct{ what, change string }{
		{"entries", "DELETE FROM timeline WHERE id IN (SELECT id FROM timeline WHERE lead = $1 LIMIT $2)"},
		{"", "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE lead = $1 LIMIT $2)"},
		{"", "DELETE FROM chat_alerts WHERE (chat, message) IN (SELECT chat, message FROM chat_alerts WHERE lead = $1 LIMIT $2)"},
		{"", "UPDATE calls SET lead = NULL WHERE id IN (SELECT id FROM calls WHERE lead = $1 LIMIT $2)"},
	} {
		most := max(s.limit, 1)
		n, err := s.change(part.what, part.change, r.id, most)
		if err != nil || n == most {
			return false, err
		}
	}
	if _, err := s.change("leads", "DELETE FROM leads WHERE id = $1", r.id); err != nil {
		return false, err
	}
	return true, s.forget(r.contact)
}

const oldCallsQuery = `SELECT id, started, contact FROM calls WHERE started < $1 AND (started, id) > ($2, $3) ORDER BY started, id LIMIT $4`

// oldCalls removes calls that have ended, with their entries, but not those that
// a lead stands for or that were attempts for one: they go with it.
func oldCalls(s *sweep) (end spot, more bool, err error) {
	rows, err := s.rows(oldCallsQuery, s.before, s.after.at, s.after.id, s.limit)
	end = s.after
	for _, r := range rows {
		var needed bool
		err = s.tx.QueryRow(`SELECT ended IS NULL OR ended >= $2 OR lead IS NOT NULL OR id = (SELECT MAX(id) FROM calls)
			OR EXISTS (SELECT 1 FROM attempts a WHERE a.call = calls.id) FROM calls WHERE id = $1`, r.id, s.before).Scan(&needed)
		if err == nil && !needed {
			err = s.removeCall(r)
		}
		if err != nil {
			return end, false, fmt.Errorf("call %d: %w", r.id, err)
		}
		end = r.spot
	}
	return end, len(rows) > 0, err
}

func (s *sweep) removeCall(r oldRow) error {
	// What is told of it by a lead that stays is kept there.
	if _, err := s.change("", "UPDATE timeline SET call = NULL WHERE call = $1 AND lead IS NOT NULL", r.id); err != nil {
		return err
	}
	if _, err := s.change("entries", "DELETE FROM timeline WHERE call = $1", r.id); err != nil {
		return err
	}
	if _, err := s.change("calls", "DELETE FROM calls WHERE id = $1", r.id); err != nil {
		return err
	}
	return s.forget(r.contact)
}

// forget removes a contact of whom nobody has said anything, and nothing is left
// but entries. What they said about being called stays: it is kept by number.
func (s *sweep) forget(contact sql.NullInt64) error {
	if !contact.Valid {
		return nil
	}
	var gone bool
	err := s.tx.QueryRow(`SELECT named = 0 AND shared = 0 AND external_id IS NULL AND email = '' AND note = '' AND id < (SELECT MAX(id) FROM contacts)
		AND NOT EXISTS (SELECT 1 FROM calls WHERE contact = $1) AND NOT EXISTS (SELECT 1 FROM leads WHERE contact = $1)
		AND NOT EXISTS (SELECT 1 FROM appointments WHERE contact = $1) AND NOT EXISTS (SELECT 1 FROM reminders WHERE contact = $1)
		FROM contacts WHERE id = $1`, contact.Int64).Scan(&gone)
	if err != nil || !gone {
		return err
	}
	for _, part := range []struct{ what, change string }{
		{"entries", "DELETE FROM timeline WHERE contact = $1"},
		{"", "DELETE FROM numbers WHERE contact = $1"},
		{"contacts", "DELETE FROM contacts WHERE id = $1"},
	} {
		if _, err := s.change(part.what, part.change, contact.Int64); err != nil {
			return err
		}
	}
	return nil
}

// Entries are looked at in the order in which they were written.
const oldEntriesQuery = `SELECT t.id, t.at, NULL FROM timeline t WHERE t.id > $1 ORDER BY t.id LIMIT $2`

const removeEntry = `DELETE FROM timeline WHERE id = $1 AND id < (SELECT MAX(id) FROM timeline)
	AND NOT EXISTS (SELECT 1 FROM leads l WHERE l.id = timeline.lead AND l.closed IS NULL)
	AND NOT EXISTS (SELECT 1 FROM appointments a WHERE a.id = timeline.appointment AND a.starts >= $2)`

// oldEntries removes entries of timelines.
func oldEntries(s *sweep) (end spot, more bool, err error) {
	rows, err := s.rows(oldEntriesQuery, s.after.id, s.limit)
	end = s.after
	for _, r := range rows {
		if r.at >= s.before {
			return end, false, nil
		}
		if _, err := s.change("entries", removeEntry, r.id, s.before); err != nil {
			return end, false, fmt.Errorf("entry %d: %w", r.id, err)
		}
		end = r.spot
	}
	return end, len(rows) > 0, err
}

const (
	removeDials = `DELETE FROM dials WHERE id IN (SELECT id FROM dials WHERE booked < $1 AND ended > 0 AND id < (SELECT MAX(id) FROM dials)
		ORDER BY booked LIMIT $2)`
	removeClicks = `DELETE FROM clicks WHERE id IN (SELECT id FROM clicks WHERE clicked < $1 AND id < (SELECT MAX(id) FROM clicks)
		ORDER BY clicked LIMIT $2)`
	removeBlind = `DELETE FROM blind WHERE id IN (SELECT id FROM blind WHERE until < $1 AND id < (SELECT MAX(id) FROM blind) ORDER BY until LIMIT $2)`
)

// oldDials removes what is known of calls that the daemon placed.
func oldDials(s *sweep) (end spot, more bool, err error) {
	most := s.limit
	n, err := s.change("dials", removeDials, s.before, most)
	return spot{}, n == most, err
}

// oldClicks removes what is known of calls that people asked for.
func oldClicks(s *sweep) (end spot, more bool, err error) {
	most := s.limit
	n, err := s.change("clicks", removeClicks, s.before, most)
	return spot{}, n == most, err
}

// oldBlind removes what is known of intervals in which a PBX was not watched.
func oldBlind(s *sweep) (end spot, more bool, err error) {
	most := s.limit
	n, err := s.change("blind", removeBlind, s.before, most)
	return spot{}, n == most, err
}

// oldRow is a row that may go.
type oldRow struct {
	spot
	contact sql.NullInt64
}

// rows reads what a walk looks at next.
func (s *sweep) rows(query string, args ...any) (list []oldRow, err error) {
	rows, err := s.tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r oldRow
		if err := rows.Scan(&r.id, &r.at, &r.contact); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// change writes, counts what was removed if it has a name, and takes it off what
// this step may do.
func (s *sweep) change(what, statement string, args ...any) (int, error) {
	res, err := s.tx.Exec(statement, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if n > 0 && what != "" {
		s.removed[what] += int(n)
	}
	s.limit -= int(n)
	return int(n), err
}
