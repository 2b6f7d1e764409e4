package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringback/ari/cdr"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/config"
	"ringback/leads"
	"ringback/routing"
)

// TestDoctorOfCallRecords examines a PBX whose cdr.conf is wrong in one way after
// the other, and does what it is told.
func TestDoctorOfCallRecords(t *testing.T) {
	t.Parallel()
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		t.Run(string(release), func(t *testing.T) {
			t.Parallel()
			b := openReleaseBranch(t, release)
			etc := filepath.Join(b.pbx.Dir, "etc")
			write := func(name, text string) {
				t.Helper()
				if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			set := func(text string) {
				t.Helper()
				write("cdr.conf", text)
				for _, command := range []string{"module reload cdr", "module reload cdr_csv.so"} {
					if _, err := b.pbx.CLI(patient(t), command); err != nil {
						t.Fatal(err)
					}
				}
			}
			const columns = "[csv]\nloguniqueid = yes\nnewcdrcolumns => yes ; as told\n"
			set("[general]\nunanswered = no\n" + columns)
			c := wellConfigured(t, b)
			door, _ := c.hold(t)
			door.isReady(t, true)
			missedAt(t, b, firstClient)
			door.verdictOf(t, firstClient)
			refusedAt(t, b, secondClient)
			if v := door.verdictOf(t, secondClient); v != "missed unreachable" {
				t.Fatalf("a call to a phone that is away is %s", v)
			}
			file := c.writeWell(t, b)
			inFile(`cdr: {csv:`, `cdr: {wait: 1s, csv:`)(t, c, file)

			var d *diagnosis
			waitFor(t, "the calls are old enough to be compared", func() bool {
				d = c.examine(t, file)
				return strings.Contains(d.text(), "of the last 2 calls")
			})
			d.only("records", "phones")
			d.says("main", "records", levelWarn, `1 of the last 2 calls .* are not in the call records \(unreachable\).* DO write unanswered = yes in the section \[general\] of /etc/asterisk/cdr\.conf .*module reload cdr'`)
			d = c.examine(t, file, "--asterisk", etc)
			d.says("main", "records", levelWarn, `rang no phone and was not answered .* DO write unanswered = yes in the section \[general\] of `+etc+`/cdr\.conf`)

			const included = "[general]\n#tryinclude no-such-file.conf\n#include \"more.conf\"\n" + columns
			write("cdr.conf", included)
			d = c.examine(t, file, "--asterisk", etc) // it cannot be read whole: the records tell
			d.says("main", "records", levelWarn, "1 of the last 2 calls")
			write("more.conf", "unanswered = yes\n")
			set(included)
			refusedAt(t, b, thirdClient)
			waitFor(t, "the call that rang nobody is recorded, and compared", func() bool {
				d = c.examine(t, file, "--asterisk", etc)
				return strings.Contains(d.text(), "1 of the last 3 calls")
			})
			d.says("main", "records", levelGood, `cdr\.conf is as it should be`)

			set("[general]\nunanswered = yes\nbatch = yes\n" + columns)
			d = c.examine(t, file, "--asterisk", etc)
			d.says("main", "records", levelWarn, `holds records back for up to 5m0s \(batch mode\), and cdr\.wait is 1s.* DO write wait: 5m10s under cdr`)
			inFile(`wait: 1s`, `wait: 5m10s`)(t, c, file)
			c.examine(t, file, "--asterisk", etc).only("phones")

			set("[general]\nunanswered = yes\n[csv]\nloguserfield = yes\n")
			refusedAt(t, b, firstClient)
			waitFor(t, "a record without ids is written", func() bool {
				d = c.examine(t, file, "--asterisk", etc)
				return strings.Contains(d.text(), "the records lack uniqueid and linkedid")
			})
			d.says("main", "records", levelFail, "loguniqueid is not set in .* DO write loguniqueid = yes in the section .csv. of .*module reload cdr_csv.so")
			d.says("main", "records", levelFail, "newcdrcolumns is not set in ")

			set("[general]\nunanswered = yes\n[csv]\n")
			d = c.examine(t, file, "--asterisk", etc)
			d.says("main", "records", levelFail, "the section .csv. of .* is empty or missing DO .* 'module unload cdr_csv.so' and asterisk -rx 'module load cdr_csv.so'")
			set("[general]\nunanswered = yes\n" + columns)
			for _, command := range []string{"module unload cdr_csv.so", "module load cdr_csv.so"} {
				if _, err := b.pbx.CLI(patient(t), command); err != nil {
					t.Fatal(err)
				}
			}
			refusedAt(t, b, secondClient)
			waitFor(t, "records with ids are written again", func() bool {
				d = c.examine(t, file, "--asterisk", etc)
				return !strings.Contains(d.text(), "lack")
			})

			set("[general]\nenable = no\nchanneldefaultenabled = no\n" + columns)
			d = c.examine(t, file, "--asterisk", etc)
			d.says("main", "records", levelFail, "keeps no call records: enable is off")
			d.says("main", "records", levelWarn, "only of calls whose dialplan asks for it")
		})
	}
}

// text is all that was found.
func (d *diagnosis) text() string {
	var all strings.Builder
	for _, f := range d.Findings {
		all.WriteString(f.Text + "\n")
	}
	return all.String()
}

// refusedAt lets a client ring the first manager, whose phone is away.
func refusedAt(t *testing.T, b *branch, number string) {
	t.Helper()
	if err := b.desks[pbx.Manager1].Unregister(patient(t)); err != nil {
		t.Fatal(err)
	}
	c, err := b.outside.Dial(patient(t), pbx.LineDirect, softphone.DialOptions{CallerID: number})
	if err == nil {
		err = c.WaitAnswer(patient(t))
	}
	if err == nil {
		t.Fatal("it was answered")
	}
}

// TestDoctorOfUnwrittenRecords examines a PBX that keeps none.
func TestDoctorOfUnwrittenRecords(t *testing.T) {
	t.Parallel()
	on := bareAsterisk(t, map[string]string{"cdr.conf": "[general]\nenable = yes\n"})
	c := newCompany(t, account{"main", on.ARIURL, on.ARIUser, on.ARIPassword})
	file := c.write(t)
	inFile("connect: {context: from-internal}", `connect: {context: from-internal}, cdr: {csv: "`+on.CDRFile+`"}`)(t, c, file)
	d := c.examine(t, file)
	d.says("main", "records", levelWarn, `cdr_csv\.so does not run there DO write a section \[csv\] into /etc/asterisk/cdr\.conf .*'module load cdr_csv\.so'`)
	d.says("main", "records", levelWarn, "there is no call record yet")
	if err := os.WriteFile(filepath.Join(on.Dir, "etc/cdr.conf"), []byte("[csv]\nloguniqueid = yes\nnewcdrcolumns = yes\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := on.CLI(patient(t), "module load cdr_csv.so"); err != nil {
		t.Fatal(err)
	}
	if text := c.examine(t, file).text(); strings.Contains(text, "cdr_csv.so") {
		t.Errorf("after it was done: %s", text)
	}
}

// TestUnknownWhetherUnansweredIsRecorded is no good news of a PBX whose cdr.conf
// cannot be read, until a record shows it.
func TestUnknownWhetherUnansweredIsRecorded(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name           string
		settled, alone bool
		warns          bool
	}{
		{"nothing tells", false, false, true},
		{"a record tells", false, true, false},
		{"cdr.conf was read", true, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &subject{pbx: &config.Asterisk{}, now: now, settled: c.settled}
			warned := false
			for _, f := range s.judgeRecords(cdr.Inspection{Records: 3, Newest: now, UniqueID: true, LinkedID: true, Alone: c.alone}) {
				if strings.Contains(f.Text, "rang nobody") {
					warned = f.Level == levelWarn && strings.Contains(f.Do, "cdr show status")
				}
			}
			if warned != c.warns {
				t.Errorf("it is warned of: %v", warned)
			}
		})
	}
}

// TestMissingRecords compares calls with records.
func TestMissingRecords(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	record := func(unique, linked string, start time.Duration) cdr.Record {
		return cdr.Record{UniqueID: unique, LinkedID: linked, Start: ago(start)}
	}
	seen := func(id string, ended time.Duration, why routing.Reason) leads.Seen {
		return leads.Seen{Call: id, Started: ago(ended + time.Minute), Ended: ago(ended), Reason: why}
	}
	records := []cdr.Record{record("2", "2", 4*time.Hour), record("9", "3", 2*time.Hour), record("4", "", time.Hour)}
	told := []leads.Seen{seen("4", 59*time.Minute, routing.NoAnswer), seen("3", 118*time.Minute, routing.Person), seen("2", 238*time.Minute, routing.Person)}
	for _, c := range []struct {
		name  string
		due   []leads.Seen
		level level
		want  string
	}{
		{"all", told, levelGood, "all of the last 3 calls that the daemon has seen, since 3 hours ago, are in"},
		{"rotated", append(told[:3:3], seen("1", 30*time.Hour, routing.Person)), levelWarn, "1 call that the daemon has seen, up to 30 hours ago, are older than .* DO let logrotate keep"},
		{"held back", append([]leads.Seen{seen("5", time.Minute, routing.Person), seen("6", 2*time.Minute, routing.Person)}, told...), levelWarn,
			"the last 2 calls .*, up to 2 minutes ago, ended after the newest record .* DO .*set cdr.wait"},
		{"not recorded", append([]leads.Seen{seen("5", 65*time.Minute, routing.AbandonedIVR), seen("6", 66*time.Minute, routing.Closed)}, told...), levelWarn,
			`2 of the last 5 calls .* \(abandoned_ivr, closed\).* DO write unanswered = yes`},
		{"of another PBX", []leads.Seen{seen("7", time.Hour, routing.Person), seen("8", 2*time.Hour, routing.Person)}, levelFail, "none of the last 2 calls .* DO name the records of this PBX"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := missingIn(records, c.due, ago(58*time.Minute)).tell(&subject{now: now}, len(c.due), c.due[len(c.due)-1].Started)
			d := &diagnosis{t: t}
			for _, f := range found {
				d.Findings = append(d.Findings, findingLine{"", f.Check, f.Level, f.Text, f.Do})
			}
			if d.says("", "records", c.level, c.want); len(found) != 1 || t.Failed() {
				t.Errorf("%+v", found)
			}
		})
	}
}

// TestRotatedRecords looks for what the daemon would not read.
func TestRotatedRecords(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "Master.csv")
	write := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"Master.csv", "Master.csv.1", "Master.csv-20261121.gz", "other.xz"} {
		write(name)
	}
	if found := checkRotation(path); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	write("Master.csv-20261120.xz")
	if found := checkRotation(path); len(found) != 1 || found[0].Level != levelWarn || !strings.Contains(found[0].Text, "Master.csv-20261120.xz") {
		t.Errorf("%+v", found)
	}
}

// TestUnreadableRecords names what is not there, and what is no file.
func TestUnreadableRecords(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]struct{ text, do string }{
		filepath.Join(dir, "none/Master.csv"): {"none is not there: make it", "core show settings"},
		dir:                                   {"cannot be read", "name Master.csv"},
	} {
		s := &subject{pbx: &config.Asterisk{CDR: cdr.Config{CSV: path}}}
		_, err := inspectOnce(s.pbx.CDR)(t.Context())
		if err == nil {
			t.Errorf("%s is read", path)
			continue
		}
		if f := s.unreadable(err); f.Level != levelFail || !strings.Contains(f.Text, want.text) || !strings.Contains(f.Do, want.do) {
			t.Errorf("%s: %+v", path, f)
		}
	}
}

// TestQueueLogThatIsOff compares the log of queues with what the daemon has seen.
func TestQueueLogThatIsOff(t *testing.T) {
	now := time.Now()
	waited := []leads.Seen{{Ended: now, Started: now.Add(-time.Minute), Reason: routing.AbandonedQueue}}
	for _, c := range []struct {
		name, path string
		seen       []leads.Seen
		newest     time.Time
		level      level
		want       string
	}{
		{"it knows", "queue_log", waited, now, levelGood, "can be read"},
		{"nobody waited", "queue_log", nil, time.Time{}, levelGood, "can be read"},
		{"it is off", "queue_log", waited, now.Add(-time.Hour), levelWarn, `does not know of it DO write queue_log = yes .*logger\.conf, then asterisk -rx 'logger reload'`},
		{"it is empty", "queue_log", waited, time.Time{}, levelWarn, "does not know of it"},
		{"it is not named", "", waited, time.Time{}, levelGood, "is not named"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &subject{pbx: &config.Asterisk{CDR: cdr.Config{QueueLog: c.path}}, seen: c.seen, now: now}
			d := &diagnosis{t: t}
			for _, f := range s.judgeQueueLog(cdr.Inspection{Queue: c.newest}) {
				d.Findings = append(d.Findings, findingLine{"", f.Check, f.Level, f.Text, f.Do})
			}
			d.says("", "queue_log", c.level, c.want)
		})
	}
}
