package robotcall

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ringback/leads/db"
)

// Who presses the key for it is away from then on: the lead that was just
// announced goes to somebody else, and of the others nothing is told.
func TestTheKeyForAway(t *testing.T) {
	inReception(t, 2, func(r *reception) {
		directory := r.managers.cfg.Office.Directory
		directory.Managers = append(directory.Managers, directory.Managers[0])
		directory.Managers[1].Login = "boris"
		directory.Pools[0].Managers = []string{"anna", "boris"}
		left := ""
		r.managers.cfg.Leave = func(tx *db.Tx, login string) (time.Time, error) {
			left = login
			return tx.Now().Add(3 * time.Hour), nil
		}
		r.menuEnds = "agent-loggedoff"
		r.presses = []func(){r.press(keyAway)}
		until := time.Now().Add(3 * time.Hour).UTC().Format(time.RFC3339)
		r.do()
		if left != "anna" {
			t.Errorf("away is %q", left)
		}
		said := "away until " + until + ", handed on to boris"
		r.wantNotes("1: answered: "+said, "2: answered: "+said+", before this was told")
		var manager string
		r.read("SELECT manager FROM leads WHERE id = 1", &manager)
		if manager != "boris" {
			t.Errorf("the lead is %s's", manager)
		}
		if heard := strings.Join(r.heard, " "); !strings.Contains(heard, "sound:agent-loggedoff sound:digits/3 sound:hours") {
			t.Errorf("the manager has heard %q, and not for how many hours they are away", r.heard)
		}
	})
}

// Where nobody keeps absences the key means nothing; where it cannot be kept the
// lead stays.
func TestTheKeyForAwayThatDoesNothing(t *testing.T) {
	inReception(t, 1, func(r *reception) {
		r.presses = []func(){func() { r.press(keyAway)(); r.press(keyLater)() }}
		r.do()
		r.wantNotes("1: answered: later")
	})
	inReception(t, 1, func(r *reception) {
		r.managers.cfg.Leave = func(*db.Tx, string) (time.Time, error) { return time.Time{}, errors.New("no room") }
		r.menuEnds = "agent-loggedoff"
		r.presses = []func(){r.press(keyAway)}
		r.do()
		var manager string
		r.read("SELECT manager FROM leads WHERE id = 1", &manager)
		if manager != "anna" {
			t.Errorf("the lead is %s's", manager)
		}
	})
}
