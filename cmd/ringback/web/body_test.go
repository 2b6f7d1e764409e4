package web

import (
	"net/http"
	"testing"
)

// TestABodyThatIsNoneIsToldWhy wants words of JSON, and not of what reads it.
func TestABodyThatIsNoneIsToldWhy(t *testing.T) {
	h := newHouse(t)
	for body, want := range map[string]string{
		"":                         "The body is empty: it should be a JSON object.",
		" \n":                      "The body is empty: it should be a JSON object.",
		"[]":                       "The body is not a JSON object.",
		"null":                     "The body is not a JSON object.",
		"{} {}":                    "There is something after the JSON object.",
		`{"nmae":"Ivan"}`:          `The key "nmae" is not known here.`,
		`{"name":1}`:               "The value of name is a JSON number, and should be a string.",
		`{"shared":"yes"}`:         "The value of shared is a JSON string, and should be true or false.",
		`{"numbers":"+7916"}`:      "The value of numbers is a JSON string, and should be an array.",
		`{"numbers":[7916]}`:       "The value of numbers is a JSON number, and should be a string.",
		`{"name":"Ivan`:            "The body is not JSON: unexpected EOF.",
		`{"name":{"last":"Ivan"}}`: "The value of name is a JSON object, and should be a string.",
	} {
		if got := h.wants(http.StatusBadRequest, "PUT", "/api/v1/contacts", body)["detail"]; got != want {
			t.Errorf("%s: %v, want %s", body, got, want)
		}
	}
	if got := h.wants(http.StatusBadRequest, "POST", "/api/v1/contacts/1/merge", `{"into":"2"}`)["detail"]; got != "The value of into is a JSON string, and should be a whole number." {
		t.Error(got)
	}
	if got := h.wants(http.StatusMethodNotAllowed, "GET", "/api/v1/leads/1/take", "")["detail"]; got != "Such requests are not taken here, only POST." {
		t.Error(got)
	}
}
