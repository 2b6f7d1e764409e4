package answers

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"ringback/leads/db"
)

// TestLargeAnswersAreKeptForAWhile writes as many as keep their bodies and one more:
// the first has none any more, and says where to look.
func TestLargeAnswersAreKeptForAWhile(t *testing.T) {
	book, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "book.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	of := func(i int) Request { return Request{Key: fmt.Sprint("key ", i), Asked: "asked"} }
	sizes := map[int]int{0: small + 1, 1: small, 2: MaxBody, 3: MaxBody + 1}
	err = book.Do(t.Context(), func(tx *db.Tx) error {
		for i := range whole + 2 {
			if err := Done(tx, of(i), "/api/v1/leads/7"); err != nil {
				return err
			}
			if err := Write(tx, of(i), Answer{Code: 201, Kind: "application/json", Location: "/there", Body: bytes.Repeat([]byte("x"), sizes[i])}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]string{0: "0  0", 1: "201 /there 1024", 2: "201 /there 65536", 3: "0  0", whole + 1: "201 /there 0"} {
		a, err := Find(t.Context(), book.Reader(), of(i))
		if err != nil || a == nil {
			t.Fatal(a, err)
		}
		if got := fmt.Sprint(a.Code, " ", a.Location, " ", len(a.Body)); got != want || a.About != "/api/v1/leads/7" {
			t.Errorf("answer %d is kept as %q, about %s; want %q", i, got, a.About, want)
		}
	}
}
