package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"ringback/cmd/ringback/web/door"
)

// hostileValues are written into every field of every request that is JSON.
func hostileValues() []json.RawMessage {
	list := []json.RawMessage{[]byte("-1"), []byte("99999999999999999999"), []byte("1e999"), []byte("[[[]]]"), []byte(`"` + "\xff\xfe" + `"`), []byte(`"\ud800"`)}
	for _, text := range hostileTexts {
		list = append(list, asJSON(text))
	}
	return list
}

func asJSON(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

// plainValues are what the fields of requests hold that are no walk's business, so that
// what is hostile beside them is looked at.
func plainValues() map[string]any {
	return map[string]any{"number": "+79160001122", "contact": 1, "login": "anna", "to": "anna", "until": inHours(3), "text": "x", "into": 2, "kind": "refused",
		"starts_at": inHours(48), "media": []string{"sound:hello"}, "state": "booked"}
}

// body is a field of a request by the schema of the document, with what it stands in.
type body struct {
	whole map[string]json.RawMessage
	put   func(map[string]json.RawMessage, json.RawMessage)
}

// bodies are all fields of the requests of a schema, each with what has to be beside
// it, which is less where one changes what is there.
func (c *contract) bodies(t *testing.T, schema object, changes bool) map[string]body {
	t.Helper()
	schema, _ = c.follow(t, schema, nil)
	whole := map[string]json.RawMessage{}
	properties := schema["properties"].(object)
	needed, _ := schema["required"].([]any)
	if _, named := properties["number"]; named && !changes {
		needed = append(needed, "number") // or a contact
	}
	for _, name := range needed {
		whole[name.(string)] = asJSON(plainValues()[name.(string)])
	}
	all := map[string]body{}
	for name, of := range properties {
		one, _ := c.follow(t, of.(object), nil)
		put := func(o map[string]json.RawMessage, v json.RawMessage) { o[name] = v }
		all[name] = body{whole, put}
		switch {
		case one["items"] != nil:
			all[name+"[]"] = body{whole, func(o map[string]json.RawMessage, v json.RawMessage) {
				o[name] = slices.Concat([]byte("["), v, []byte("]"))
			}}
		case one["type"] == "object":
			inside, _ := one["properties"].(object)
			for _, key := range append(slices.Collect(maps.Keys(inside)), "another") {
				all[name+"."+key] = body{whole, func(o map[string]json.RawMessage, v json.RawMessage) {
					o[name] = asJSON(map[string]json.RawMessage{key: v})
				}}
			}
			all[name+" keys"] = body{whole, func(o map[string]json.RawMessage, v json.RawMessage) {
				o[name] = asJSON(map[string]string{string(v): "x"})
			}}
		}
	}
	return all
}

// TestHostileValuesInEveryFieldOfTheAPI writes what is hostile into each field that the
// document names of each route, and looks at all pages.
func TestHostileValuesInEveryFieldOfTheAPI(t *testing.T) {
	s := newStreet(t)
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	fields, taken := 0, 0
	for i := range s.server.routes {
		r := &s.server.routes[i]
		ops, _ := c.paths[r.Path].(object)
		op, _ := ops[strings.ToLower(r.Method)].(object)
		if op["requestBody"] == nil {
			continue
		}
		schema := op["requestBody"].(object)["content"].(object)["application/json"].(object)["schema"].(object)
		for name, b := range c.bodies(t, schema, r.Method == http.MethodPatch) {
			fields++
			s.exec("UPDATE leads SET manager = 'anna' WHERE id = 1")
			s.exec("UPDATE leads SET closed = NULL, outcome = '', closed_by = '' WHERE id = 1")
			for _, hostile := range hostileValues() {
				taken += s.walkInto(r, name, b, hostile)
			}
		}
	}
	if fields < 60 || taken < 100 {
		t.Errorf("%d fields were found, and %d requests taken", fields, taken)
	}
	for _, login := range []string{"anna", "root"} {
		s.showsText(login)
	}
	if n := s.rows("leads"); n < 2 {
		t.Errorf("there are %d leads left", n)
	}
}

// walkInto sends one request, and says by 1 whether it was taken.
func (s *street) walkInto(r *door.Route, field string, b body, hostile json.RawMessage) int {
	s.t.Helper()
	of := maps.Clone(b.whole)
	b.put(of, hostile)
	var members []string
	for name, value := range of {
		members = append(members, fmt.Sprintf("%s:%s", asJSON(name), value)) // not by a Marshal, which would mend what is no UTF-8
	}
	token := []string{rightToken, "another-token-of-the-file"}[s.asked%2]
	s.asked++
	header := bearerHeader(token)
	header["Content-Type"] = "application/json"
	got := s.ask(ask{method: r.Method, path: address(r), header: header, body: "{" + strings.Join(members, ",") + "}"})
	what := fmt.Sprintf("%s %s with %s = %.40s", r.Method, r.Path, field, hostile)
	kind := got.header.Get("Content-Type")
	switch {
	case got.code < 300 && kind == "application/json":
		return 1
	case got.code >= 500 || got.code == http.StatusTooManyRequests || got.code < 400:
		s.t.Errorf("%s: %d %.200s", what, got.code, got.body)
	case kind != "application/problem+json":
		s.t.Errorf("%s: %d is told as %s", what, got.code, kind)
	}
	return 0
}
