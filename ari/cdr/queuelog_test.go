package cdr

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The queues' log is read from its end, over what it was rotated to, without what
// is no line and what is not whole yet.
func TestQueueLog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "queue_log")
	line := func(i int) string {
		return fmt.Sprintf("%d|%d.%d|sales|NONE|ENTERQUEUE||+7916\xff|%d\n", dayEnd.Unix()-int64(20000-i), dayEnd.Unix()-20000, i, i)
	}
	var old, now strings.Builder
	for i := range 20000 {
		if i < 19000 {
			old.WriteString(line(i))
		} else {
			now.WriteString(line(i))
		}
	}
	broken := "noise\n1795328308|x\n\n" + strings.Repeat("x", maxRow+nextBlock) + "\n"
	for style := range 3 {
		for _, f := range []string{path + ".1", path + "-20261024", path + ".1.gz"} {
			_ = os.Remove(f)
		}
		lay(t, path, []string{old.String() + broken, now.String() + line(1)[:30]}, []time.Time{dayEnd, dayEnd.Add(time.Second)}, style)
		checkQueue(t, path, line)
	}
}

func checkQueue(t *testing.T, path string, line func(int) string) {
	t.Helper()
	for _, since := range []int{0, 18500, 19990, 20000} {
		events, unreadable, err := queueLog{path}.read(t.Context(), newQuery(dayEnd.Add(time.Duration(since-20000)*time.Second), time.Time{}, nil))
		if err != nil || len(events) != 20000-since || unreadable < 3 {
			t.Fatalf("since %d: %d events, %d unreadable, %v", since, len(events), unreadable, err)
		}
		for i, e := range events {
			want := strings.Split(strings.ToValidUTF8(strings.TrimSuffix(line(since+i), "\n"), "\uFFFD"), "|")
			if got := []string{fmt.Sprint(e.At.Unix()), e.Call, e.Queue, e.Agent, e.Event}; !slices.Equal(append(got, e.Data...), want) {
				t.Fatalf("read %q, want %q", got, want)
			}
		}
	}
}

// Where the queues' log cannot be read, the records come all the same.
func TestQueueLogTrouble(t *testing.T) {
	dir := t.TempDir()
	text, records := day(10)
	writeFile(t, filepath.Join(dir, "Master.csv"), text)
	c := Config{CSV: filepath.Join(dir, "Master.csv"), QueueLog: dir}
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	log, err := s.Read(t.Context(), records[0].Began, time.Time{}, nil)
	if err != nil || len(log.Records) != 10 || log.Coarser == nil || !strings.Contains(log.Coarser.Error(), "is no file") {
		t.Errorf("%d records, %v, %v", len(log.Records), log.Coarser, err)
	}
	if in, err := Inspect(t.Context(), c); err != nil || in.QueueTrouble == nil || in.Records != 10 || !in.Newest.Equal(dayEnd) || in.Zone != 3*time.Hour {
		t.Errorf("%+v, %v", in, err)
	}
	c.QueueLog = filepath.Join(dir, "queue_log")
	writeFile(t, c.QueueLog, "1795328308|NONE|NONE|NONE|QUEUESTART|\n179")
	if in, err := Inspect(t.Context(), c); err != nil || in.QueueTrouble != nil || in.Queue.Unix() != 1795328308 {
		t.Errorf("%+v, %v", in, err)
	}
}
