package cdr

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What Asterisk writes with each setting of cdr.conf, the zone two hours ahead.
func TestCSVLayouts(t *testing.T) {
	for name, c := range map[string]struct {
		added, unique, linked, userfield string
		sequence                         int64
	}{
		"plain":      {"", "", "", "", -1},
		"uniqueid":   {`,"1795377600.7"`, "1795377600.7", "", "", -1},
		"system":     {`,"my-pbx-2-1795377600.7"`, "my-pbx-2-1795377600.7", "", "", -1},
		"userfield":  {`,"of ""us"""`, "", "", `of "us"`, -1},
		"both":       {`,"1795377600.7","us"`, "1795377600.7", "", "us", -1},
		"new":        {`,"peer","1795377600.6",12`, "", "1795377600.6", "", 12},
		"new, id":    {`,"1795377600.7","peer","1795377600.6",12`, "1795377600.7", "1795377600.6", "", 12},
		"new, field": {`,"","peer","1795377600.6",12`, "", "1795377600.6", "", 12},
		"all":        {`,"1795377600.7","us","peer","1795377600.6",12`, "1795377600.7", "1795377600.6", "us", 12},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "Master.csv")
			row := `"acc","+4930","100","in","""A"" <+4930>","PJSIP/t-1","PJSIP/101-2","Dial","PJSIP/101,5",` +
				`"2026-11-22 22:00:00",,"2026-11-22 22:00:05",5,0,"NO ANSWER","DOCUMENTATION"` + c.added + "\n"
			if err := os.WriteFile(path, []byte(row), 0o600); err != nil {
				t.Fatal(err)
			}
			start := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
			if err := os.Chtimes(path, start, start.Add(9*time.Second)); err != nil {
				t.Fatal(err)
			}
			log, err := csvSource{path}.Read(t.Context(), start.Add(-time.Minute), time.Time{}, nil)
			if err != nil || len(log.Records) != 1 || log.Unreadable != 0 {
				t.Fatalf("%+v, %v", log, err)
			}
			want := Record{
				UniqueID: c.unique, LinkedID: c.linked, Start: start, End: start.Add(5 * time.Second), Duration: 5 * time.Second,
				CallerID: `"A" <+4930>`, Source: "+4930", Dialed: "100", Context: "in", Channel: "PJSIP/t-1", Peer: "PJSIP/101-2",
				App: "Dial", AppData: "PJSIP/101,5", Disposition: NoAnswer, Account: "acc", UserField: c.userfield, Sequence: c.sequence,
			}
			if c.unique != "" {
				want.Began = start
			}
			if log.Records[0] != want {
				t.Errorf("read %+v,\nwant %+v", log.Records[0], want)
			}
		})
	}
}

// Of half a row and the whole one behind it on the same line only the whole one is
// read, wherever the first was cut and whatever what was dialed goes on with on
// the next line.
func TestCSVHalfARow(t *testing.T) {
	for name, p := range map[string]pen{"id": {unique: true}, "field": {userfield: true}, "both": {unique: true, userfield: true}, "all": {unique: true, userfield: true, news: true}} {
		p.zone = time.UTC
		r := callAt(dayEnd, 7)
		r.Source, r.Dialed, r.UserField = "", ",\"\"\n", "us"
		row := p.row(r)
		for half := range len(row) - 1 {
			path := filepath.Join(t.TempDir(), "Master.csv")
			writeFile(t, path, row[:half]+row)
			log, err := csvSource{path}.Read(t.Context(), dayEnd.Add(-time.Hour), time.Time{}, nil)
			if err != nil || len(log.Records) != 1 || log.Records[0].UniqueID != p.left(r).UniqueID || log.Records[0].UserField != p.left(r).UserField {
				t.Fatalf("%s, behind %q: %+v, %v", name, row[:half], log.Records, err)
			}
		}
	}
}
