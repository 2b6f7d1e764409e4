package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Match says what an answer looks like: all that is given must fit.
type Match struct {
	// Status are codes or classes: "2xx", "200, 202". Empty: 2xx of a success, and
	// any of what is worth another try.
	Status string `yaml:"status"`
	// Body is a regular expression that must be found.
	Body string `yaml:"body"`
	// JSON are fields and the regular expression that all of their value must fit:
	// the field "messages.0.status" is status of the first of messages. A field
	// that is not there fits nothing; of null the value is "null".
	JSON map[string]string `yaml:"json"`
}

// Empty says that there is no rule.
func (m *Match) Empty() bool { return m.Status == "" && m.Body == "" && len(m.JSON) == 0 }

// rule is a Match that was read.
type rule struct {
	status []string // "200", "2xx"; none: any
	body   *regexp.Regexp
	fields []string
	json   map[string]*regexp.Regexp
}

var statusWord = regexp.MustCompile(`^[1-5]([0-9]{2}|xx)$`)

// newRule reads a Match that is configured under key.
func newRule(key string, m Match, status string) (*rule, []Fault) {
	var faults []Fault
	if m.Status != "" {
		status = m.Status
	}
	r := &rule{json: map[string]*regexp.Regexp{}, fields: slices.Sorted(maps.Keys(m.JSON))}
	for _, word := range strings.FieldsFunc(status, func(c rune) bool { return c == ',' || c == ' ' }) {
		if !statusWord.MatchString(word) {
			faults = append(faults, Fault{key + ".status", fmt.Sprintf("%q is no status such as 2xx or 201", word)})
		}
		r.status = append(r.status, word)
	}
	var err error
	if m.Body != "" {
		if r.body, err = regexp.Compile(m.Body); err != nil {
			faults = append(faults, Fault{key + ".body", err.Error()})
		}
	}
	for _, field := range r.fields {
		if _, err = regexp.Compile(m.JSON[field]); err == nil {
			r.json[field], err = regexp.Compile("^(?:" + m.JSON[field] + ")$")
		}
		if err != nil {
			faults = append(faults, Fault{key + ".json." + field, err.Error()})
		}
	}
	return r, faults
}

// misses says why an answer does not fit; empty: it does.
func (r *rule) misses(status int, body []byte) string {
	code := strconv.Itoa(status)
	if len(r.status) > 0 && !slices.Contains(r.status, code) && !slices.Contains(r.status, code[:1]+"xx") {
		return "not the status of a success"
	}
	if r.body != nil && !r.body.Match(body) {
		return "its body is not that of a success"
	}
	if len(r.fields) == 0 {
		return ""
	}
	var document any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&document); err != nil {
		return "its body is no JSON"
	}
	for _, field := range r.fields {
		switch value, there := valueAt(document, field); {
		case !there:
			return fmt.Sprintf("there is no field %s", field)
		case !r.json[field].MatchString(value):
			return fmt.Sprintf("the field %s is not that of a success", field)
		}
	}
	return ""
}

// valueAt finds a field, as text; false: it is not there, or holds others.
func valueAt(document any, field string) (string, bool) {
	for part := range strings.SplitSeq(field, ".") {
		switch in := document.(type) {
		case map[string]any:
			value, there := in[part]
			if !there {
				return "", false
			}
			document = value
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(in) {
				return "", false
			}
			document = in[i]
		default:
			return "", false
		}
	}
	switch value := document.(type) {
	case nil:
		return "null", true
	case map[string]any, []any:
		return "", false
	default:
		return fmt.Sprint(value), true
	}
}
