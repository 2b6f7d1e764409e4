package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"

	"ringback/config"
	"ringback/leads"
	"ringback/leads/contacts"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/leads/posted"
)

type importCommand struct {
	File    string `arg:"" help:"CSV or vCard, as address books and CRMs export them." type:"existingfile" placeholder:"FILE"`
	DryRun  bool   `help:"Only say what would be made and changed."`
	Yes     bool   `help:"Do not ask."`
	Country string `help:"In which country numbers without a country code are (ISO 3166, as in PL); without it: that of the configuration." placeholder:"XX"`
	JSON    bool   `help:"Print one JSON object." name:"json"`
}

// importStep is how many contacts are taken in one transaction: calls that end
// meanwhile wait for it.
const importStep = 100

// importPart is a part of a file that is to be taken, or looked at.
type importPart struct {
	Rows []contacts.Row `json:"rows"`
	Dry  bool           `json:"dry"`
}

// errDry undoes what was done only to see what would be.
var errDry = errors.New("a rehearsal")

// importContacts is the errand of a part of a file.
var importContacts = errand[importPart, contacts.Report]{"import", func(ctx context.Context, at *premises, part importPart) (r contacts.Report, err error) {
	office := at.cfg.Office()
	book := leads.NewBook(leads.BookConfig{DB: at.db, Office: office})
	if at.daemon != nil {
		book = at.daemon.book
	}
	cabinet := contacts.New(contacts.Config{Office: office, Book: book, Plan: at.cfg.Plan("")})
	for rows := range slices.Chunk(part.Rows, importStep) {
		var step contacts.Report
		err := at.db.Do(ctx, func(tx *db.Tx) (err error) {
			if step, err = cabinet.Import(tx, rows, leads.Author{How: "import"}); err == nil && part.Dry {
				err = errDry
			}
			return err
		})
		if err != nil && !errors.Is(err, errDry) {
			return r, err
		}
		addReport(&r, step)
	}
	return r, nil
}}

func addReport(r *contacts.Report, more contacts.Report) {
	r.Made, r.Changed, r.Same, r.Merged = r.Made+more.Made, r.Changed+more.Changed, r.Same+more.Same, r.Merged+more.Merged
	r.Changes, r.Bad = append(r.Changes, more.Changes...), append(r.Bad, more.Bad...)
}

// Run looks at the file, says what it would change, asks, and takes it.
func (c *importCommand) Run(w *world) error {
	cfg, err := config.Load(w.config)
	if err != nil {
		return err
	}
	plan := *cfg.Plan("")
	if c.Country != "" {
		plan.Country = strings.ToUpper(c.Country)
	}
	file, err := readContacts(c.File, &plan)
	if err != nil {
		return err
	}
	run := func(dry bool) (contacts.Report, error) {
		return send(file.Rows, func(rows []contacts.Row) (contacts.Report, error) {
			return importContacts.run(w.ctx, cfg, importPart{rows, dry})
		})
	}
	would, err := run(true)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	countOnce(&would, file.Rows)
	if !c.JSON {
		tellPreview(w.stdout, file, would, plan.Country)
	}
	if c.DryRun || would.Made+would.Changed+would.Merged == 0 {
		return c.end(w, file, would, false)
	}
	if !c.Yes {
		if err := agreed(w); err != nil {
			return err
		}
	}
	did, err := run(false)
	if err != nil {
		return fmt.Errorf("import: %w: what was taken stays; run the same again to take the rest", err)
	}
	return c.end(w, file, did, true)
}

// sent is how many contacts one question to the daemon holds.
const sent = 500

// send gives the rows to take, part by part.
func send(rows []contacts.Row, take func([]contacts.Row) (contacts.Report, error)) (r contacts.Report, err error) {
	for part := range slices.Chunk(rows, sent) {
		step, err := take(part)
		if err != nil {
			return r, err
		}
		addReport(&r, step)
	}
	return r, nil
}

// countOnce puts right a preview of a file that names contacts more than once:
// its steps were looked at one by one, and none found what another would have
// made. Who is named again stands as they will, or is changed.
func countOnce(r *contacts.Report, rows []contacts.Row) {
	first := map[string]int{} // by number, the row that would make them
	again := map[int]bool{}   // by line: whether it says the same once more
	for i := range rows {
		for _, n := range rows[i].Numbers {
			if before, seen := first[n]; !seen {
				first[n] = i
			} else {
				again[rows[i].Line] = reflect.DeepEqual(rows[before].Wanted, rows[i].Wanted)
			}
		}
	}
	var changes []contacts.Change
	for _, c := range r.Changes {
		if same, named := again[c.Line]; named && c.Did == contacts.Made {
			r.Made--
			if same {
				r.Same++
				continue
			}
			r.Changed++
			c.Did = contacts.Changed
		}
		if c.Did == contacts.Made || len(c.Parts)+len(c.Merged) == 0 {
			c.Contact = 0 // that of the rehearsal was undone with it
		}
		changes = append(changes, c)
	}
	r.Changes = changes
}

func readContacts(path string, plan *number.Plan) (*contacts.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, contacts.MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	file, err := contacts.Read(text, plan)
	if err != nil {
		return nil, fmt.Errorf("import: %s: %w", path, err)
	}
	return file, nil
}

// agreed asks a person, where there is one.
func agreed(w *world) error {
	if f, ok := w.stdin.(*os.File); !ok || !isTerminal(f) {
		return errors.New("import: nothing was changed: say --yes, because nobody can be asked here")
	}
	fmt.Fprint(w.stdout, "Take it? [y/N] ")
	answer, err := bufio.NewReader(w.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("import: %w", err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return errors.New("import: nothing was changed")
	}
	return nil
}

// isTerminal says whether a person can sit there: at a terminal, and not at every
// character device, of which /dev/null is one.
func isTerminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) }

// end tells what was done; the exit status is 1 where lines were not taken.
func (c *importCommand) end(w *world, file *contacts.File, r contacts.Report, done bool) error {
	bad := notTaken(file, r.Bad)
	if c.JSON {
		err := json.NewEncoder(w.stdout).Encode(map[string]any{"file": c.File, "kind": file.Kind, "encoding": file.Encoding, "done": done, "made": r.Made,
			"changed": r.Changed, "same": r.Same, "merged": r.Merged, "changes": append([]contacts.Change{}, r.Changes...), "not_taken": bad, "problems": append(append(posted.Problems{}, file.Bad...), r.Bad...), "unused_columns": append([]string{}, file.Unused...)})
		if err != nil {
			return err
		}
	} else if done {
		fmt.Fprintf(w.stdout, "Done: %d made, %d changed, %d as they stood.\n", r.Made, r.Changed, r.Same)
	}
	if bad > 0 {
		return errFound
	}
	return nil
}
