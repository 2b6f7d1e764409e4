package cdr

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// day is a file of calls, one a second, of two records each; the last ends at
// dayEnd.
func day(calls int) (text string, records []Record) {
	p := pen{zone: time.FixedZone("", 3*3600), unique: true, news: true}
	var b strings.Builder
	for i := range calls {
		begin := dayEnd.Add(time.Duration(i-calls) * time.Second)
		id := fmt.Sprintf("%d.%d", begin.Unix(), i)
		r := Record{
			UniqueID: id, LinkedID: id, Began: begin, Start: begin, End: begin.Add(time.Second), Duration: time.Second, Sequence: int64(i),
			CallerID: `"Anna" <+4930123>`, Source: "+4930123", Dialed: "100", Context: "in", Channel: fmt.Sprintf("PJSIP/t-%08x", i),
			Peer: "PJSIP/101-1", App: "Dial", AppData: "PJSIP/101,20", Disposition: NoAnswer,
		}
		records = append(records, r)
		b.WriteString(p.row(r))
	}
	return b.String(), records
}

var dayEnd = time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)

// Only what began since then is told, and the calls that are named however early
// they began, wherever in the file their records stand.
func TestCSVSince(t *testing.T) {
	text, records := day(20000)
	long := records[100] // a call of hours has its record at the end
	long.UniqueID, long.LinkedID, long.Channel, long.Sequence = records[100].UniqueID+"7", records[100].LinkedID+"7", "PJSIP/long", 99999
	long.End = dayEnd
	long.Duration = dayEnd.Sub(long.Start)
	text += pen{zone: time.FixedZone("", 3*3600), unique: true, news: true}.row(long)
	path := filepath.Join(t.TempDir(), "Master.csv")
	writeFile(t, path, text)
	for name, c := range map[string]struct {
		since time.Time
		calls []string
		want  []Record
	}{
		"the last":   {dayEnd.Add(-10 * time.Second), nil, records[19990:]},
		"none":       {dayEnd.Add(time.Second), nil, nil},
		"all":        {records[0].Began, nil, slices.Concat(records[:101], []Record{long}, records[101:])},
		"a long one": {dayEnd, []string{long.UniqueID}, []Record{long}},
		"an old one": {dayEnd, []string{records[7].LinkedID, "robot-1"}, records[7:8]},
	} {
		log, err := csvSource{path}.Read(t.Context(), c.since, time.Time{}, c.calls)
		if err != nil || !slices.Equal(log.Records, c.want) {
			t.Errorf("%s: %d records, %v, want %d", name, len(log.Records), err, len(c.want))
		}
	}
}

// Read piece by piece, a file gives every record once, each call's with its first,
// also those that were written long after: from plain files, of which what is too
// late is not looked at, and from compressed ones, whatever the columns are.
func TestCSVPieces(t *testing.T) {
	const calls, apart = 12000, 10 * time.Second
	first := dayEnd.Add(-calls * apart)
	for name, p := range map[string]pen{"all columns": {unique: true, news: true}, "no linked ids": {unique: true}, "no ids": {}} {
		for style, files := range []int{1, 3, 3, 3} {
			p.zone = time.FixedZone("", 5*3600)
			var all []Record
			for i := range calls {
				begin := first.Add(time.Duration(i) * apart)
				id := fmt.Sprintf("%d.%d", begin.Unix(), i)
				r := Record{UniqueID: id, LinkedID: id, Began: begin, Start: begin, End: begin.Add(time.Second), Duration: time.Second, Sequence: int64(i),
					Source: "+4930123", Dialed: "100", Context: "in", Channel: fmt.Sprintf("PJSIP/t-%08x", i), App: "Dial", AppData: strings.Repeat("x", 100), Disposition: NoAnswer}
				if i%1000 == 5 && p.unique { // and hours later another of the same channel
					again := r
					again.Start, again.Sequence = r.Start.Add(5*time.Hour), calls
					again.End = again.Start.Add(time.Second)
					all = append(all, again)
				}
				all = append(all, r)
			}
			slices.SortStableFunc(all, func(a, b Record) int { return a.End.Compare(b.End) })
			texts, written := make([]strings.Builder, files), make([]time.Time, files)
			var want []Record
			for i, r := range all {
				at := i * files / len(all)
				texts[at].WriteString(p.row(r))
				written[at] = r.End
				want = append(want, p.left(r))
			}
			path := filepath.Join(t.TempDir(), "Master.csv")
			var laid []string
			for i := range texts {
				laid = append(laid, texts[i].String())
			}
			lay(t, path, laid, written, style)
			inOrder(want)
			var got []Record
			for since := first; since.Before(dayEnd); since = since.Add(4 * time.Hour) {
				log, err := csvSource{path}.Read(t.Context(), since, since.Add(4*time.Hour), nil)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, log.Records...)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %d files: %d records, want %d", name, files, len(got), len(want))
			}
		}
	}
}

// What cannot be read says so, and what to do; what is not there yet is empty.
func TestCSVTrouble(t *testing.T) {
	dir := t.TempDir()
	read := func(path string) (Log, error) {
		return csvSource{path}.Read(t.Context(), dayEnd, time.Time{}, nil)
	}
	if log, err := read(filepath.Join(dir, "Master.csv")); err != nil || len(log.Records) > 0 {
		t.Errorf("before the first call: %+v, %v", log, err)
	}
	writeFile(t, filepath.Join(dir, "packed.csv.1.xz"), "x")
	for path, want := range map[string]string{
		filepath.Join(dir, "none/Master.csv"): "is not there: make it",
		dir:                                   "is no file",
		filepath.Join(dir, "packed.csv"):      "use gzip",
	} {
		if _, err := read(path); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "cdr: ") {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	text, _ := day(10)
	writeFile(t, filepath.Join(dir, "Master.csv"), text)
	if _, err := (csvSource{filepath.Join(dir, "Master.csv")}).Read(ctx, dayEnd.Add(-time.Hour), time.Time{}, nil); err == nil {
		t.Error("read although nobody waits for it any more")
	}
}

// A rotated file that is broken, or cannot be opened, is left out and told of, as
// long as others have something of the time.
func TestCSVBrokenParts(t *testing.T) {
	text, records := day(2000)
	rows := strings.SplitAfter(text, "\n")
	for name, spoil := range map[string]func(body []byte) []byte{
		"no gzip": func([]byte) []byte { return []byte("not compressed at all") },
		"its end": func(body []byte) []byte { body[len(body)-6] ^= 1; return body },
	} {
		path := filepath.Join(t.TempDir(), "Master.csv")
		lay(t, path, []string{strings.Join(rows[:1000], ""), strings.Join(rows[1000:], "")}, []time.Time{records[999].End, dayEnd}, 2)
		body, err := os.ReadFile(path + ".1.gz")
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, path+".1.gz", string(spoil(body)))
		log, err := csvSource{path}.Read(t.Context(), records[0].Began, time.Time{}, nil)
		if err != nil || log.Coarser == nil || !strings.Contains(log.Coarser.Error(), "Master.csv.1.gz") || len(log.Records) < 1000 || !slices.Equal(log.Records[len(log.Records)-1000:], records[1000:]) {
			t.Errorf("%s: %d records, %v, %v", name, len(log.Records), log.Coarser, err)
		}
		writeFile(t, path+".3.xz", "x")
		if log, err := (csvSource{path}).Read(t.Context(), records[0].Began, time.Time{}, nil); err != nil || log.Coarser == nil || !strings.Contains(log.Coarser.Error(), "use gzip") {
			t.Errorf("%s: with another: %v, %v", name, log.Coarser, err)
		}
		writeFile(t, path, "")
		if name == "no gzip" {
			if log, err := (csvSource{path}).Read(t.Context(), records[0].Began, time.Time{}, nil); err == nil {
				t.Errorf("alone: %d records", len(log.Records))
			}
		}
	}
}

// Files that are rotated, copied and cut while they are read lose no record and
// tell none twice.
func TestCSVRotatedWhileRead(t *testing.T) {
	for name, rotate := range map[string]func(path string, n int) error{
		"renamed": func(path string, n int) error {
			return os.Rename(path, fmt.Sprintf("%s-%08d", path, n))
		},
		"copied and cut": func(path string, n int) error {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := os.WriteFile(fmt.Sprintf("%s-%08d", path, n), text, 0o600); err != nil {
				return err
			}
			return os.Truncate(path, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "Master.csv")
			text, records := day(2000)
			rows := strings.SplitAfter(text, "\n")
			var wg sync.WaitGroup
			written := make(chan int, 200) // who writes is never farther ahead of who reads: neither waits for a processor alone
			wg.Go(func() {
				defer close(written)
				for i := range records {
					if err := appendTo(path, rows[i]); err != nil {
						t.Error(err)
					}
					if i%100 == 99 {
						if err := rotate(path, i); err != nil {
							t.Error(err)
						}
					}
					written <- i + 1
				}
			})
			reads, again := 0, 0
			for n, open := 0, true; open; {
				for more := cap(written); more > 0 && open; more-- { // what was written before this reading
					select {
					case n, open = <-written:
					default:
						more = 0
					}
				}
				if !open {
					n = len(records)
				}
				log, err := csvSource{path}.Read(t.Context(), records[0].Began, time.Time{}, nil)
				if err != nil {
					again++ // it was rotated too often, and says so
					continue
				}
				reads++
				if got := log.Records; len(got) < n || log.Unreadable > 0 || !slices.Equal(got, records[:len(got)]) {
					t.Fatalf("%d records and %d unreadable, after %d were written", len(got), log.Unreadable, n)
				}
			}
			wg.Wait()
			t.Logf("%d readings, %d given up", reads, again)
			if reads < 2 {
				t.Errorf("%d readings", reads)
			}
		})
	}
}

// A log that is rotated or cut between its opening and its end is read again.
func TestReadLogAgain(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"renamed": func(path string) error { return os.Rename(path, path+".1") },
		"cut":     func(path string) error { return os.Truncate(path, 3) },
		"copied":  func(path string) error { return appendTo(path+".1", "text") },
		"nothing": func(string) error { return nil },
		"longer":  func(path string) error { return appendTo(path, "more") },
	} {
		path := filepath.Join(t.TempDir(), "Master.csv")
		writeFile(t, path, "text")
		reads := 0
		err := readLog(t.Context(), path, time.Time{}, func([]logFile) error {
			if reads++; reads > 1 {
				return nil
			}
			return change(path)
		})
		want := 2
		if name == "nothing" || name == "longer" {
			want = 1
		}
		if err != nil || reads != want {
			t.Errorf("%s: read %d times, want %d, %v", name, reads, want, err)
		}
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}
