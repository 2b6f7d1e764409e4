package page

import "testing"

// What a spreadsheet would take for a formula is text, and a number stays one.
func TestNoCellIsAFormula(t *testing.T) {
	for text, want := range map[string]string{
		"+79161234567": "+79161234567", "79161234567": "79161234567", "101": "101", "": "", "Ivan": "Ivan", "a=b": "a=b", "Петров-Водкин": "Петров-Водкин",
		"=1+1": "'=1+1", "+1+cmd|'/C calc'!A0": "'+1+cmd|'/C calc'!A0", "+79161234567 +79261234567": "'+79161234567 +79261234567", "-2": "'-2", "@SUM(1)": "'@SUM(1)",
		"+": "'+", "＝1": "'＝1", "\t=1": "'=1", "\r\n=1": "'=1", "+٣": "'+٣", "\u202e=1": "'=1",
	} {
		if got := cell(text); got != want {
			t.Errorf("%q is written %q, want %q", text, got, want)
		}
	}
}
