package number

import "strings"

// Mask is s for a log: enough of a number to recognize it beside another log,
// not enough to ring it: +7916•••4567. Up to six digits stand as they are: they
// are extensions and service numbers. What is not a number is hidden whole.
func Mask(s string) string {
	if s == "" {
		return "withheld"
	}
	plain, ok := digits(s)
	if !ok || len(s) > maxKey {
		return "•••"
	}
	head, tail := 5, 4
	switch n := len(plain); {
	case n <= maxShort:
		return plain
	case n < 10:
		head, tail = 2, 2
	case n < 12:
		head, tail = 4, 3
	}
	return strings.Join([]string{plain[:head], plain[len(plain)-tail:]}, "•••")
}
