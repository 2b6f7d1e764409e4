package cdr

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones that are played do not depend on the machine's

	"pgregory.net/rapid"
)

// pen writes records as cdr_csv does.
type pen struct {
	zone                    *time.Location
	unique, userfield, news bool
}

func (p pen) row(r Record) string {
	text := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(p.zone).Format(`"2006-01-02 15:04:05"`)
	}
	columns := []string{
		text(r.Account), text(r.Source), text(r.Dialed), text(r.Context), text(r.CallerID), text(r.Channel), text(r.Peer),
		text(r.App), text(r.AppData), at(r.Start), at(r.Answer), at(r.End),
		fmt.Sprint(int(r.Duration / time.Second)), fmt.Sprint(int(r.Billed / time.Second)), text(string(r.Disposition)), text("DOCUMENTATION"),
	}
	if p.unique {
		columns = append(columns, text(r.UniqueID))
	}
	if p.userfield {
		columns = append(columns, text(r.UserField))
	}
	if p.news {
		columns = append(columns, text(""), text(r.LinkedID), fmt.Sprint(r.Sequence))
	}
	return strings.Join(columns, ",") + "\n"
}

// left is what a row of this pen says of a record.
func (p pen) left(r Record) Record {
	if !p.unique {
		r.UniqueID, r.Began = "", time.Time{}
	}
	if !p.userfield {
		r.UserField = ""
	}
	if !p.news {
		r.LinkedID, r.Sequence = "", -1
	}
	return r
}

var (
	// zones have whole quarters of an hour of all kinds, and a change of time each
	// in October or November 2026.
	zones = []string{"UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati", "Etc/GMT+12"}
	// texts are hostile: bytes of their own, and pieces of the format.
	texts = rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.OneOf(
			rapid.SampledFrom([]string{`"`, `""`, ",", "\n", `","`, "\",\n\"", `\`, "1", "2026-10-25 02:30:00", "ANSWERED", "é", "\r", strings.Repeat("x", 300)}),
			rapid.StringN(0, 5, 20),
		), 0, 5).Draw(t, "pieces"), "")
	}).Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
)

// drawCall is the record of one channel, and sometimes a second of the same; not
// where the time changes: what begins again after an hour that is there twice
// begins at the same time.
func drawCall(t *rapid.T, n int, named, changes bool) []Record {
	begin := time.Date(2026, 10, 24, 20, 0, 0, 0, time.UTC).Add(time.Duration(n)*time.Minute + time.Duration(rapid.IntRange(0, 59).Draw(t, "s"))*time.Second)
	seconds := func(name string) time.Duration {
		return time.Duration(rapid.SampledFrom([]int{0, 1, 5, 30, 60, 900, 3600, 4000}).Draw(t, name)) * time.Second
	}
	id := fmt.Sprintf("%spbx-%d.%d", rapid.SampledFrom([]string{"", "a-1."}).Draw(t, "system"), begin.Unix(), n)
	r := Record{
		UniqueID: id, LinkedID: id, Began: begin, Start: begin, Sequence: int64(2 * n),
		CallerID: texts.Draw(t, "clid"), Source: texts.Draw(t, "src"), Dialed: texts.Draw(t, "dst"), Context: "in", Channel: fmt.Sprintf("PJSIP/t-%d", n),
		Peer: texts.Draw(t, "peer"), App: "Dial", AppData: texts.Draw(t, "data"), Disposition: NoAnswer, Account: rapid.SampledFrom([]string{"", "acc", ",\n"}).Draw(t, "account"), UserField: texts.Draw(t, "field"),
	}
	if named {
		r.UniqueID, r.LinkedID, r.Began = fmt.Sprintf("robot-%d", n), fmt.Sprintf("robot-%d", n), time.Time{}
	}
	rings, talks := seconds("rings"), seconds("talks")
	r.Duration = rings
	if talks > 0 {
		r.Disposition, r.Answer, r.Billed, r.Duration = Answered, begin.Add(rings), talks, rings+talks
	}
	r.End = begin.Add(r.Duration)
	if changes || !rapid.Bool().Draw(t, "again") {
		return []Record{r}
	}
	again := r
	again.Sequence++
	again.Start, again.Answer, again.Billed, again.Disposition = r.End, time.Time{}, 0, Busy
	again.Duration = seconds("again for")
	again.End = again.Start.Add(again.Duration)
	return []Record{r, again}
}

// fataler is a test or a try of a property.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

// lay writes texts into a log and files that it was rotated to, the oldest first;
// written is when each was.
func lay(t fataler, path string, texts []string, written []time.Time, style int) {
	t.Helper()
	for i, text := range texts {
		name := path
		if back := len(texts) - 1 - i; back > 0 {
			name = [...]string{
				fmt.Sprintf("%s.%d", path, back),
				fmt.Sprintf("%s-202610%02d", path, 25-back),
				fmt.Sprintf("%s.%d.gz", path, back),
				strings.TrimSuffix(path, ".csv") + fmt.Sprintf("-202610%02d.csv.gz", 25-back),
			}[style]
		}
		body := []byte(text)
		if strings.HasSuffix(name, ".gz") {
			var b bytes.Buffer
			zip := gzip.NewWriter(&b)
			_, _ = zip.Write(body)
			_ = zip.Close()
			body = b.Bytes()
		}
		if err := os.WriteFile(name, body, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, written[i], written[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever the columns, the zone and the way of rotating are, and whatever
// callers call themselves: what was written is read, in order, the times in UTC.
func TestCSVReadsWhatWasWritten(t *testing.T) {
	dir := t.TempDir()
	tries := 0
	rapid.Check(t, func(t *rapid.T) {
		tries++
		path := filepath.Join(dir, fmt.Sprint(tries), "Master.csv")
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		changes := rapid.Bool().Draw(t, "time changes")
		p := pen{unique: changes || rapid.Bool().Draw(t, "unique"), userfield: rapid.Bool().Draw(t, "userfield"), news: rapid.Bool().Draw(t, "new columns")}
		p.zone, _ = time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if !changes {
			_, offset := time.Date(2026, 10, 24, 20, 0, 0, 0, time.UTC).In(p.zone).Zone()
			p.zone = time.FixedZone("", offset)
		}
		var all []Record
		for n := range rapid.IntRange(1, 30).Draw(t, "calls") {
			named := !changes && n > 0 && rapid.IntRange(0, 9).Draw(t, "named") == 0
			all = append(all, drawCall(t, n*17, named, changes)...)
		}
		checkWritten(t, path, p, all)
	})
}

// checkWritten writes records into files in the order of their ends, among what
// cannot be read, and reads them.
func checkWritten(t *rapid.T, path string, p pen, all []Record) {
	slices.SortStableFunc(all, func(a, b Record) int { return a.End.Compare(b.End) })
	files := make([]string, rapid.IntRange(1, 3).Draw(t, "files"))
	written := make([]time.Time, len(files))
	written[0] = all[0].End
	unreadable := 0
	for i, r := range all {
		at := i * len(files) / len(all)
		row := p.row(r)
		switch rapid.IntRange(0, 12).Draw(t, "broken") {
		case 0: // the disk was full in the middle of a row
			half := row[:rapid.IntRange(1, len(row)-2).Draw(t, "half")]
			files[at] += half
			unreadable += lines([]byte(half), true)
		case 1:
			files[at] += "\x00\x00,,\n"
			unreadable++
		}
		files[at] += row
		written[at] = r.End.Add(time.Second)
	}
	last := p.row(all[0])
	files[len(files)-1] += last[:rapid.IntRange(0, len(last)-1).Draw(t, "begun")]
	for i := range written[1:] { // one after the other, also what is empty
		if !written[i+1].After(written[i]) {
			written[i+1] = written[i].Add(time.Millisecond)
		}
	}
	lay(t, path, files, written, rapid.IntRange(0, 3).Draw(t, "style"))
	log, err := csvSource{path}.Read(context.Background(), all[0].Start.Add(-100*time.Hour), time.Time{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var want []Record
	for _, r := range all {
		want = append(want, p.left(r))
	}
	inOrder(want)
	// Of two halves on one line, or one that is empty lines, there may be counted less.
	if len(log.Records) != len(want) || log.Unreadable > unreadable || log.Unreadable == 0 && unreadable > 0 {
		t.Fatalf("%d records, want %d; %d unreadable, want %d", len(log.Records), len(want), log.Unreadable, unreadable)
	}
	for i := range want {
		if log.Records[i] != want[i] {
			t.Fatalf("read %+v,\nwant %+v", log.Records[i], want[i])
		}
	}
}
