package number

import "testing"

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

func BenchmarkGrouped(b *testing.B) {
	for b.Loop() {
		Grouped("+79161234567")
	}
}
