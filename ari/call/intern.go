package call

import "unique"

// intern keeps one copy of a string that many calls share (contexts,
// applications, endpoints): a PBX has few of them, and calls by the thousand.
func intern(s string) string {
	if s == "" {
		return ""
	}
	return unique.Make(s).Value()
}
