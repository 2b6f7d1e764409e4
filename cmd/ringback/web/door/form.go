package door

import (
	"errors"
	"io"
	"net/http"
)

// MostForm bounds what people post, in bytes.
const MostForm = 64 << 10

// mostReadOff bounds how much of a body that is refused is read, in bytes.
const mostReadOff = 1 << 20

// bounded is a body of which no more than MostForm is given away.
type bounded struct {
	io.ReadCloser
	whole io.Reader
}

func bound(w http.ResponseWriter, r *http.Request) {
	if _, is := r.Body.(*bounded); !is {
		r.Body = &bounded{http.MaxBytesReader(w, r.Body, MostForm), r.Body}
	}
}

// ReadOff reads what is left of a body that is refused for its size, up to a
// megabyte. Whoever still writes when the connection is closed is told that it
// was reset, and never sees the answer; of what is much larger, nobody is owed one.
func ReadOff(r *http.Request) {
	var body io.Reader = r.Body
	if b, is := body.(*bounded); is {
		body = b.whole
	}
	_, _ = io.CopyN(io.Discard, body, mostReadOff) // what fails here fails for the answer too
}

// Posted reads a form that was posted, no more than MostForm of it. Without it
// the request has been answered.
func (d *Door) Posted(w http.ResponseWriter, r *http.Request) bool {
	bound(w, r)
	err := r.ParseForm()
	if tooMuch := new(http.MaxBytesError); errors.As(err, &tooMuch) {
		ReadOff(r)
		d.refuse(w, r, http.StatusRequestEntityTooLarge, "refused.too_much")
		return false
	}
	if err != nil {
		d.refuse(w, r, http.StatusBadRequest, "refused.unreadable")
		return false
	}
	return true
}
