package ari

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func decode(t *testing.T, frame string) Event {
	t.Helper()
	var ev Event
	if err := Decode([]byte(frame), &ev); err != nil {
		t.Fatalf("Decode(%s): %v", frame, err)
	}
	return ev
}

func TestDecodeReadsEveryType(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 18, 28, 104e6, time.UTC)
	caller := Channel{
		ID: "1795328308.0", Name: "PJSIP/trunk-00000000", State: "Ring",
		CallerName: `Иван "Jack" <b>`, CallerNumber: "+79161234567", AccountCode: "acc",
		Context: "from-trunk", Exten: "74951000001", Priority: 3, AppName: "Dial", AppData: "PJSIP/101,5",
		Created: at.Add(-time.Millisecond), LinkedID: "1795328308.0",
	}
	phone := Channel{
		ID: "1795328308.1", Name: "PJSIP/101-00000001", State: "Ringing", CallerNumber: "101",
		ConnectedNumber: "+79161234567", Context: "internal", Priority: 1, AppName: "AppDial", AppData: "(Outgoing Line)",
		Created: at.Add(6 * time.Millisecond),
	}
	mixing := Bridge{ID: "8d1d0b2c", Type: "mixing", Tech: "simple_bridge", Class: "basic", Channels: []string{"1795328308.0", "1795328308.1"}}
	empty := Bridge{ID: "9e2e1c3d", Type: "mixing", Tech: "softmix", Class: "base", Creator: "Stasis", Name: "x"}
	want := map[Type]Event{
		Connected:            {Since: at.Add(-8104 * time.Millisecond), Snapshot: &Snapshot{[]Channel{caller, phone}, []Bridge{mixing}}},
		Disconnected:         {Err: errors.New("connection reset")},
		ApplicationReplaced:  {Application: "ringback"},
		ChannelCreated:       {Channel: caller},
		ChannelDestroyed:     {Channel: phone, Cause: 17, TechCause: 486},
		ChannelStateChange:   {Channel: phone},
		ChannelDialplan:      {Channel: caller, Application: "Queue", AppData: "sales,t"},
		ChannelVarset:        {Channel: caller, Variable: "DIALSTATUS", Value: "NOANSWER"},
		ChannelHangupRequest: {Channel: caller, Cause: 16, Soft: true},
		ChannelCallerID:      {Channel: caller},
		ChannelConnectedLine: {Channel: phone},
		ChannelEnteredBridge: {Channel: caller, Bridge: mixing},
		ChannelLeftBridge:    {Channel: caller, Bridge: empty},
		ChannelDtmfReceived:  {Channel: caller, Digit: "#"},
		ChannelHold:          {Channel: caller},
		ChannelUnhold:        {Channel: caller},
		BridgeCreated:        {Bridge: empty},
		BridgeDestroyed:      {Bridge: empty},
		BridgeMerged:         {Bridge: mixing, FromBridge: empty},
		BridgeBlindTransfer: {Channel: phone, Peer: caller, ReplaceChannel: Channel{ID: "l1"}, Bridge: mixing, Result: "Success",
			DestinationType: "blind", TransferExten: "102", TransferContext: "internal"},
		BridgeAttendedTransfer: {Channel: phone, Peer: Channel{ID: "p2"}, ReplaceChannel: Channel{ID: "l1"}, Bridge: mixing, FromBridge: empty,
			Result: "Success", DestinationType: "application", DestApplication: "Queue"},
		Dial:             {Channel: caller, Peer: phone, DialStatus: "RINGING", DialString: "101/sip:101@192.0.2.9"},
		StasisStart:      {Channel: phone, ReplaceChannel: Channel{ID: "r"}, Application: "ringback", Args: []string{"attempt", "17"}},
		StasisEnd:        {Channel: phone, Application: "ringback"},
		PlaybackStarted:  {PlaybackID: "p1", Playback: "playing"},
		PlaybackFinished: {PlaybackID: "p1", Playback: "failed"},
		Other:            {},
	}
	for typ := Other; typ < numTypes; typ++ {
		ev := want[typ]
		ev.Type, ev.At = typ, at
		if got := decode(t, samples[typ]); !reflect.DeepEqual(got, ev) {
			t.Errorf("%v:\n got %+v\nwant %+v", typ, got, ev)
		}
	}
}

// Truncated frames are what a cut connection leaves: each must be an error,
// and none a panic.
func TestDecodeRefusesEveryTruncation(t *testing.T) {
	for typ, frame := range samples {
		for i := range frame {
			var ev Event
			if err := Decode([]byte(frame[:i]), &ev); err == nil {
				t.Fatalf("%v cut at %d of %d was taken: %s", typ, i, len(frame), frame[:i])
			}
		}
	}
}

func TestDecodeAgreesWithEncodingJSON(t *testing.T) {
	for _, frame := range samples {
		compare(t, []byte(frame))
	}
	for _, frame := range oddFrames {
		compare(t, []byte(frame))
	}
	for i, frame := range recorded(t) {
		if i%10 == 0 { // they are all alike, and encoding/json is slow
			compare(t, frame)
		}
	}
}

func TestDecodeBoundsNesting(t *testing.T) {
	nest := func(n int) []byte {
		return []byte(`{"type":"X","a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`)
	}
	var ev Event
	if err := Decode(nest(maxDepth-1), &ev); err != nil {
		t.Errorf("%d deep: %v", maxDepth, err)
	}
	if err := Decode(nest(maxDepth), &ev); !errors.Is(err, errDepth) {
		t.Errorf("%d deep: %v", maxDepth+1, err)
	}
	if err := Decode([]byte(strings.Repeat(`{"a":`, 1_000_000)), &ev); !errors.Is(err, errDepth) {
		t.Errorf("a million deep: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, frame := range samples {
		f.Add([]byte(frame))
	}
	for _, frame := range oddFrames {
		f.Add([]byte(frame))
	}
	f.Fuzz(compare)
}

// compare demands that Decode and reference agree, save for what nests deeper
// than Decode follows.
func compare(t *testing.T, frame []byte) {
	var got Event
	err := Decode(frame, &got)
	if errors.Is(err, errDepth) {
		if bytes.Count(frame, []byte("["))+bytes.Count(frame, []byte("{")) <= maxDepth {
			t.Fatalf("called too deep: %q", frame)
		}
		return
	}
	want, wantErr := reference(frame)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%q:\n Decode says %v\n encoding/json %v", frame, err, wantErr)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%q:\n got %+v\nwant %+v", frame, got, want)
	}
}

func TestDecodeKeepsNothingOfTheFrame(t *testing.T) {
	frame := []byte(samples[Dial])
	var ev Event
	if err := Decode(frame, &ev); err != nil {
		t.Fatal(err)
	}
	for i := range frame {
		frame[i] = 'x' // the reader uses its buffer again
	}
	if want := decode(t, samples[Dial]); !reflect.DeepEqual(ev, want) {
		t.Errorf("the event changed with its frame: %+v", ev)
	}
}

func TestDecodeLists(t *testing.T) {
	channels, err := DecodeChannels([]byte(` [` + callerJSON + `,7,` + phoneJSON + `] `))
	if err != nil || len(channels) != 2 || channels[0].Exten != "74951000001" || channels[1].Name != "PJSIP/101-00000001" {
		t.Errorf("DecodeChannels: %+v, %v", channels, err)
	}
	bridges, err := DecodeBridges([]byte(`[` + mixingJSON + `]`))
	if err != nil || len(bridges) != 1 || len(bridges[0].Channels) != 2 {
		t.Errorf("DecodeBridges: %+v, %v", bridges, err)
	}
	channel, err := DecodeChannel([]byte(callerJSON))
	if err != nil || channel.CallerNumber != "+79161234567" {
		t.Errorf("DecodeChannel: %+v, %v", channel, err)
	}
	for _, body := range []string{``, `{}`, `[`, `[] []`, `<html>`, `[{]`} {
		if _, err := DecodeChannels([]byte(body)); err == nil {
			t.Errorf("DecodeChannels(%s): no error", body)
		}
		if _, err := DecodeBridges([]byte(body)); err == nil {
			t.Errorf("DecodeBridges(%s): no error", body)
		}
	}
	if _, err := DecodeChannel([]byte(`[]`)); err == nil {
		t.Error("DecodeChannel([]): no error")
	}
}

func TestDecodeTakesOneAllocation(t *testing.T) {
	for _, typ := range []Type{ChannelVarset, ChannelDestroyed, ChannelHangupRequest, Other} {
		frame := []byte(strings.ReplaceAll(samples[typ], `\"`, `'`))
		var ev Event
		allocs := testing.AllocsPerRun(100, func() {
			if err := Decode(frame, &ev); err != nil {
				t.Fatal(err)
			}
		})
		if allocs > 1 {
			t.Errorf("%v: %v allocations, want 1", typ, allocs)
		}
	}
}

func TestParseTimeAgreesWithTimeParse(t *testing.T) {
	for _, s := range []string{
		"2026-11-22T08:18:28.104+0000", "2026-11-22T08:18:28.104+00:00", "2026-11-22T08:18:28Z", "2026-02-29T00:00:00.000+0000",
		"2024-02-29T23:59:59.999999999-1130", "1970-01-01T00:00:00.000+0000", "1969-12-31T23:59:59.9+0100", "0000-03-01T00:00:00.000+0000",
		"0001-01-01T00:00:00.000+0000", "9999-12-31T23:59:59.999-2359", "2026-13-01T00:00:00.000+0000", "2026-00-10T00:00:00.000+0000",
		"2026-04-31T00:00:00.000+0000", "2026-11-22T24:00:00.000+0000", "2026-11-22T08:60:00.000+0000", "2026-11-22T08:00:60.000+0000",
		"2026-11-22 08:18:28.104+0000", "2026-11-22T08:18:28.+0000", "2026-11-22T08:18:28.104", "2026-11-22T08:18:28.104+00", "2026-11-22T8:18:28.104+0000", "2026-11-22T08:18:28,104+0000", "2026-11-22T08:18:28.1234567891+0000", "2026-11-22T08:18:28.104+0060", "2026-11-22T08:18:28.104+2400", "2026-11-22T08:18:28.104*0000",
		"", "x", "２026-11-22T08:18:28.104+0000", "2000-02-29T12:00:00.500+0330", "1900-02-29T12:00:00.500+0330",
	} {
		want := object{"t": []byte(`"` + s + `"`)}.time("t")
		if got := parseTime(s); !got.Equal(want) || got.IsZero() != want.IsZero() {
			t.Errorf("parseTime(%q) = %v, time.Parse says %v", s, got, want)
		}
	}
	start := time.Date(1899, 12, 25, 1, 2, 3, 456e6, time.UTC)
	for day := range 200 * 366 {
		want := start.AddDate(0, 0, day)
		if got := parseTime(want.Format(timestampLayout)); !got.Equal(want) {
			t.Fatalf("parseTime(%v) = %v", want, got)
		}
	}
}

func TestTypeNames(t *testing.T) {
	seen := map[string]bool{}
	for typ := Other; typ < numTypes; typ++ {
		name := typ.String()
		if name == "" || seen[name] {
			t.Errorf("type %d has the name %q", typ, name)
		}
		seen[name] = true
	}
	if got := numTypes.String(); got != "Other" {
		t.Errorf("a type out of range is called %q", got)
	}
}

// BenchmarkDecode decodes the recorded calls.
func BenchmarkDecode(b *testing.B) {
	frames := recorded(b)
	size := 0
	for _, frame := range frames {
		size += len(frame)
	}
	b.SetBytes(int64(size / len(frames)))
	b.ReportAllocs()
	var ev Event
	i := 0
	for b.Loop() {
		if err := Decode(frames[i], &ev); err != nil {
			b.Fatal(err)
		}
		if i++; i == len(frames) {
			i = 0
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func recorded(tb testing.TB) [][]byte {
	files, err := filepath.Glob("../testdata/calls/*/*.jsonl")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no recordings: %v", err)
	}
	var frames [][]byte
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 {
				frames = append(frames, bytes.Clone(line))
			}
		}
		if err := lines.Err(); err != nil {
			tb.Fatal(err)
		}
	}
	return frames
}
