package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/posted"
)

// The bounds of what is posted.
const (
	MaxJSON = 64 << 10
	MaxCSV  = 4 << 20
)

const (
	typeJSON    = "application/json"
	typeCSV     = "text/csv"
	typeProblem = "application/problem+json"
)

// typeForm is what curl's -d says of whatever it posts.
const typeForm = "application/x-www-form-urlencoded"

// bodyType is the media type of what is posted; the request has been answered
// where it is none of those named. Who names none, or a form's, posts JSON: its
// reader says so where it is none. The token is what keeps foreign pages out.
func bodyType(w http.ResponseWriter, r *http.Request, known ...string) (string, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == typeForm || r.Header.Get("Content-Type") == "" {
		kind, err = typeJSON, nil
	}
	for _, k := range known {
		if err == nil && kind == k {
			return k, true
		}
	}
	door.Problem(w, http.StatusUnsupportedMediaType, "Content-Type: "+strings.Join(known, " or ")+" is taken here.")
	return "", false
}

// readBody reads what is posted, no more than most. Without it the request has
// been answered.
func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, bool) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err == nil {
		return text, true
	}
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		door.ReadOff(r)
		door.Problem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("That is too much: no more than %d kB are taken.", most>>10))
	} else {
		door.Problem(w, http.StatusBadRequest, "The body did not arrive as a whole.")
	}
	return nil, false
}

// readJSON reads one JSON object into v, strictly: a key that is misspelled
// would else be passed over, and what it says be lost in silence. Without it the
// request has been answered.
func readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	if _, ok := bodyType(w, r, typeJSON); !ok {
		return false
	}
	text, ok := readBody(w, r, MaxJSON)
	if !ok {
		return false
	}
	why := decode(text, v)
	if why != "" {
		door.Problem(w, http.StatusBadRequest, why)
	}
	return why == ""
}

// decode reads one JSON object, and says in a sentence why it cannot; empty: it
// has.
func decode(text []byte, v any) string {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return "There is something after the JSON object."
		}
		if text = bytes.TrimSpace(text); text[0] != '{' {
			return "The body is not a JSON object."
		}
		return ""
	}
	wrong := new(json.UnmarshalTypeError)
	unknown, isUnknown := strings.CutPrefix(err.Error(), "json: unknown field ")
	switch {
	case errors.Is(err, io.EOF):
		return "The body is empty: it should be a JSON object."
	case errors.As(err, &wrong) && wrong.Field != "":
		return fmt.Sprintf("The value of %s is a JSON %s, and should be %s.", wrong.Field, wrong.Value, inJSON(wrong.Type))
	case errors.As(err, &wrong):
		return "The body is not a JSON object."
	case isUnknown:
		return fmt.Sprintf("The key %s is not known here.", unknown)
	}
	return "The body is not JSON: " + strings.TrimPrefix(err.Error(), "json: ") + "."
}

// inJSON is what a value of a type is in JSON.
func inJSON(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}

// refusal is a problem of RFC 9457; more about it stands beside.
type refusal struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func refused(code int, why string) refusal {
	return refusal{"about:blank", http.StatusText(code), code, why}
}

// wrongs refuses what is well written and cannot be meant, all of it at once.
func wrongs(w http.ResponseWriter, list posted.Problems) {
	door.JSON(w, http.StatusUnprocessableEntity, typeProblem, struct {
		refusal
		Problems posted.Problems `json:"problems"`
	}{refused(http.StatusUnprocessableEntity, "Nothing was taken: "+list.Error()), list})
}
