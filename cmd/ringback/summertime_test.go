package main

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringback/ari/pbx"
)

// TestSummerTime has summer time begin and end where the company is, five times
// within a minute, while it is rung: the daemon watches the first two changes and
// is killed soon after, is dead during the next two, and watches again. The
// daemon and the call records go by the same zone, whose clocks really change; what
// counts seconds goes on. The working hours begin in the hour that is skipped: they open whenever
// summer time begins, and are over when it ends. Nobody who rang in vain is
// forgotten or counted twice, and nobody is told before the opening, late or twice.
// The long one:
//
//	go test ./cmd/ringback -run TestSummerTime -skews 10 -cut-rate 30 -timeout 30m
func TestSummerTime(t *testing.T) {
	t.Parallel()
	if _, err := install(); err != nil { // once on a machine, and it takes its time
		t.Fatal(err)
	}
	const lead, apart, quiet = 30 * time.Second, 12 * time.Second, 4 * time.Second
	first := time.Now().Add(lead).Truncate(time.Second)
	var changes []time.Time
	for n := range 4**skewRounds + 1 {
		changes = append(changes, first.Add(time.Duration(n)*apart))
	}
	zone := changingZone(t, changes)
	before := first.UTC().Add(winter)
	s := newSiege(t, siegeOptions{
		pbx: func(o *pbx.Options) {
			o.Files["cdr_custom.conf"] = recordsByTheWall(zone)
		},
		before: []string{"env", "TZ=" + zone},
		hours:  fmt.Sprintf(`week: {mon-sun: "%s-%s"}`, before.Add(30*time.Minute).Format("15:04"), before.Add(-10*time.Minute).Format("15:04")),
	})
	s.closed = []interval{{s.began, first}}
	for n := 1; n+1 < len(changes); n += 2 {
		s.closed = append(s.closed, interval{changes[n], changes[n+1]})
	}
	if err := os.Mkdir(filepath.Join(s.pbx.Dir, "log/cdr-custom"), 0o700); err != nil { // its files are named from there
		t.Fatal(err)
	}
	for _, command := range []string{"module unload cdr_csv.so", "module load cdr_custom.so"} {
		if said, err := s.pbx.CLI(t.Context(), command); err != nil || !strings.Contains(said, "oaded cdr_") {
			t.Fatalf("%s: %v %s", command, err, said)
		}
	}
	s.start()
	s.watches()
	if time.Now().After(first.Add(-quiet)) {
		t.Fatalf("the machine was not ready within %v: the clocks have changed before anybody rang", lead)
	}
	l := s.startLoad(*cutRate, time.Until(changes[len(changes)-1])+quiet)
	for n, change := range changes {
		if n/2%2 == 0 {
			s.at(change.Add(quiet / 2))
			s.killDaemon()
			s.pause(quiet / 2)
		} else {
			s.at(change.Add(-quiet / 2))
			s.killDaemon()
			s.at(change.Add(quiet / 2))
		}
		s.start()
		s.watches()
	}
	s.settle(l)
	if forth, back := s.jumps(); forth == 0 || back == 0 {
		t.Errorf("%d call records end an hour late and %d before they begin: the PBX's clock has not changed", forth, back)
	}
}

// recordsByTheWall is cdr_custom's configuration for a Master.csv that is as
// cdr_csv writes it where the machine is in a zone: of its own, that module takes
// no other zone than the machine's.
func recordsByTheWall(zone string) string {
	var columns []string
	for name := range strings.FieldsSeq("accountcode src dst dcontext clid channel dstchannel lastapp lastdata start answer end duration billsec " +
		"disposition amaflags uniqueid userfield peeraccount linkedid sequence") {
		value := "${CDR(" + name + ")}"
		switch name {
		case "duration", "billsec", "sequence": // numbers stand bare
		case "start", "answer", "end": // in quotes, or nothing at all
			value = fmt.Sprintf(`${IF($["%[1]s"=""]?:"${STRFTIME(${CDR(%[2]s,u)},%[3]s,%%F %%T)}")}`, value, name, zone)
		default:
			value = "${CSV_QUOTE(" + value + ")}"
		}
		columns = append(columns, value)
	}
	return "[mappings]\n../cdr-csv/Master.csv => " + strings.Join(columns, ",") + "\n"
}

// jumps counts the call records between whose beginning and end, by the clock on
// the wall, an hour was skipped, or went by twice.
func (s *siege) jumps() (forth, back int) {
	s.Helper()
	rows, err := csv.NewReader(strings.NewReader(s.read(s.pbx.CDRFile))).ReadAll()
	if err != nil {
		s.Fatal(err)
	}
	for _, row := range rows {
		start, err := time.Parse(time.DateTime, row[9])
		end, err2 := time.Parse(time.DateTime, row[11])
		switch took := end.Sub(start); {
		case err != nil || err2 != nil:
			s.Fatalf("a record without its times: %q", row)
		case took > 30*time.Minute:
			forth++
		case took < 0:
			back++
		}
	}
	return forth, back
}

// at waits until a time.
func (s *siege) at(when time.Time) {
	select {
	case <-time.After(time.Until(when)):
	case <-s.Context().Done():
	}
}

// How far the zone is ahead of UTC.
const winter, summer = 3 * time.Hour, 4 * time.Hour

// changingZone writes a zone where at the first of the
// changes summer time begins, at the second ends, and so on. The format is that
// of tzfile(5), which Asterisk, the C library and Go read alike.
func changingZone(t *testing.T, changes []time.Time) (file string) {
	t.Helper()
	names := []byte("WIN\x00SUM\x00")
	var b bytes.Buffer
	b.WriteString("TZif\x00")
	b.Write(make([]byte, 15))
	put := func(values ...any) {
		for _, v := range values {
			if err := binary.Write(&b, binary.BigEndian, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	put([]uint32{0, 0, 0, uint32(len(changes)), 2, uint32(len(names))}) // no leap seconds, two kinds of time
	for _, at := range changes {
		put(int32(at.Unix()))
	}
	for n := range changes {
		put(uint8(1 - n%2))
	}
	put(int32(winter/time.Second), uint8(0), uint8(0), int32(summer/time.Second), uint8(1), uint8(4), names)
	file = filepath.Join(t.TempDir(), "changing")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := time.LoadLocationFromTZData("changing", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for n, at := range changes {
		if _, before := at.Add(-time.Second).In(loaded).Zone(); time.Duration(before)*time.Second != []time.Duration{winter, summer}[n%2] {
			t.Fatalf("before change %d the zone is %d s ahead of UTC", n, before)
		}
	}
	return file
}
