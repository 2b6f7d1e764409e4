package softphone

import (
	"math"
	"slices"
	"strings"
)

const (
	sampleRate   = 8000
	frameSamples = 160 // 20 ms, one RTP packet
	// toneLevel is the peak of a phone's own tone, about a fifth of full scale:
	// several of them can be mixed without clipping.
	toneLevel = 6000
)

var tones = func() (all []int) {
	for hz := 400; hz <= 2000; hz += 100 {
		all = append(all, hz)
	}
	return all
}()

// Tones are the frequencies in Hz that phones play and know: 400 to 2000 in
// steps of 100. Each fits a whole number of times into 20 ms, so they do not
// disturb each other; the keys' tones and those of a PBX lie between them.
func Tones() []int { return slices.Clone(tones) }

// known tells whether hz is silence or one of Tones.
func known(hz int) bool { return hz == 0 || slices.Contains(tones, hz) }

// hum is one frame of the tone in mu-law. Since a frame holds whole waves it
// can be repeated for ever.
func hum(hz int) []byte {
	frame := make([]byte, frameSamples)
	for n := range frame {
		frame[n] = encodeMulaw(int16(toneLevel * math.Sin(2*math.Pi*float64(hz*n)/sampleRate)))
	}
	return frame
}

// The two tones of each key (ITU-T Q.23), by its place on the pad.
var (
	keyRows    = [...]int{697, 770, 852, 941}
	keyColumns = [...]int{1209, 1336, 1477, 1633}
)

const keyPad = "123A456B789C*0#D"

// chord is the frame-th frame of a key's two tones, in mu-law.
func chord(code byte, frame int) []byte {
	place := strings.IndexByte(keyPad, keyCodes[code])
	row, column := keyRows[place/4], keyColumns[place%4]
	sound := make([]byte, frameSamples)
	for n := range sound {
		t := 2 * math.Pi * float64(frame*frameSamples+n) / sampleRate
		sound[n] = encodeMulaw(int16(toneLevel * (math.Sin(float64(row)*t) + math.Sin(float64(column)*t))))
	}
	return sound
}

// Mu-law as of ITU-T G.711: sign, three bits of exponent, four of mantissa, all
// inverted, over the magnitude plus a bias.
const (
	mulawBias = 0x84
	mulawClip = 32635
)

func encodeMulaw(sample int16) byte {
	sign, magnitude := byte(0), int(sample)
	if magnitude < 0 {
		sign, magnitude = 0x80, -magnitude
	}
	magnitude = min(magnitude, mulawClip) + mulawBias
	exponent := 7
	for mask := 0x4000; exponent > 0 && magnitude&mask == 0; mask >>= 1 {
		exponent--
	}
	mantissa := byte(magnitude>>(exponent+3)) & 0x0f
	return ^(sign | byte(exponent)<<4 | mantissa)
}

func decodeMulaw(code byte) int16 {
	code = ^code
	magnitude := (int(code&0x0f)<<3+mulawBias)<<(code>>4&7) - mulawBias
	if code&0x80 != 0 {
		magnitude = -magnitude
	}
	return int16(magnitude)
}

// audible is the mean square from which on a frame is no silence: an amplitude
// of about 400.
const audible = 8e4

// signals are what a PBX's ringing and busy tones and its keys are made of.
var signals = append([]int{350, 440, 480, 620}, append(keyRows[:], keyColumns[:]...)...)

// listen tells which of tones a frame holds, or that it holds a Voice. It holds
// tones only when nearly all of its energy is in them, and is a voice when it is
// not in two of the signals either: these are nobody's.
func listen(frame []int16) (present []int) {
	var energy float64
	for _, s := range frame {
		energy += float64(s) * float64(s)
	}
	n := float64(len(frame))
	if energy < audible*n {
		return nil
	}
	var share float64
	for _, hz := range tones {
		// A sine of amplitude A has energy A²n/2, and A²n²/4 at its frequency.
		if part := goertzel(frame, hz) * 2 / (n * energy); part >= 0.15 {
			present = append(present, hz)
			share += part
		}
	}
	if share >= 0.8 {
		return present
	}
	var first, second float64
	for _, hz := range signals {
		switch part := goertzel(frame, hz) * 2 / (n * energy); {
		case part > first:
			first, second = part, first
		case part > second:
			second = part
		}
	}
	if first+second >= 0.8 {
		return nil
	}
	return []int{Voice}
}

// goertzel is the squared magnitude of the frame's spectrum at one frequency.
func goertzel(frame []int16, hz int) float64 {
	coefficient := 2 * math.Cos(2*math.Pi*float64(hz)/sampleRate)
	var s1, s2 float64
	for _, sample := range frame {
		s1, s2 = float64(sample)+coefficient*s1-s2, s1
	}
	return s1*s1 + s2*s2 - coefficient*s1*s2
}
