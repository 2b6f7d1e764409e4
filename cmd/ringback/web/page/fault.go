package page

import (
	"regexp"

	"ringback/leads/alert"
)

// fault says why another machine has not taken something, in the reader's language.
// What is not in our own words stands as it was said; known is false then.
func (t *teller) fault(english string) (said string, known bool) {
	said, known = t.words.Again("fault", english, func(name, value string) (string, bool) {
		switch name {
		case "why":
			return t.fault(value)
		case "who":
			return t.person(value), t.directory.Manager(value) != nil
		}
		return alert.Clean(value), true
	})
	if !known {
		return alert.Clean(english), false
	}
	return said, true
}

// job is how the errors of jobs begin that tell people of something.
var job = regexp.MustCompile(`^alert: [^ ]+ to ([^ ]+): (unreachable|refused|timed_out): (.*)$`)

// workFault says why a job has failed.
func (t *teller) workFault(english string) string {
	found := job.FindStringSubmatch(english)
	if found == nil {
		said, _ := t.fault(english)
		return said
	}
	said, _ := t.fault(found[3])
	return t.person(found[1]) + ": " + t.say("sent."+found[2]) + ": " + said
}
