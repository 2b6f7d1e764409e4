package scenarios

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/cdr"
	"ringback/ari/pbx"
)

var keepRecords = flag.Bool("records", false, "write the call records of the scenarios that are played, and the events that belong to them, to testdata/records")

// recordsFolder is where the call records are that the PBX has written of each
// scenario, by release.
const recordsFolder = "../../../testdata/records"

func keptFile(release pbx.Release) string {
	return filepath.Join(recordsFolder, string(release)+".jsonl.gz")
}

// kept is what a PBX has told of one scenario, in the names of its file: the rows
// of its call records, and what it sent meanwhile.
type kept struct {
	Story  string   `json:"story"`
	CDR    []string `json:"cdr,omitempty"`
	CEL    []string `json:"cel,omitempty"`
	Queue  []string `json:"queue,omitempty"`
	Frames []string `json:"frames,omitempty"`
}

// records are the rows of each script, once the PBX has written them all.
func (st *stage) records(ctx context.Context, t *testing.T) map[int]*kept {
	t.Helper()
	for { // a record is written a moment after its call
		active, err := st.pbx.CLI(ctx, "cdr show active")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(active, "PJSIP/") && !strings.Contains(active, "SIP/") && !strings.Contains(active, "Local/") {
			break
		}
	}
	found := map[int]*kept{}
	of := func(i int) *kept {
		if found[i] == nil {
			found[i] = &kept{}
		}
		return found[i]
	}
	owners := map[string]int{} // of calls
	eachRow(t, st.pbx.CDRFile, func(line string, row []string) {
		k := of(ownerOf(row[5], row[6], row[3], row[8]))
		k.CDR = append(k.CDR, line)
	})
	eachRow(t, st.pbx.CELFile, func(line string, row []string) {
		owner := ownerOf(row[9], row[8])
		owners[row[14]] = owner
		k := of(owner)
		k.CEL = append(k.CEL, line)
	})
	queue, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(st.pbx.CDRFile)), "queue_log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(queue)) {
		if fields := strings.Split(line, "|"); len(fields) > 4 {
			k := of(owners[fields[1]])
			k.Queue = append(k.Queue, strings.TrimSpace(line))
		}
	}
	return found
}

// eachRow reads a file of rows, each with the text in which it stands.
func eachRow(t *testing.T, file string, read func(text string, row []string)) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rows := csv.NewReader(bytes.NewReader(text))
	rows.FieldsPerRecord = -1
	for from := int64(0); ; from = rows.InputOffset() {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		read(string(text[from:rows.InputOffset()]), row)
	}
}

// named puts the names of the script's file where those of the shared PBX stand.
func (n naming) named(text string) string {
	if n.index == 0 {
		return text
	}
	i := fmt.Sprintf("%03d", n.index)
	text = regexp.MustCompile(`\b5`+i+`0([1-9])\b`).ReplaceAllString(text, "10$1")
	text = regexp.MustCompile(`\b5`+i+`0X\b`).ReplaceAllString(text, "10X")
	return strings.NewReplacer("7916"+i, "7916000", "trunk"+i, "trunk", "-s"+i, "").Replace(text)
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// keepAll writes what the PBX has told of every script that was played well.
func (st *stage) keepAll(t *testing.T, records map[int]*kept) {
	t.Helper()
	frames := map[int][]string{}
	bridges := map[string]int{}
	for frame := range strings.Lines(string(st.thinFrames.taken())) {
		owner := ownerOf(uuid.ReplaceAllString(frame, ""))
		id := uuid.FindString(frame)
		if owner == 0 {
			owner = bridges[id]
		} else if id != "" {
			bridges[id] = owner
		}
		frames[owner] = append(frames[owner], strings.TrimSpace(frame))
	}
	if err := os.MkdirAll(recordsFolder, 0o755); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	packed, err := gzip.NewWriterLevel(&file, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	out := json.NewEncoder(packed)
	out.SetEscapeHTML(false)
	all := map[string]*kept{}
	if _, err := os.Stat(keptFile(pbx.Release(*release))); err == nil {
		all = readKept(t, pbx.Release(*release)) // those that are not played this time stay
	}
	for _, p := range st.plays {
		if p.failed != nil {
			continue
		}
		k := records[p.private.index]
		if k == nil {
			k = &kept{}
		}
		named := func(list []string) (shown []string) {
			for _, text := range list {
				shown = append(shown, p.private.named(text))
			}
			return shown
		}
		all[p.name] = &kept{Story: p.name, CDR: named(k.CDR), CEL: named(k.CEL), Queue: named(k.Queue), Frames: named(frames[p.private.index])}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := out.Encode(all[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keptFile(pbx.Release(*release)), file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// readKept reads what the PBX of a release has told of each scenario, by name.
func readKept(t testing.TB, release pbx.Release) map[string]*kept {
	t.Helper()
	file, err := os.Open(keptFile(release))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*kept{}
	for lines := json.NewDecoder(text); ; {
		k := &kept{}
		err := lines.Decode(k)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found[k.Story] = k
	}
}

// events are what the PBX sent during the scenario.
func (k *kept) events(t testing.TB) []ari.Event {
	t.Helper()
	var list []ari.Event
	for scanner := ari.NewScanner(strings.NewReader(strings.Join(k.Frames, "\n")), k.Story); ; {
		var ev ari.Event
		err := scanner.Next(&ev)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, ev)
	}
}

// log is all that the PBX has written of the scenario, as it is read from its
// files.
func (k *kept) log(t testing.TB) (log cdr.Log) {
	t.Helper()
	folder := t.TempDir()
	files := cdr.Config{CSV: filepath.Join(folder, "Master.csv")}
	write := func(file, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(files.CSV, strings.Join(k.CDR, ""))
	if len(k.Queue) > 0 {
		files.QueueLog = filepath.Join(folder, "queue_log")
		write(files.QueueLog, strings.Join(k.Queue, "\n")+"\n")
	}
	source, err := cdr.Open(files)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if log, err = source.Read(t.Context(), time.Unix(0, 0), time.Time{}, nil); err != nil || log.Coarser != nil || log.Unreadable > 0 {
		t.Fatal(err, log.Coarser, log.Unreadable)
	}
	for _, line := range k.CEL {
		log.Events = append(log.Events, eventOf(t, line))
	}
	return log
}

func fieldsOf(t testing.TB, line string) []string {
	t.Helper()
	rows := csv.NewReader(strings.NewReader(line))
	row, err := rows.Read()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return row
}

func epoch(t testing.TB, text string) time.Time {
	t.Helper()
	whole, micros, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	us, _ := strconv.ParseInt(micros, 10, 64)
	return time.Unix(seconds, us*1000).UTC()
}

// eventOf reads a row of the channel event log as the suite's PBX writes it.
func eventOf(t testing.TB, line string) cdr.Event {
	t.Helper()
	f := fieldsOf(t, line)
	return cdr.Event{Type: f[0], At: epoch(t, f[1]), CallerName: f[2], CallerNumber: f[3], DNID: f[6], Exten: f[7], Context: f[8], Channel: f[9],
		App: f[10], AppData: f[11], UniqueID: f[14], LinkedID: f[15], Peer: f[16], Extra: f[19]}
}
