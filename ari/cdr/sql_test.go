package cdr

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/pbx/database"
)

// freePBX are the tables of a FreePBX: its cdr without an index on linkedid, its
// cel without one on eventtime. The engine is put in: old ones have MyISAM.
const freePBX = `
CREATE TABLE cdr (calldate datetime NOT NULL DEFAULT '1000-01-01 00:00:00', clid varchar(80) NOT NULL DEFAULT '', src varchar(80) NOT NULL DEFAULT '',
 dst varchar(80) NOT NULL DEFAULT '', dcontext varchar(80) NOT NULL DEFAULT '', channel varchar(80) NOT NULL DEFAULT '', dstchannel varchar(80) NOT NULL DEFAULT '',
 lastapp varchar(80) NOT NULL DEFAULT '', lastdata varchar(80) NOT NULL DEFAULT '', duration int(11) NOT NULL DEFAULT 0, billsec int(11) NOT NULL DEFAULT 0,
 disposition varchar(45) NOT NULL DEFAULT '', amaflags int(11) NOT NULL DEFAULT 0, accountcode varchar(20) NOT NULL DEFAULT '', uniqueid varchar(32) NOT NULL DEFAULT '',
 userfield varchar(255) NOT NULL DEFAULT '', did varchar(50) NOT NULL DEFAULT '', recordingfile varchar(255) NOT NULL DEFAULT '', cnum varchar(80) NOT NULL DEFAULT '',
 cnam varchar(80) NOT NULL DEFAULT '', linkedid varchar(32) NOT NULL DEFAULT '', peeraccount varchar(80) NOT NULL DEFAULT '', sequence int(11) NOT NULL DEFAULT 0,
 KEY calldate (calldate), KEY dst (dst), KEY accountcode (accountcode), KEY uniqueid (uniqueid), KEY did (did)) ENGINE=%[1]s;
CREATE TABLE cel (id int(11) NOT NULL AUTO_INCREMENT, eventtype varchar(30) NOT NULL, eventtime datetime NOT NULL, cid_name varchar(80) NOT NULL DEFAULT '',
 cid_num varchar(80) NOT NULL DEFAULT '', cid_ani varchar(80) NOT NULL DEFAULT '', cid_rdnis varchar(80) NOT NULL DEFAULT '', cid_dnid varchar(80) NOT NULL DEFAULT '',
 exten varchar(80) NOT NULL DEFAULT '', context varchar(80) NOT NULL DEFAULT '', channame varchar(80) NOT NULL DEFAULT '', appname varchar(80) NOT NULL DEFAULT '',
 appdata varchar(255) NOT NULL DEFAULT '', amaflags int(11) NOT NULL DEFAULT 0, accountcode varchar(20) NOT NULL DEFAULT '', uniqueid varchar(32) NOT NULL,
 linkedid varchar(32) NOT NULL, peer varchar(80) NOT NULL DEFAULT '', userdeftype varchar(255) NOT NULL DEFAULT '', extra varchar(512) NOT NULL DEFAULT '',
 PRIMARY KEY (id), KEY uniqueid_index (uniqueid), KEY linkedid_index (linkedid), KEY context_index (context)) ENGINE=%[1]s`

// shelf is a real MariaDB with the tables of a FreePBX, and how Ringback would be
// configured for it: as somebody who may only read.
type shelf struct {
	*database.MariaDB
	admin  *sql.DB
	config SQL
}

func newShelf(t *testing.T, engine string) *shelf {
	t.Helper()
	root, err := database.Install(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	m, err := database.Start(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Stop(); err != nil {
			t.Error(err)
		}
	})
	admin, err := openMySQL(SQL{Address: m.Socket, Username: m.User}, m.Password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close() })
	s := &shelf{MariaDB: m, admin: admin, config: SQL{
		Engine: MySQL, Address: m.Address, Database: "asteriskcdrdb", Username: "reader", Records: "cdr", Events: "cel", Password: ari.NewSecret(secret),
	}}
	s.do(t, "CREATE DATABASE asteriskcdrdb", "CREATE USER reader@'%' IDENTIFIED BY '"+strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(secret)+"'", "GRANT SELECT ON asteriskcdrdb.* TO reader@'%'")
	if s.admin, err = openMySQL(SQL{Address: m.Socket, Username: m.User, Database: "asteriskcdrdb"}, m.Password); err != nil {
		t.Fatal(err)
	}
	s.admin.SetMaxIdleConns(2)
	t.Cleanup(func() { s.admin.Close() })
	s.do(t, strings.Split(fmt.Sprintf(freePBX, engine), ";")...)
	return s
}

// secret is a password that must not be seen.
const secret = "hunter2'\\ "

func (s *shelf) do(t *testing.T, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := s.admin.Exec(statement); err != nil {
			t.Fatalf("%.200s: %v", statement, err)
		}
	}
}

func source(t *testing.T, c SQL) Source {
	t.Helper()
	s, err := Open(Config{SQL: &c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// put writes records as FreePBX does, by the clock of a zone.
func (s *shelf) put(t *testing.T, zone *time.Location, records ...Record) {
	t.Helper()
	for _, r := range records {
		_, err := s.admin.Exec("INSERT INTO cdr (calldate, clid, src, dst, did, dcontext, channel, dstchannel, lastapp, lastdata, duration, billsec, disposition, accountcode, userfield, uniqueid, linkedid, sequence)"+
			" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", r.Start.In(zone).Format(time.DateTime), r.CallerID, r.Source, r.Dialed, r.DID, r.Context, r.Channel, r.Peer, r.App, r.AppData,
			int(r.Duration.Seconds()), int(r.Billed.Seconds()), string(r.Disposition), r.Account, r.UserField, r.UniqueID, r.LinkedID, r.Sequence)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// callAt is a record of a call that began at a time.
func callAt(began time.Time, sequence int64) Record {
	id := fmt.Sprintf("%d.%d", began.Unix(), sequence)
	return Record{
		UniqueID: id, LinkedID: id, Began: began, Start: began, End: began.Add(9 * time.Second), Duration: 9 * time.Second,
		CallerID: `"Anna" <+4930123>`, Source: "+4930123", Dialed: "600", DID: "4930999", Context: "ext-group", Channel: "PJSIP/trunk-" + id, Peer: "PJSIP/101-" + id,
		App: "Dial", AppData: "PJSIP/101/sip:101@10.0.0.1,15,Ttr", Disposition: NoAnswer, Sequence: sequence,
	}
}

func answered(r Record, after time.Duration) Record {
	r.Disposition, r.Answer, r.Billed = Answered, r.Start.Add(after), r.Duration-after
	return r
}

// compare reads what was written, and wants it back as it was.
func compare(t *testing.T, got, want []Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d records were read, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("record %d: read %+v,\nwant %+v", i, got[i], want[i])
		}
	}
}

func ids(records []Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, r.UniqueID)
	}
	return all
}

// What FreePBX keeps is read as it was, with the times in UTC, over summer time
// that ends, from what callers choose to be called, and around rows that are none.
func TestFreePBX(t *testing.T) {
	s := newShelf(t, "InnoDB")
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	change := time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC) // 3:00 becomes 2:00
	var want []Record
	for i := range 60 {
		r := callAt(change.Add(time.Duration(i-30)*4*time.Minute), int64(i))
		if i%3 == 0 {
			r = answered(r, 4*time.Second)
		}
		want = append(want, r)
	}
	for i, name := range []string{`"'; DROP TABLE cdr; -- " <+1>`, `"\" <a>`, "\x00\x01\x7f\u202e", "Ω🙂\r\n\t", strings.Repeat("x", 80), "%s%n$1?"} {
		want[i].CallerID, want[i].AppData, want[i].UserField = name, name, name
	}
	// A channel that a program named has no epoch: its neighbours tell the zone.
	own := callAt(change.Add(-91*time.Minute), 100)
	own.UniqueID, own.LinkedID, own.Began = "ringback-a1", "ringback-a1", time.Time{}
	// A second record of a channel, half an hour later.
	second := callAt(want[3].Began, 101)
	second.UniqueID, second.LinkedID, second.Start, second.End = want[3].UniqueID, want[3].LinkedID, want[3].Start.Add(30*time.Minute), want[3].End.Add(30*time.Minute)
	s.put(t, berlin, want...)
	s.put(t, berlin, own, second)
	s.do(t, "INSERT INTO cdr (calldate, channel) VALUES ('2026-10-25 04:00:00', 'PJSIP/nobody')", "INSERT INTO cdr (calldate, uniqueid) VALUES ('2026-10-25 04:00:00', '1792893600.1')")
	all := append(slices.Clone(want), own, second)
	inOrder(all)

	for name, address := range map[string]string{"port": s.Address, "socket": s.Socket} {
		t.Run(name, func(t *testing.T) {
			c := s.config
			c.Address = address
			log, err := source(t, c).Read(t.Context(), change.Add(-2*time.Hour), time.Time{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, log.Records, all)
			if log.Unreadable != 2 || log.Coarser != nil {
				t.Errorf("%d unreadable, %v", log.Unreadable, log.Coarser)
			}
		})
	}
	t.Run("named", func(t *testing.T) {
		since := change.Add(24 * time.Hour)
		linked := callAt(want[7].Began, 102)
		linked.UniqueID = fmt.Sprintf("%d.102", linked.Began.Unix())
		linked.LinkedID = want[7].UniqueID
		s.put(t, berlin, linked)
		s.put(t, berlin, callAt(since.Add(time.Hour), 200), callAt(since.Add(2*time.Hour), 201))
		src := source(t, s.config)
		for _, c := range []struct{ calls, want []string }{
			{nil, nil},
			{[]string{want[3].UniqueID}, []string{want[3].UniqueID, want[3].UniqueID}},
			{[]string{want[7].UniqueID, "1792893600.99", "", "' OR 1=1 -- "}, []string{want[7].UniqueID, linked.UniqueID}},
			{[]string{fmt.Sprintf("%d.200", since.Add(time.Hour).Unix())}, nil},
			{[]string{"ringback-a1", want[40].UniqueID}, []string{"ringback-a1", want[40].UniqueID}},
		} {
			log, err := src.Read(t.Context(), since, time.Time{}, c.calls)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := ids(log.Records), append(c.want, fmt.Sprintf("%d.200", since.Add(time.Hour).Unix()), fmt.Sprintf("%d.201", since.Add(2*time.Hour).Unix())); !slices.Equal(got, want) {
				t.Errorf("%q: read %q, want %q", c.calls, got, want)
			}
		}
	})
	t.Run("inspect", func(t *testing.T) {
		in, err := Inspect(t.Context(), Config{SQL: &s.config})
		if err != nil || in.Records != 65 || !in.UniqueID || !in.LinkedID || in.Zone != time.Hour || !in.Zoned || !slices.Equal(in.Contexts, []string{"ext-group"}) {
			t.Errorf("%+v, %v", in, err)
		}
	})
}

// Events come with the calls that they tell of, in their order, also where only
// the records tell the zone.
func TestFreePBXEvents(t *testing.T) {
	s := newShelf(t, "InnoDB")
	zone := time.FixedZone("", 5*3600+45*60)
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	var want []Event
	for i := range 50 {
		r := callAt(start.Add(time.Duration(i)*time.Minute), int64(i))
		s.put(t, zone, r)
		for step, kind := range []string{"CHAN_START", "APP_START", "HANGUP", "CHAN_END", "LINKEDID_END"} {
			e := Event{
				Type: kind, At: r.Start.Add(time.Duration(step/2) * time.Second), UniqueID: r.UniqueID, LinkedID: r.LinkedID, Channel: r.Channel, Peer: r.Peer,
				CallerName: `An"n'a🙂`, CallerNumber: "+4930123", DNID: "600", Exten: "600", Context: "ext-group", App: "Dial", AppData: "x", Extra: `{"hangupcause":16}`,
			}
			want = append(want, e)
			_, err := s.admin.Exec("INSERT INTO cel (eventtype, eventtime, cid_name, cid_num, cid_dnid, exten, context, channame, appname, appdata, uniqueid, linkedid, peer, extra) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				e.Type, e.At.In(zone).Format(time.DateTime), e.CallerName, e.CallerNumber, e.DNID, e.Exten, e.Context, e.Channel, e.App, e.AppData, e.UniqueID, e.LinkedID, e.Peer, e.Extra)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	src := source(t, s.config)
	read := func(since time.Time, calls ...string) []Event {
		t.Helper()
		log, err := src.Read(t.Context(), since, time.Time{}, calls)
		if err != nil || log.Coarser != nil {
			t.Fatal(err, log.Coarser)
		}
		return log.Events
	}
	if got := read(start); !reflect.DeepEqual(got, want) {
		t.Errorf("%d events, the first of them %+v, want %d, %+v", len(got), got[:1], len(want), want[0])
	}
	if got := read(start.Add(24 * time.Hour)); len(got) != 0 {
		t.Errorf("%d events of the past", len(got))
	}
	if got := read(start.Add(24*time.Hour), want[10].LinkedID); !reflect.DeepEqual(got, want[10:15]) {
		t.Errorf("of a named call: %+v", got)
	}
	if got := read(start.Add(20*time.Minute), want[10].LinkedID); !reflect.DeepEqual(got, append(slices.Clone(want[10:15]), want[100:]...)) {
		t.Errorf("of a named call and those after: %d events", len(got))
	}
	if log, err := src.Read(t.Context(), start.Add(10*time.Minute), start.Add(20*time.Minute), []string{want[5].LinkedID}); err != nil || !reflect.DeepEqual(log.Events, append(slices.Clone(want[5:10]), want[50:100]...)) {
		t.Errorf("of a named call and those of ten minutes: %d events, %v", len(log.Events), err)
	}
	s.do(t, "UPDATE cel SET eventtype = 'USER_DEFINED' WHERE eventtype = 'CHAN_START'")
	if got := read(start); len(got) != len(want) || !got[0].At.Equal(want[0].At) {
		t.Errorf("without beginnings of channels: %d events, the first at %v", len(got), got[0].At)
	}
	s.do(t, "DROP TABLE cel")
	log, err := src.Read(t.Context(), start, time.Time{}, nil)
	if err != nil || len(log.Records) != 50 || log.Coarser == nil || !strings.Contains(log.Coarser.Error(), "cel") {
		t.Errorf("without the table: %d records, %v, coarser: %v", len(log.Records), err, log.Coarser)
	}
}

// scanned is how many rows the server has read one after the other, without an
// index.
func (s *shelf) scanned(t *testing.T) (rows int) {
	t.Helper()
	var name string
	if err := s.admin.QueryRow("SHOW GLOBAL STATUS LIKE 'Handler_read_rnd_next'").Scan(&name, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// Half a million rows lie before those that are asked for, and cost nothing.
func TestFreePBXIsLarge(t *testing.T) {
	s := newShelf(t, "MyISAM") // as old ones have it: it is filled more quickly
	const old = 500_000
	s.do(t, fmt.Sprintf("INSERT INTO cdr (calldate, channel, uniqueid, linkedid, disposition, sequence) SELECT FROM_UNIXTIME(1700000000 + seq * 60), 'PJSIP/x', CONCAT(1700000000 + seq * 60, '.', seq), CONCAT(1700000000 + seq * 60, '.', seq), 'NO ANSWER', seq FROM seq_1_to_%d", old),
		fmt.Sprintf("INSERT INTO cel (eventtype, eventtime, uniqueid, linkedid) SELECT 'CHAN_START', FROM_UNIXTIME(1700000000 + seq * 60), CONCAT(1700000000 + seq * 60, '.', seq), CONCAT(1700000000 + seq * 60, '.', seq) FROM seq_1_to_%d", old),
		"ANALYZE TABLE cdr, cel")
	newest := time.Unix(1700000000+old*60, 0)
	src := source(t, s.config)
	var named []string
	for i := range 300 {
		named = append(named, fmt.Sprintf("%d.%d", 1700000000+(old-20000+i)*60, old-20000+i))
	}
	for what, calls := range map[string][]string{"the newest": nil, "and 300 named ones": named} {
		began, scanned := time.Now(), s.scanned(t)
		log, err := src.Read(t.Context(), newest.Add(-10*time.Minute), time.Time{}, calls)
		took := time.Since(began)
		if err != nil || log.Coarser != nil {
			t.Fatal(err, log.Coarser)
		}
		want := 11 + len(calls)
		if len(log.Records) != want || len(log.Events) != want {
			t.Errorf("%s: %d records and %d events, want %d", what, len(log.Records), len(log.Events), want)
		}
		t.Logf("%s of %d records and as many events: %v", what, old, took)
		if more := s.scanned(t) - scanned; more > old/10 {
			t.Errorf("%s: %d rows were read without an index", what, more)
		}
	}
}

// leash is a way to a server that counts what comes back, and can hold it.
type leash struct {
	net.Listener
	bytes atomic.Int64
	held  chan struct{} // closed when after bytes have passed
	rest  chan struct{} // closed to let the rest pass
	once  sync.Once
}

func newLeash(t *testing.T, to string, after int64) *leash {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &leash{Listener: l, held: make(chan struct{}), rest: make(chan struct{})}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp4", to)
			if err != nil {
				near.Close()
				continue
			}
			open.Go(func() { io.Copy(far, near); far.Close() })
			open.Go(func() { p.back(near, far, after); near.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); open.Wait() })
	return p
}

func (p *leash) back(near, far net.Conn, after int64) {
	buffer := make([]byte, 4096)
	for {
		n, err := far.Read(buffer)
		if p.bytes.Add(int64(n)) > after {
			p.once.Do(func() { close(p.held) })
			<-p.rest
		}
		if _, bad := near.Write(buffer[:n]); err != nil || bad != nil {
			return
		}
	}
}

// A server that dies while it is read makes one Read fail, and the next gives
// all, nothing twice.
func TestServerDiesDuringRead(t *testing.T) {
	s := newShelf(t, "InnoDB")
	const rows = 50_000
	s.do(t, fmt.Sprintf("INSERT INTO cdr (calldate, channel, uniqueid, linkedid, disposition, sequence) SELECT FROM_UNIXTIME(1700000000 + seq), 'PJSIP/x', CONCAT(1700000000 + seq, '.', seq), CONCAT(1700000000 + seq, '.', seq), 'NO ANSWER', seq FROM seq_1_to_%d", rows))
	p := newLeash(t, s.Address, 500_000)
	c := s.config
	c.Address = p.Addr().String()
	src := source(t, c)
	failed := make(chan error)
	go func() {
		_, err := src.Read(context.WithoutCancel(t.Context()), time.Unix(1700000000, 0), time.Time{}, nil)
		failed <- err
	}()
	<-p.held
	s.Kill()
	close(p.rest)
	if err := <-failed; err == nil || !strings.HasPrefix(err.Error(), "cdr: mysql asteriskcdrdb.cdr at "+c.Address+": read the table cdr: ") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the server died, and Read says %v", err)
	}
	if _, err := src.Read(t.Context(), time.Unix(1700000000, 0), time.Time{}, nil); err == nil {
		t.Error("nobody serves, and Read says nothing")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	log, err := src.Read(t.Context(), time.Unix(1700000000, 0), time.Time{}, nil)
	if err != nil || len(log.Records) != rows {
		t.Fatalf("%d records, %v", len(log.Records), err)
	}
	for i, r := range log.Records {
		if r.Sequence != int64(i+1) {
			t.Fatalf("record %d has the sequence %d", i, r.Sequence)
		}
	}
}

// What is wrong is said with the place, and without the password.
func TestSQLErrors(t *testing.T) {
	s := newShelf(t, "InnoDB")
	s.do(t, "CREATE TABLE short (calldate datetime, uniqueid varchar(32))", "CREATE DATABASE other")
	nobody, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "text.db"), []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*SQL){
		"the table none: ": func(c *SQL) { c.Records = "none" },
		"the table short has no column channel, which tells who called: add it": func(c *SQL) { c.Records = "short" },
		"Access denied for user 'reader'":                                       func(c *SQL) { c.Password = ari.NewSecret("hunter2") },
		"Access denied for user 'reader'@'%' to database 'other'":               func(c *SQL) { c.Database = "other" },
		"connection refused":        func(c *SQL) { c.Address = nobody.Addr().String() },
		"no such file or directory": func(c *SQL) { *c = SQL{Engine: SQLite, Address: folder + "/none.db", Records: "cdr"} },
		"file is not a database":    func(c *SQL) { *c = SQL{Engine: SQLite, Address: folder + "/text.db", Records: "cdr"} },
	} {
		c := s.config
		change(&c)
		_, err := source(t, c).Read(t.Context(), time.Now(), time.Time{}, nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "cdr: "+c.name()+": ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q, want %q", err, want)
		}
		if _, err := Inspect(t.Context(), Config{SQL: &c}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Inspect says %q, want %q", err, want)
		}
	}
	if _, err := source(t, SQL{Engine: Postgres, Address: nobody.Addr().String(), Records: "cdr", Username: "u", Database: "d", Password: ari.NewSecret(secret)}).Read(t.Context(), time.Now(), time.Time{}, nil); err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%q", err)
	}
	for _, bad := range []SQL{{Engine: "oracle", Records: "cdr"}, {Engine: MySQL}, {Engine: MySQL, Records: "cdr; DROP TABLE cdr"}, {Engine: MySQL, Records: "cdr", Events: "`cel`"}} {
		if _, err := Open(Config{SQL: &bad}); err == nil {
			t.Errorf("%+v was opened", bad)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source(t, s.config).Read(ended, time.Now(), time.Time{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}
