package told

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"ringback/leads/db"
	"ringback/leads/posted"
	"ringback/leads/text"
)

// Choices are what somebody has chosen. The zero value is what holds for whoever
// has chosen nothing: everything at once, by all channels that the administrator
// allows.
type Choices struct {
	// Language is what they have chosen with their account; empty: nothing. Save
	// leaves it alone.
	Language text.Language `json:"-"`
	// Weekdays and Weekend are their quiet times from Monday to Friday and on the
	// other two days: windows such as "22:00-07:00", each of the day on which it
	// begins. Empty: none.
	Weekdays string `json:"weekdays,omitempty"`
	Weekend  string `json:"weekend,omitempty"`
	// DigestAt are the times of the day at which they have their list: "09:00, 14:00".
	DigestAt string          `json:"digest_at,omitempty"`
	Kinds    map[Kind]Choice `json:"kinds,omitempty"`
}

// Choice is what somebody has chosen for one kind of alert.
type Choice struct {
	// Channels are theirs, in order; empty: all that are allowed.
	Channels []string `json:"channels,omitempty"`
	// Off says that they are not told at all.
	Off bool `json:"off,omitempty"`
	// InTurn says that a channel is tried only where the one before has failed.
	InTurn bool `json:"in_turn,omitempty"`
	// ThroughQuiet says that it comes in quiet times too.
	ThroughQuiet bool `json:"through_quiet,omitempty"`
	// Digest says that it comes in their list, at DigestAt.
	Digest bool `json:"digest,omitempty"`
}

// The bounds of what people write: a day has no more to say.
const (
	mostTimes = 12
	mostText  = 100
)

const readChoices = `SELECT COALESCE((SELECT c.text FROM choices c WHERE c.login = $1), ''),
	COALESCE((SELECT a.language FROM accounts a WHERE a.login = $1), '')`

func scanChoices(row interface{ Scan(...any) error }, login string) (Choices, error) {
	var c Choices
	var written string
	if err := row.Scan(&written, &c.Language); err != nil {
		return c, fmt.Errorf("told: choices of %s: %w", login, err)
	}
	if written == "" {
		return c, nil
	}
	if err := json.Unmarshal([]byte(written), &c); err != nil {
		return c, fmt.Errorf("told: choices of %s: %w", login, err)
	}
	return c, nil
}

// Of reads what somebody has chosen.
func Of(tx *db.Tx, login string) (Choices, error) {
	return scanChoices(tx.QueryRow(readChoices, login), login)
}

// Read is Of, outside of a transaction.
func Read(ctx context.Context, reader *sql.DB, login string) (Choices, error) {
	return scanChoices(reader.QueryRowContext(ctx, readChoices, login), login)
}

// Save notes what somebody has chosen; reaching are the channels by which they
// can be told. What cannot be is posted.Problems, whose fields are
// "weekdays", "weekend", "digest_at" and the kinds, and whose texts are ids of the
// catalog.
func (d *Desk) Save(tx *db.Tx, login string, c Choices, reaching []string) error {
	if problems := d.check(login, &c, reaching, tx.Now()); problems.Err() != nil {
		return fmt.Errorf("told: choices of %s: %w", login, problems)
	}
	written, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("told: choices of %s: %w", login, err)
	}
	_, err = tx.Exec("INSERT INTO choices (login, text) VALUES ($1, $2) ON CONFLICT (login) DO UPDATE SET text = excluded.text", login, string(written))
	if err != nil {
		return fmt.Errorf("told: choices of %s: %w", login, err)
	}
	return nil
}

func (d *Desk) check(login string, c *Choices, reaching []string, now time.Time) posted.Problems {
	var problems posted.Problems
	zone := d.Zone(login)
	for field, written := range map[string]*string{"weekdays": &c.Weekdays, "weekend": &c.Weekend, "digest_at": &c.DigestAt} {
		if *written = strings.TrimSpace(*written); len(*written) > mostText {
			problems.Add(field, "settings.wrong.long")
			*written = ""
		}
	}
	if _, err := hoursOf("mon-fri", c.Weekdays, zone); err != nil {
		problems.Add("weekdays", "settings.wrong.window")
	}
	if _, err := hoursOf("sat,sun", c.Weekend, zone); err != nil {
		problems.Add("weekend", "settings.wrong.window")
	}
	if len(problems) == 0 && c.quietTooLong(now, zone) {
		problems.Add("weekdays", "settings.wrong.always")
	}
	times, err := readTimes(c.DigestAt)
	if err != nil {
		problems.Add("digest_at", "settings.wrong.times")
	}
	for _, k := range Kinds {
		d.checkKind(k, c.Kinds[k], reaching, len(times) == 0 && err == nil, &problems)
	}
	slices.SortFunc(problems, func(a, b posted.Problem) int { return strings.Compare(a.Field, b.Field) })
	return problems
}

func (d *Desk) checkKind(k Kind, c Choice, reaching []string, noTimes bool, problems *posted.Problems) {
	field := string(k)
	if c.Off && !d.CanBeOff(k) {
		problems.Add(field, "settings.wrong.off")
	}
	if c.Digest && noTimes {
		problems.Add("digest_at", "settings.wrong.no_times")
	}
	for _, name := range c.Channels {
		if !slices.Contains(reaching, name) {
			problems.Add(field, "settings.wrong.channel")
		}
	}
}
