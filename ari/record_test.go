package ari_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"ringback/ari"
)

// scan reads a recording to its end: the channels of its events, and the lines
// that are none.
func scan(t *testing.T, r io.Reader) (ids []string, faults []string) {
	t.Helper()
	sc := ari.NewScanner(r, "calls.jsonl")
	for {
		var ev ari.Event
		err := sc.Next(&ev)
		var fault *ari.LineError
		switch {
		case err == io.EOF:
			if again := sc.Next(&ev); again != io.EOF {
				t.Errorf("behind the end: %v", again)
			}
			return ids, faults
		case errors.As(err, &fault):
			faults = append(faults, fault.Error())
		case err != nil:
			t.Fatal(err)
		default:
			ids = append(ids, ev.Channel.ID)
		}
	}
}

func TestScannerReadsForeignFiles(t *testing.T) {
	file := "\n" + created("a") + "\r\n\n  \n" + created("b") + "\n{\"type\":\"Dia\nnonsense\n" + created("c")
	ids, faults := scan(t, iotest.OneByteReader(strings.NewReader(file)))
	if want := []string{"a", "b", "c"}; !reflect.DeepEqual(ids, want) {
		t.Errorf("events %v, want %v", ids, want)
	}
	want := []string{"calls.jsonl:6: ari: decode event: cut short", "calls.jsonl:7: ari: decode event: not JSON"}
	if !reflect.DeepEqual(faults, want) {
		t.Errorf("faults %q, want %q", faults, want)
	}
}

func TestScannerBoundsLines(t *testing.T) {
	pad := func(n int) string { return `,"pad":"` + strings.Repeat("x", n) + `"}` }
	big := func(frame string, n int) string { return strings.TrimSuffix(frame, "}") + pad(n) + "\n" }
	file := big(created("fits"), 900_000) +
		big(created("too long"), 1<<20) +
		big(`{"type":"RingbackConnected","channels":[]}`, 8<<20) +
		strings.Repeat("y", 70<<20) + "\n" +
		created("last") + "\n" + strings.Repeat("z", 65<<20)
	ids, faults := scan(t, strings.NewReader(file))
	if want := []string{"fits", "", "last"}; !reflect.DeepEqual(ids, want) {
		t.Errorf("events %v, want %v", ids, want)
	}
	want := []string{"calls.jsonl:2: line too long", "calls.jsonl:4: line too long", "calls.jsonl:6: line too long"}
	if !reflect.DeepEqual(faults, want) {
		t.Errorf("faults %q, want %q", faults, want)
	}
}

func TestScannerPassesReadErrorsOn(t *testing.T) {
	broken := errors.New("disk on fire")
	sc := ari.NewScanner(io.MultiReader(strings.NewReader(created("a")+"\n{"), iotest.ErrReader(broken)), "x")
	var ev ari.Event
	if err := sc.Next(&ev); err != nil || sc.Line() != 1 {
		t.Fatalf("line %d: %v", sc.Line(), err)
	}
	if err := sc.Next(&ev); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// writes counts what arrives in one call of Write.
type writes [][]byte

func (w *writes) Write(b []byte) (int, error) {
	*w = append(*w, bytes.Clone(b))
	return len(b), nil
}

func TestRecorderWritesOneLineAFrame(t *testing.T) {
	var w writes
	rec := ari.NewRecorder(&w)
	for _, frame := range []string{created("a"), "{\r\n \"type\":\n\"StasisEnd\"\n}\n", "no\njson"} {
		if err := rec.Frame([]byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{created("a") + "\n", "{   \"type\": \"StasisEnd\" }\n", "no json\n"}
	for i, line := range w {
		if string(line) != want[i] {
			t.Errorf("write %d: %q, want %q", i, line, want[i])
		}
	}
	if len(w) != len(want) {
		t.Errorf("%d writes", len(w))
	}
}

// brokenPipe takes half of the second write.
type brokenPipe struct {
	bytes.Buffer
	calls int
}

func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.calls++; b.calls == 2 {
		n, _ := b.Buffer.Write(p[:len(p)/2])
		return n, errors.New("broken pipe")
	}
	return b.Buffer.Write(p)
}

func TestRecorderStopsAtTheFirstError(t *testing.T) {
	var w brokenPipe
	rec := ari.NewRecorder(&w)
	if err := rec.Frame([]byte(created("a"))); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := rec.Frame([]byte(created("b"))); err == nil || err != rec.Err() {
			t.Errorf("after the break: %v, %v", err, rec.Err())
		}
	}
	ids, faults := scan(t, &w.Buffer)
	if !reflect.DeepEqual(ids, []string{"a"}) || len(faults) != 1 || w.calls != 2 {
		t.Errorf("events %v, faults %v, %d writes", ids, faults, w.calls)
	}
}
