package softphone

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// wave is a frame of sines of the given frequencies, which need not fit.
func wave(start int, level float64, hz ...float64) []int16 {
	frame := make([]int16, frameSamples)
	for n := range frame {
		var sum float64
		for _, f := range hz {
			sum += level * math.Sin(2*math.Pi*f*float64(start+n)/sampleRate)
		}
		frame[n] = int16(sum)
	}
	return frame
}

// G.711 gives these codes for these values (ITU-T, table 2a), and a sample that
// went through keeps its value within the step of its segment.
func TestMulaw(t *testing.T) {
	for sample, code := range map[int16]byte{0: 0xff, 32124: 0x80, -32124: 0x00, 32767: 0x80, -32768: 0x00, 1000: 0xce, -1000: 0x4e, 8: 0xfe} {
		if got := encodeMulaw(sample); got != code {
			t.Errorf("%d is encoded as %#02x, not %#02x", sample, got, code)
		}
	}
	for sample := -32635; sample <= 32635; sample++ {
		back := int(decodeMulaw(encodeMulaw(int16(sample))))
		if step := max(8, (max(sample, -sample)+mulawBias)/16); max(back-sample, sample-back) > step {
			t.Fatalf("%d comes back as %d", sample, back)
		}
	}
	for code := range 256 {
		if sample := decodeMulaw(byte(code)); encodeMulaw(sample) != byte(code) && code != 0x7f { // 0x7f is the other zero
			t.Errorf("%#02x is %d, which is %#02x", code, sample, encodeMulaw(sample))
		}
	}
}

func TestListenKnowsEachTone(t *testing.T) {
	for _, hz := range tones {
		frame := make([]int16, frameSamples)
		for n, code := range hum(hz) {
			frame[n] = decodeMulaw(code)
		}
		if got := listen(frame); !slices.Equal(got, []int{hz}) {
			t.Errorf("%d Hz is heard as %v", hz, got)
		}
		if got := listen(wave(7, 500, float64(hz))); !slices.Equal(got, []int{hz}) {
			t.Errorf("%d Hz, low and shifted, is heard as %v", hz, got)
		}
	}
	if got := listen(wave(0, 6000, 700, 1900)); !slices.Equal(got, []int{700, 1900}) {
		t.Errorf("two at once are heard as %v", got)
	}
}

// Nothing but tones is a tone, and they are no voice: silence and the PBX's
// ringing and busy are nothing at all, speech-like sounds and noise are a voice.
func TestListenKnowsNoOther(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 2))
	for name, sound := range map[string]func(start int) []int16{
		"silence":   func(int) []int16 { return make([]int16, frameSamples) },
		"ringing":   func(start int) []int16 { return wave(start, 6000, 440, 480) },
		"busy":      func(start int) []int16 { return wave(start, 6000, 480, 620) },
		"dial tone": func(start int) []int16 { return wave(start, 6000, 350, 440) },
		"a":         func(start int) []int16 { return wave(start, 3000, 120, 240, 360, 480, 600, 720) },
		"o":         func(start int) []int16 { return wave(start, 3000, 210, 420, 630, 840) },
		"noise": func(int) []int16 {
			frame := make([]int16, frameSamples)
			for n := range frame {
				frame[n] = int16(noise.IntN(12000) - 6000)
			}
			return frame
		},
	} {
		e := newEar()
		for n := range 100 {
			e.frame(sound(n*frameSamples), time.Now())
		}
		voice := name == "a" || name == "o" || name == "noise"
		if heard := e.all(); len(heard) > 1 || len(heard) == 1 != voice || voice && heard[0].Hz != Voice {
			t.Errorf("%s is heard as %v", name, heard)
		}
	}
}

// Each key sounds as the two tones of its row and column, and too short to be
// somebody's.
func TestChord(t *testing.T) {
	for code := range len(keyCodes) {
		e, wanted := newEar(), map[int]bool{}
		place := strings.IndexByte(keyPad, keyCodes[code])
		wanted[keyRows[place/4]], wanted[keyColumns[place%4]] = true, true
		for n := range keyFrames {
			var frame []int16
			for _, sample := range chord(byte(code), n) {
				frame = append(frame, decodeMulaw(sample))
			}
			e.frame(frame, time.Now())
			for _, hz := range append(keyRows[:], keyColumns[:]...) {
				if strong := goertzel(frame, hz) > 1e11; strong != wanted[hz] {
					t.Errorf("key %c, frame %d: %d Hz is there: %v", keyCodes[code], n, hz, strong)
				}
			}
		}
		if heard := e.all(); len(heard) > 0 {
			t.Errorf("key %c is heard as %v", keyCodes[code], heard)
		}
	}
}

// A voice breathes, and ends a second after its last word.
func TestEarHearsAVoice(t *testing.T) {
	e, now := newEar(), time.Now()
	play := func(frames int, hz ...float64) {
		for range frames {
			now = now.Add(frameTime)
			e.frame(wave(0, 3000, hz...), now)
		}
	}
	word := []float64{120, 240, 360, 480, 600, 720}
	play(8, word...)
	play(12)
	began := now
	play(8, word...)
	play(9)
	play(6, word...)
	if len(e.all()) != 0 {
		t.Fatal("heard too early")
	}
	play(1, word...)
	play(49)
	play(1, word...)
	ended := now
	play(49)
	if heard := e.all(); len(heard) != 1 || !heard[0].Until.IsZero() {
		t.Fatalf("heard %+v", heard)
	}
	play(1, 700)
	if heard := e.all(); len(heard) != 1 || heard[0].Hz != Voice || !heard[0].Since.Equal(began) || !heard[0].Until.Equal(ended) {
		t.Errorf("from %v to %v: heard %+v", began, ended, heard)
	}
}

// A tone begins after 200 ms of it and is not interrupted by a lost packet.
func TestEar(t *testing.T) {
	e, now := newEar(), time.Now()
	play := func(frames int, hz ...float64) {
		for range frames {
			now = now.Add(frameTime)
			e.frame(wave(0, 6000, hz...), now)
		}
	}
	began := now
	play(9, 700)
	if len(e.all()) != 0 {
		t.Fatal("heard too early")
	}
	play(1, 700)
	play(4, 3000)
	play(20, 700)
	ended := now
	play(5, 3000)
	heard := e.all()
	if len(heard) != 1 || heard[0].Hz != 700 || !heard[0].Since.Equal(began) || !heard[0].Until.Equal(ended) {
		t.Errorf("from %v to %v: heard %+v", began, ended, heard)
	}
	play(10, 700, 800)
	e.close(now)
	if heard = e.all(); len(heard) != 3 || heard[1].Until.IsZero() || heard[2].Until.IsZero() {
		t.Errorf("heard %+v", heard)
	}
}
