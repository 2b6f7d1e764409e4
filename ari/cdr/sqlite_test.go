package cdr

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari/pbx"
)

// What Asterisk itself writes into SQLite, of calls whose names are hostile, is
// read as from its CSV, and so are the events.
func TestAsteriskSQLite(t *testing.T) {
	t.Setenv("TZ", "Asia/Kathmandu") // Asterisk's, not ours
	root, err := pbx.Install(t.Context(), pbx.Asterisk22, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := pbx.Start(t.Context(), root, pbx.Options{
		Dir: t.TempDir(), Extensions: dialplan(), Files: map[string]string{
			"modules.conf": "[modules]\nautoload = yes\nnoload = chan_iax2.so\nnoload = chan_mgcp.so\nnoload = chan_skinny.so\nnoload = chan_unistim.so\nnoload = pbx_dundi.so\n",
			"cdr.conf":     "[general]\nunanswered=yes\n[csv]\nloguniqueid=yes\nloguserfield=yes\nnewcdrcolumns=yes\n",
			"cdr_sqlite3_custom.conf": "[master]\ntable => cdr\ncolumns => calldate, clid, dcontext, channel, dstchannel, lastapp, lastdata, duration, billsec, disposition, uniqueid, linkedid, userfield, src, dst, \"End\", Sequence\n" +
				"values => '${CDR(start)}','${CDR(clid)}','${CDR(dcontext)}','${CDR(channel)}','${CDR(dstchannel)}','${CDR(lastapp)}','${CDR(lastdata)}','${CDR(duration)}','${CDR(billsec)}','${CDR(disposition)}','${CDR(uniqueid)}','${CDR(linkedid)}','${CDR(userfield)}','${CDR(src)}','${CDR(dst)}','${CDR(end)}','${CDR(sequence)}'\n",
			"cel_sqlite3_custom.conf": "[master]\ntable => cel\ncolumns => eventtype, eventtime, cid_name, cid_num, exten, context, channame, appname, appdata, uniqueid, linkedid, peer, extra\n" +
				"values => '${eventtype}','${eventtime}','${CALLERID(name)}','${CALLERID(num)}','${CHANNEL(exten)}','${CHANNEL(context)}','${CHANNEL(channame)}','${CHANNEL(appname)}','${CHANNEL(appdata)}','${CHANNEL(uniqueid)}','${CHANNEL(linkedid)}','${BRIDGEPEER}','${eventextra}'\n",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for ext := range len(hostile) {
		run(t, inst, fmt.Sprintf("channel originate Local/%d@x application Wait 1", ext))
	}
	src := source(t, SQL{Engine: SQLite, Address: filepath.Join(inst.Dir, "log/master.db"), Records: "cdr", Events: "cel"})
	kinds := map[string]int{}
	var bySQL Log
	for waited := time.Now(); kinds["LINKEDID_END"] < len(hostile) || len(called(bySQL.Records)) < len(hostile); time.Sleep(20 * time.Millisecond) {
		// Before the first row there is no table yet.
		if bySQL, err = src.Read(t.Context(), began.Add(-time.Minute), time.Time{}, nil); time.Since(waited) > 20*time.Second {
			t.Fatalf("%d records, events %v, %v, %v", len(bySQL.Records), kinds, err, bySQL.Coarser)
		}
		clear(kinds)
		for _, e := range bySQL.Events {
			kinds[e.Type]++
		}
	}
	if err := inst.Stop(); err != nil {
		t.Error(err)
	}
	byCSV, err := csvSource{inst.CDRFile}.Read(t.Context(), began.Add(-time.Minute), time.Time{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bySQL, err = src.Read(t.Context(), began.Add(-time.Minute), time.Time{}, nil); err != nil || bySQL.Coarser != nil || bySQL.Unreadable != 0 {
		t.Fatal(err, bySQL.Coarser, bySQL.Unreadable)
	}
	compare(t, bySQL.Records, byCSV.Records)
	for _, e := range bySQL.Events {
		if e.At.Before(began.Add(-2*time.Second)) || e.At.After(time.Now()) {
			t.Errorf("%s at %v, want it after %v", e.Type, e.At, began)
		}
	}
	if kinds[chanStart] != 2*len(hostile) || kinds["CHAN_END"] != 2*len(hostile) {
		t.Errorf("of %d calls between two channels there are the events %v", len(hostile), kinds)
	}
}

// shapes are tables as other modules of Asterisk, and administrators, make them:
// what is put into them, and what is read.
var shapes = map[string]struct {
	create, insert string
	zone           time.Duration
	change         func(*Record)
}{
	"cdr_sqlite3_custom": {
		"CREATE TABLE cdr (AcctId INTEGER PRIMARY KEY, calldate TEXT, clid TEXT, dcontext TEXT, channel TEXT, dstchannel TEXT, lastapp TEXT, lastdata TEXT, duration INTEGER, billsec INTEGER, disposition TEXT, uniqueid TEXT)",
		"INSERT INTO cdr (calldate, clid, dcontext, channel, dstchannel, lastapp, lastdata, duration, billsec, disposition, uniqueid) VALUES (CALLDATE, 'Anna', 'in', 'PJSIP/t-1', 'PJSIP/101-2', 'Dial', 'x', '9', '5', 'ANSWERED', ID)",
		3 * time.Hour, func(r *Record) { r.LinkedID = "" },
	},
	"capitals, another order, each time": {
		`CREATE TABLE cdr (UniqueID, "END" DATETIME, "Answer" DATETIME, "START" DATETIME, LINKEDID, Channel, DstChannel, DContext, LastApp, LastData, Disposition, CLID, amaflags)`,
		"INSERT INTO cdr VALUES (ID, DONE, TALK, CALLDATE, ID, 'PJSIP/t-1', 'PJSIP/101-2', 'in', 'Dial', 'x', 'answered', 'Anna', 3)",
		-9*time.Hour - 30*time.Minute, nil,
	},
	"seconds since 1970, numbers for words": {
		"CREATE TABLE cdr (start REAL, uniqueid, linkedid, channel, dstchannel, dcontext, lastapp, lastdata, disposition INTEGER, clid, duration, billsec)",
		"INSERT INTO cdr VALUES (EPOCH, ID, ID, 'PJSIP/t-1', 'PJSIP/101-2', 'in', 'Dial', 'x', 8, 'Anna', 9.0, '5.000000')",
		0, nil,
	},
}

func TestShapes(t *testing.T) {
	for name, c := range shapes {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "master.db")
			db, err := sql.Open("sqlite", file)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec(c.create); err != nil {
				t.Fatal(err)
			}
			var want []Record
			start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
			for i := range 20 {
				at := start.Add(time.Duration(i) * 10 * time.Minute)
				id := fmt.Sprintf("pbx-1-%d.%d", at.Unix(), i)
				wall := func(after time.Duration) string { return at.Add(after + c.zone).Format("'2006-01-02 15:04:05'") }
				text := strings.NewReplacer("ID)", "'"+id+"')", "(ID", "('"+id+"'", " ID", "'"+id+"'", "CALLDATE", wall(0), "TALK", wall(4*time.Second), "DONE", wall(9*time.Second), "EPOCH", fmt.Sprint(at.Unix())).
					Replace(c.insert[strings.Index(c.insert, "VALUES"):])
				if _, err := db.Exec(c.insert[:strings.Index(c.insert, "VALUES")] + text); err != nil {
					t.Fatal(text, err)
				}
				r := Record{
					UniqueID: id, LinkedID: id, Began: at, Start: at, Answer: at.Add(4 * time.Second), End: at.Add(9 * time.Second), Duration: 9 * time.Second, Billed: 5 * time.Second,
					CallerID: "Anna", Context: "in", Channel: "PJSIP/t-1", Peer: "PJSIP/101-2", App: "Dial", AppData: "x", Disposition: Answered, Sequence: -1,
				}
				if c.change != nil {
					c.change(&r)
				}
				want = append(want, r)
			}
			src := source(t, SQL{Engine: SQLite, Address: file, Records: "cdr"})
			log, err := src.Read(t.Context(), start, time.Time{}, nil)
			if err != nil || log.Unreadable != 0 {
				t.Fatal(err, log.Unreadable)
			}
			compare(t, log.Records, want)
			// Of what began before only the named call comes.
			log, err = src.Read(t.Context(), start.Add(3*time.Hour+9*time.Minute), time.Time{}, []string{want[3].UniqueID})
			if got := ids(log.Records); err != nil || !slices.Equal(got, []string{want[3].UniqueID, want[19].UniqueID}) {
				t.Errorf("named: %q, %v", got, err)
			}
			log, err = src.Read(t.Context(), want[5].Began, want[9].Began, []string{want[3].UniqueID})
			if got := ids(log.Records); err != nil || !slices.Equal(got, ids(append(slices.Clone(want[3:4]), want[5:9]...))) {
				t.Errorf("between: %q, %v", got, err)
			}
		})
	}
}
