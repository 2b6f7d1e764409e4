package cdr

import (
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestReadAtOnce lets several read the same Source: who looks after the calls out does,
// while what a gap has hidden is looked for.
func TestReadAtOnce(t *testing.T) {
	folder := t.TempDir()
	text, records := day(100)
	csv, file := filepath.Join(folder, "Master.csv"), filepath.Join(folder, "master.db")
	writeFile(t, csv, text)
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE cdr (start, uniqueid, linkedid, channel, dstchannel, dcontext, lastapp, lastdata, disposition, clid, duration, billsec)"); err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if _, err := db.Exec("INSERT INTO cdr VALUES (?, ?, ?, 'PJSIP/t-1', '', 'in', 'Dial', 'x', 'NO ANSWER', '', 1, 0)", r.Start.Format("2006-01-02 15:04:05"), r.UniqueID, r.UniqueID); err != nil {
			t.Fatal(err)
		}
	}
	for _, src := range []Source{csvSource{csv}, source(t, SQL{Engine: SQLite, Address: file, Records: "cdr"})} {
		var readers sync.WaitGroup
		for range 8 {
			readers.Go(func() {
				if log, err := src.Read(t.Context(), dayEnd.Add(-time.Hour), time.Time{}, nil); err != nil || len(log.Records) != len(records) {
					t.Errorf("%s: %d records, %v", src.Name(), len(log.Records), err)
				}
			})
		}
		readers.Wait()
	}
}
