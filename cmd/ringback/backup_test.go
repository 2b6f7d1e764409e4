package main

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringback/ari"
	"ringback/ari/aritest"
	"ringback/leads/db"
)

// TestBackupBesideADaemonThatWrites copies the database of a real daemon while
// calls end, stops it, puts the copy in the place of the database as the README
// says, and starts it again.
func TestBackupBesideADaemonThatWrites(t *testing.T) {
	t.Parallel()
	group, err := aritest.ReadRecorded("../../testdata/calls/22/group-unanswered.jsonl", "79160000005")
	if err != nil {
		t.Fatal(err)
	}
	fake := aritest.New()
	t.Cleanup(fake.Close)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	r := &rig{TB: t, dir: t.TempDir(), alerts: newReceiver()}
	t.Cleanup(r.alerts.Close)
	r.startDaemon(ari.Config{URL: server.URL + "/ari", Username: aritest.Username, Password: ari.NewSecret(aritest.Password)}, true)
	session, err := fake.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Cut)
	opened := func() int { return int(r.metrics()[`ringback_leads_opened_total{pool="default"}`]) }
	rang := 0
	ring := func(n int) {
		for range n {
			if err := session.Send(group.Call(rang)...); err != nil {
				t.Error(err)
			}
			rang++
		}
	}
	ring(100)
	r.until("a hundred leads are open", patience, func() bool { return opened() >= 100 })

	ring(400) // and while they are being written
	copied := filepath.Join(t.TempDir(), "copy.db")
	backup := start(t, nil, "backup", "--config", filepath.Join(r.dir, "ringback.yaml"), "--json", copied)
	for {
		select {
		case <-backup.ended:
		default:
			ring(1)
			continue
		}
		break
	}
	var told struct {
		File string
		Rows map[string]int
	}
	if err := json.Unmarshal([]byte(backup.out.String()), &told); backup.status(t) != 0 || err != nil {
		t.Fatalf("status %d, %v: %s %s", backup.status(t), err, backup.out.String(), backup.errs.String())
	}
	r.until("everybody has a lead", patience, func() bool { return opened() >= rang })
	if n := told.Rows["leads"]; told.File != copied || n < 100 || n > rang {
		t.Errorf("%d leads of %d are in %s", n, rang, told.File)
	}
	// A fact is one transaction: a call with its lead, the lead's entries and the
	// rung that was booked are all there, or none is.
	running := whole(t, copied, told.Rows["leads"])

	r.stop()
	database := filepath.Join(r.dir, "ringback.db")
	text, err := os.ReadFile(copied)
	if err == nil {
		err = os.WriteFile(database, text, 0o600)
	}
	for _, part := range []string{"-wal", "-shm"} {
		if e := os.Remove(database + part); e != nil && !os.IsNotExist(e) {
			t.Fatal(e)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	r.launch()
	r.watches()
	var page struct{ Items []apiLead }
	r.get("/api/v1/leads?limit=500&state=open", &page)
	// Of a call that ran while the copy was made nobody knows how it ended: it
	// opens a lead when the daemon has seen that it is gone.
	if n, most := told.Rows["leads"], told.Rows["leads"]+running; len(page.Items) < min(n, 500) || len(page.Items) > min(most, 500) {
		t.Errorf("the daemon knows %d leads after the copy was put back, want %d to %d", len(page.Items), n, most)
	}
}

// whole looks for halves of transactions, and counts the calls that run.
func whole(t *testing.T, path string, leads int) (running int) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for what, query := range map[string]string{
		"leads":                                      "SELECT COUNT(*) - $1 FROM leads",
		"leads that do not count their calls":        "SELECT COUNT(*) FROM leads WHERE $1 > 0 AND missed <> (SELECT COUNT(*) FROM calls WHERE lead = leads.id)",
		"missed calls without a lead":                "SELECT COUNT(*) FROM calls WHERE $1 > 0 AND verdict = 'missed' AND lead IS NULL",
		"missed calls without an entry":              "SELECT COUNT(*) FROM calls WHERE $1 > 0 AND verdict = 'missed' AND NOT EXISTS (SELECT 1 FROM timeline WHERE call = calls.id)",
		"leads of which nothing was ever to be done": "SELECT COUNT(*) FROM leads WHERE $1 > 0 AND NOT EXISTS (SELECT 1 FROM jobs WHERE lead = leads.id)",
		"broken references":                          "SELECT COUNT(*) FROM pragma_foreign_key_check WHERE $1 > 0",
	} {
		var n int
		if err := d.Reader().QueryRow(query, leads).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s: %d (%v)", what, n, err)
		}
	}
	if err := d.Reader().QueryRow("SELECT COUNT(*) FROM calls WHERE ended IS NULL").Scan(&running); err != nil {
		t.Error(err)
	}
	return running
}

// TestBackupSaysWhatIsWrong holds what backup prints, and its exit statuses.
func TestBackupSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	c := lonely(t)
	file := c.write(t)
	folder := t.TempDir()
	copied := filepath.Join(folder, "copy.db")
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{copied, 1, "there is no database at"},
		{"", 2, "<file>"},
	} {
		if status, out, errs := command(t, append([]string{"backup", "--config", file}, strings.Fields(c.args)...)...); status != c.status || !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("backup %s: status %d, printed %q and %q", c.args, status, out, errs)
		}
	}
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(filepath.Dir(file), "ringback.db")})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{copied, 0, copied + " is a whole copy of "},
		{copied, 1, "it is there already: name another file, or replace it with --force"},
		{"--force " + copied, 0, "0 calls, 0 leads, 0 contacts"},
		{folder, 1, "is a folder: name a file in it"},
		{filepath.Join(filepath.Dir(file), "ringback.db") + " --force", 1, "belongs to the database itself"},
	} {
		status, out, errs := command(t, append([]string{"backup", "--config", file}, strings.Fields(c.args)...)...)
		said, silent := out, errs
		if c.status != 0 {
			said, silent = errs, out
		}
		if status != c.status || !strings.Contains(said, c.says) || silent != "" {
			t.Errorf("backup %s: status %d, printed %q and %q", c.args, status, out, errs)
		}
	}
	if got, err := os.ReadDir(folder); err != nil || len(got) != 1 {
		t.Errorf("beside the copy there are %v (%v)", got, err)
	}
}
