package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ringback/ari/cdr"
	"ringback/leads"
	"ringback/routing"
)

// readingRecords bounds each reading of the call records.
const readingRecords = 30 * time.Second

// checkRecords looks at the call records that the configuration names: whether
// what happens while the daemon is away will be found in them.
func checkRecords(ctx context.Context, s *subject) []finding {
	c := &s.pbx.CDR
	if !c.Kept() {
		return []finding{warn("records", "name the call records of the PBX under cdr (csv or sql), as ringback check --example shows it",
			"no call records are configured: a call that begins and ends while the daemon is away is not known, and one that ends then is told as unconfirmed")}
	}
	list := s.checkWriters(ctx)
	in, err := s.records(ctx)
	if err != nil {
		return append(list, s.unreadable(err))
	}
	list = append(list, s.judgeRecords(in)...)
	list = append(list, checkRotation(c.CSV)...)
	if in.Records > 0 {
		list = append(list, s.checkCoverage(ctx, in)...)
	}
	return append(list, s.judgeQueueLog(in)...)
}

// inspectOnce looks at call records when that is asked for first.
func inspectOnce(c cdr.Config) func(context.Context) (cdr.Inspection, error) {
	var in cdr.Inspection
	err := errUnasked
	return func(ctx context.Context) (cdr.Inspection, error) {
		if c.Kept() && err == errUnasked {
			ctx, cancel := context.WithTimeout(ctx, readingRecords)
			defer cancel()
			in, err = cdr.Inspect(ctx, c)
		}
		return in, err
	}
}

var errUnasked = errors.New("no call records are configured")

// writers are the modules that may write records to a database.
var writers = map[cdr.Engine][]string{
	cdr.MySQL:    {"cdr_adaptive_odbc.so", "cdr_odbc.so", "cdr_mysql.so"},
	cdr.Postgres: {"cdr_pgsql.so", "cdr_adaptive_odbc.so", "cdr_odbc.so"},
	cdr.SQLite:   {"cdr_sqlite3_custom.so", "cdr_adaptive_odbc.so", "cdr_odbc.so"},
}

// checkWriters asks the PBX whether a module runs that writes these records.
func (s *subject) checkWriters(ctx context.Context) []finding {
	modules := []string{"cdr_csv.so"}
	do := "write a section [csv] into /etc/asterisk/cdr.conf with loguniqueid = yes and newcdrcolumns = yes, then asterisk -rx 'module load cdr_csv.so'"
	if s.pbx.CDR.SQL != nil {
		modules = writers[s.pbx.CDR.SQL.Engine]
		do = "see that one of them is configured and loaded (asterisk -rx 'cdr show status' lists it under Registered Backends)"
	}
	for _, module := range modules {
		switch runs, err := s.client.Runs(ctx, module); {
		case err != nil:
			return s.unasked("records", err)
		case runs:
			return nil
		}
	}
	return []finding{warn("records", do, "the PBX itself does not write these records: %s does not run there", strings.Join(modules, ", or "))}
}

// unreadable says why the records cannot be read, and what to do.
func (s *subject) unreadable(err error) finding {
	var path *fs.PathError
	do := "see that the database runs, and that the user may read it (README: call records)"
	switch {
	case errors.Is(err, fs.ErrPermission) && errors.As(err, &path):
		do = readable(path.Path)
	case s.pbx.CDR.SQL == nil && notThere(filepath.Dir(s.pbx.CDR.CSV)):
		do = "name the file as the PBX writes it (asterisk -rx 'core show settings' tells its log directory, under which cdr-csv lies)"
	case s.pbx.CDR.SQL == nil:
		do = "name Master.csv as cdr_csv writes it"
	}
	return fail("records", do, "the call records cannot be read: %v", err)
}

func notThere(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// readable says what lets the user who runs this read a file.
func readable(path string) string {
	at := closed(path)
	return fmt.Sprintf("ls -ld %s shows which group may read it: put ringback into that group (usermod -aG asterisk ringback) and restart the daemon; if the group may not, chmod g+rX %s", at, at)
}

// closed is the outermost part of a path that may not be read or gone through.
func closed(path string) string {
	for at := string(filepath.Separator); ; {
		rest, _ := filepath.Rel(at, path)
		if f, err := os.Open(at); errors.Is(err, fs.ErrPermission) {
			// A folder that lets through and is not listed is open enough.
			if _, err := os.Stat(filepath.Join(at, strings.Split(rest, string(filepath.Separator))[0])); at == path || errors.Is(err, fs.ErrPermission) {
				return at
			}
		} else if err == nil {
			f.Close()
		}
		if at == path {
			return at
		}
		at = filepath.Join(at, strings.Split(rest, string(filepath.Separator))[0])
	}
}

// judgeRecords says what the newest records show.
func (s *subject) judgeRecords(in cdr.Inspection) []finding {
	c := &s.pbx.CDR
	if in.Records == 0 && in.Unreadable > 0 {
		return []finding{fail("records", "name Master.csv as cdr_csv writes it", "there is no call record among %s: something else writes there", counted(in.Unreadable, "line"))}
	}
	if in.Records == 0 {
		return []finding{warn("records", "place a call and run this again", "there is no call record yet")}
	}
	var list []finding
	switch columns := "write loguniqueid = yes and newcdrcolumns = yes in the section [csv] of /etc/asterisk/cdr.conf, then asterisk -rx 'module reload cdr_csv.so'"; {
	case c.SQL != nil && !(in.UniqueID && in.LinkedID):
		list = append(list, fail("records", "add the columns uniqueid and linkedid (VARCHAR(150)) to the table and see that the PBX fills them: cdr_adaptive_odbc does so by itself after asterisk -rx 'module reload cdr_adaptive_odbc.so'",
			"the records lack uniqueid or linkedid: %s", withoutColumns))
	case !in.UniqueID:
		list = append(list, fail("records", columns, "the records lack uniqueid and linkedid: %s", withoutColumns))
	case !in.LinkedID:
		list = append(list, warn("records", columns, "the records lack linkedid: %s", withoutColumns))
	}
	if ahead := in.Newest.Sub(s.now) - s.ahead; ahead > bearableRecords {
		list = append(list, warn("records", "set the clock of the PBX and run this again after the next call; with times in a zone of their own and no uniqueid nothing else can tell",
			"the newest call record ends %s in the future", long(ahead)))
	}
	if in.Unreadable > 0 {
		list = append(list, warn("records", "look for what else writes there", "%s among the newest records cannot be read", counted(in.Unreadable, "line")))
	}
	if !s.settled && !in.Alone {
		list = append(list, warn("records", "see there that asterisk -rx 'cdr show status' tells Log unanswered calls: Yes; if not, write unanswered = yes in the section [general] of /etc/asterisk/cdr.conf, then asterisk -rx 'module reload cdr'. The first record of a call that rang nobody settles it",
			"nothing tells yet whether the PBX records calls that rang nobody: who hung up in an announcement before the answer while the daemon was away might not be known"))
	}
	times := ""
	if in.Zoned {
		times = fmt.Sprintf("; their times are UTC%+.4g", in.Zone.Hours())
	}
	return append(list, good("records", "the call records can be read; the newest call in them ended %s ago%s", long(s.now.Sub(in.Newest)), times))
}

// bearableRecords is what the end of a record may lie ahead: whole seconds, and
// clocks that are set.
const bearableRecords = time.Minute

// checkRotation looks for files that Master.csv was rotated to and that cannot be
// read: a blind interval that ends after midnight may lie in them.
func checkRotation(path string) []finding {
	if path == "" {
		return nil
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return []finding{warn("records", readable(filepath.Dir(path)), "the folder %s may not be listed: what the records are rotated to is not found", filepath.Dir(path))}
	}
	var packed, shut []string
	for _, e := range entries {
		name, base := e.Name(), filepath.Base(path)
		if name == base || !strings.HasPrefix(name, base) || !e.Type().IsRegular() {
			continue
		}
		if slices.Contains([]string{".bz2", ".xz", ".zst", ".lz4", ".Z"}, filepath.Ext(name)) {
			packed = append(packed, name)
		} else if f, err := os.Open(filepath.Join(filepath.Dir(path), name)); err == nil {
			f.Close()
		} else if errors.Is(err, fs.ErrPermission) {
			shut = append(shut, name)
		}
	}
	var list []finding
	if len(packed) > 0 {
		list = append(list, warn("records", "let logrotate compress by gzip (leave out compresscmd)", "rotated records are packed so that they are not read: %s", someOf(packed)))
	}
	if len(shut) > 0 {
		list = append(list, warn("records", "write create 0640 asterisk asterisk into the logrotate entry of the records, and "+readable(filepath.Join(filepath.Dir(path), shut[0])),
			"rotated records may not be read: %s", someOf(shut)))
	}
	return list
}

// checkCoverage compares the newest calls that the daemon has watched to their
// end with the records: what is missing there would be missing after a blind
// interval too.
func (s *subject) checkCoverage(ctx context.Context, in cdr.Inspection) []finding {
	var due []leads.Seen
	for _, c := range s.seen {
		if s.now.Sub(c.Ended) > s.pbx.CDR.Wait+recordsGrace {
			due = append(due, c)
		}
	}
	if len(due) == 0 {
		return nil
	}
	oldest := due[len(due)-1].Started
	var ids []string
	for _, c := range due {
		ids = append(ids, c.Call)
	}
	source, err := cdr.Open(s.pbx.CDR)
	if err != nil {
		return []finding{s.unreadable(err)}
	}
	defer source.Close()
	ctx, cancel := context.WithTimeout(ctx, readingRecords)
	defer cancel()
	log, err := source.Read(ctx, oldest.Add(s.ahead-time.Minute), time.Time{}, ids)
	if err != nil {
		return []finding{s.unreadable(err)}
	}
	m := missingIn(log.Records, due, in.Newest.Add(-s.ahead))
	return m.tell(s, len(due), oldest)
}

// recordsGrace is what the PBX may be late beyond cdr.wait.
const recordsGrace = 5 * time.Second

// missing are calls of which no record tells.
type missing struct {
	before []leads.Seen // older than the oldest record
	after  []leads.Seen // that ended after the newest record
	amid   []leads.Seen
}

// missingIn looks for the calls in the records, the newest of which ended then.
func missingIn(records []cdr.Record, due []leads.Seen, newest time.Time) (m missing) {
	told := map[string]bool{}
	var oldest time.Time
	for i := range records {
		r := &records[i]
		told[r.UniqueID], told[r.LinkedID] = true, true
		if at := r.Start; !at.IsZero() && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	for _, c := range due {
		switch {
		case told[c.Call]:
		case c.Ended.After(newest.Add(time.Minute)):
			m.after = append(m.after, c)
		case oldest.IsZero() || c.Ended.Before(oldest.Add(-time.Minute)):
			m.before = append(m.before, c)
		default:
			m.amid = append(m.amid, c)
		}
	}
	return m
}

// tell says what is missing of the calls that the daemon has seen.
func (m missing) tell(s *subject, seen int, since time.Time) []finding {
	if len(m.before)+len(m.after)+len(m.amid) == seen {
		return []finding{fail("records", "name the records of this PBX: asterisk -rx 'cdr show status' there tells where it writes, and whether it does",
			"none of the last %s that the daemon has seen is in the call records: they are not this PBX's, or it writes none", counted(seen, "call"))}
	}
	var list []finding
	if n := len(m.after); n > 0 {
		list = append(list, warn("records", "see that the PBX still writes (asterisk -rx 'cdr show status'); in batch mode set cdr.wait to more than the time that it shows as maximum batch time",
			"the last %s that the daemon has seen, up to %s ago, ended after the newest record was written", counted(n, "call"), long(s.now.Sub(m.after[n-1].Ended))))
	}
	if n := len(m.before); n > 0 {
		list = append(list, warn("records", "let logrotate keep the rotated files beside Master.csv for a week (rotate 7, no olddir), under names such as Master.csv.1, Master.csv-20261122 or these with .gz",
			"%s that the daemon has seen, up to %s ago, are older than the oldest record that is found: rotation hides records", counted(n, "call"), long(s.now.Sub(m.before[0].Ended))))
	}
	if n := len(m.amid); n > 0 {
		var reasons []string
		for _, c := range m.amid {
			reasons = append(reasons, string(c.Reason))
		}
		list = append(list, warn("records", "write unanswered = yes in the section [general] of /etc/asterisk/cdr.conf (FreePBX: of cdr_general_custom.conf), then asterisk -rx 'module reload cdr'; if it stands there, look for what else holds records back (NoCDR, CDR_PROP(disable))",
			"%d of the last %s that the daemon has seen are not in the call records (%s): such calls would not be found after it was away", n, counted(seen, "call"), someOf(reasons)))
	}
	if len(list) == 0 {
		list = append(list, good("records", "all of the last %s that the daemon has seen, since %s ago, are in the call records", counted(seen, "call"), long(s.now.Sub(since))))
	}
	return list
}

// judgeQueueLog says whether the queues' log tells what it is read for.
func (s *subject) judgeQueueLog(in cdr.Inspection) []finding {
	inQueue := slices.IndexFunc(s.seen, func(c leads.Seen) bool {
		return slices.Contains([]routing.Reason{routing.AbandonedQueue, routing.QueueTimeout, routing.QueueFull, routing.QueueEmpty, routing.QueueKey}, c.Reason)
	})
	path := s.pbx.CDR.QueueLog
	switch {
	case path == "" && inQueue >= 0:
		return []finding{good("queue_log", "cdr.queue_log is not named: why callers left a queue while the daemon was away is told more coarsely")}
	case path == "":
		return nil
	case errors.Is(in.QueueTrouble, fs.ErrPermission):
		return []finding{warn("queue_log", readable(path), "the log of queues cannot be read: %v", in.QueueTrouble)}
	case in.QueueTrouble != nil:
		return []finding{warn("queue_log", "name it as the PBX writes it, or leave cdr.queue_log out", "the log of queues cannot be read: %v", in.QueueTrouble)}
	case inQueue >= 0 && in.Queue.Before(s.seen[inQueue].Started.Add(s.ahead-time.Minute)):
		return []finding{warn("queue_log", "write queue_log = yes in the section [general] of /etc/asterisk/logger.conf, then asterisk -rx 'logger reload'",
			"the daemon has seen a caller in a queue %s ago, and the log of queues %s does not know of it", long(s.now.Sub(s.seen[inQueue].Ended)), path)}
	}
	return []finding{good("queue_log", "the log of queues can be read")}
}
