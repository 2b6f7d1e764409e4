package appointments

import (
	"fmt"

	"ringback/leads/db"
)

// Whom tells whom a reminder is for: the number that is called, and the login of
// the manager.
func Whom(tx *db.Tx, reminder int64) (number, manager string, err error) {
	err = tx.QueryRow(`SELECT COALESCE(a.number, r.number), COALESCE(a.manager, r.manager)
		FROM reminders r LEFT JOIN appointments a ON a.id = r.appointment WHERE r.id = $1`, reminder).Scan(&number, &manager)
	if err != nil {
		return "", "", fmt.Errorf("appointments: reminder %d: %w", reminder, err)
	}
	return number, manager, nil
}
