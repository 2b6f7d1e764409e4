package number

import (
	"fmt"
	"testing"
)

func TestGrouped(t *testing.T) {
	for e164, want := range map[string]string{
		"+79161234567": "+7\u00a0916\u00a0123-45-67", "+442071838750": "+44\u00a020\u00a07183\u00a08750", "+48221234567": "+48\u00a022\u00a0123\u00a045\u00a067",
		"": "", "101": "101", "+": "+", "+7<b>": "+7<b>", "+00000000000": "+00000000000", "anonymous": "anonymous", "+79161234567x": "+79161234567x",
	} {
		if got := Grouped(e164); got != want {
			t.Errorf("%q is written %q, want %q", e164, got, want)
		}
	}
}

func TestNumbersAtOnePlaceAreToldApart(t *testing.T) {
	for i := range 3 * len(recent) { // more than there are places
		for range 2 {
			if e164 := fmt.Sprintf("+7916%07d", i); Grouped(e164) != group(e164) {
				t.Fatalf("%s is grouped as %s", e164, Grouped(e164))
			}
		}
	}
}

func BenchmarkGrouped(b *testing.B) {
	for b.Loop() {
		Grouped("+79161234567")
	}
}
