package main

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// recordsTail is how much of the end of the call records is read.
const recordsTail = 64 << 10

// readRecords reads the newest call records, as cdr_csv writes them: oldest
// first, what is not whole left out.
func readRecords(path string) ([][]string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // to open a pipe would wait for who writes it
		return nil, errors.New("it is no file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	from := max(0, info.Size()-recordsTail)
	text, err := io.ReadAll(io.NewSectionReader(f, from, recordsTail))
	if err != nil {
		return nil, err
	}
	tail := string(text)
	if from > 0 {
		_, tail, _ = strings.Cut(tail, "\n")
	}
	var records [][]string
	for line := range strings.Lines(tail) {
		r := csv.NewReader(strings.NewReader(line))
		r.LazyQuotes = true
		if record, err := r.Read(); err == nil && strings.HasSuffix(line, "\n") && len(record) >= plainColumns {
			records = append(records, record)
		}
	}
	return records, nil
}

// The columns of a record: 16 always, and then uniqueid (loguniqueid), userfield
// (loguserfield), and peeraccount, linkedid and sequence (newcdrcolumns).
const (
	plainColumns  = 16
	newColumns    = 3
	contextColumn = 3
)

// uniqueID is "1795328308.12", behind the system's name if it has one.
var uniqueID = regexp.MustCompile(`^(?:.+-)?([0-9]{9,11})\.[0-9]+$`)

// ids are the unique and the linked id of a record; "": it has none.
func ids(record []string) (unique, linked string) {
	n := len(record)
	if n >= plainColumns+newColumns && uniqueID.MatchString(record[n-2]) {
		linked = record[n-2]
	}
	if n > plainColumns && n != plainColumns+newColumns && uniqueID.MatchString(record[plainColumns]) {
		unique = record[plainColumns]
	}
	return unique, linked
}

// recordedContexts are the contexts that the newest call records name.
func recordedContexts(path string) (names []string) {
	if path == "" {
		return nil
	}
	records, _ := readRecords(path) // that it cannot be read is another check's affair
	for _, r := range records {
		if r[contextColumn] != "" {
			names = append(names, r[contextColumn])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkRecords looks at the call records that the configuration names. Nothing
// in this version reads them, and a new PBX has none: it is no failure.
func checkRecords(_ context.Context, s *subject) []finding {
	path := s.pbx.CDR.CSV
	if path == "" {
		return []finding{good("records", "no call records are configured (cdr.csv); nothing in this version reads them")}
	}
	records, err := readRecords(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return []finding{warn("records", "see that cdr_csv.so runs (asterisk -rx 'cdr show status') and that the PBX writes to this machine; the first call makes the file", "the call records %s are not there yet", path)}
	case errors.Is(err, os.ErrPermission):
		return []finding{warn("records", "let the user who runs ringback read them (usermod -aG asterisk ringback)", "the call records %s may not be read by the user who runs this", path)}
	case err != nil:
		return []finding{warn("records", "name Master.csv as cdr_csv writes it", "the call records %s cannot be read: %v", path, err)}
	case len(records) == 0:
		return []finding{warn("records", "place a call and run this again", "the call records %s hold no whole record", path)}
	}
	newest := records[len(records)-1]
	unique, linked := ids(newest)
	if unique == "" || linked == "" {
		return []finding{warn("records", "write loguniqueid=yes and newcdrcolumns=yes under [csv] of /etc/asterisk/cdr.conf, then asterisk -rx 'module reload cdr_csv.so'",
			"the call records %s lack uniqueid or linkedid: calls in them cannot be told apart", path)}
	}
	return []finding{s.ageOf(unique)}
}

// ageOf judges the newest record by the beginning of its channel, which its id
// tells in every zone.
func (s *subject) ageOf(id string) finding {
	epoch, _ := strconv.ParseInt(uniqueID.FindStringSubmatch(id)[1], 10, 64)
	newest := time.Unix(epoch, 0)
	for _, d := range s.dialed {
		if d.Last.Sub(newest) > time.Hour {
			return warn("records", "see that cdr_csv.so runs (asterisk -rx 'cdr show status'), and that this is the file that it writes",
				"the newest call record is %s old, and the daemon has seen a call since", long(s.now.Sub(newest)))
		}
	}
	return good("records", "the call records can be read; the newest call in them began %s ago", long(s.now.Sub(newest)))
}
