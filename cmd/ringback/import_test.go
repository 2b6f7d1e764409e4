package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestImport takes files through the daemon that runs, and into the database when
// none does.
func TestImport(t *testing.T) {
	t.Parallel()
	c := lonely(t)
	config := c.write(t)
	says := func(status int, want, text string, args ...string) {
		t.Helper()
		file := filepath.Join(c.dir, "contacts.csv")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, out, errs := command(t, append([]string{"import", "--config", config, file}, args...)...)
		if got != status || !strings.Contains(out+errs, want) {
			t.Errorf("import %v of %.60q: status %d, want %d and %q, printed %q, and on stderr %q", args, text, got, status, want, out, errs)
		}
	}
	const two = "external_id,phone,name\ncrm-1,89161234567,Ivan\ncrm-2,\"89031112233, 89031112234\",Olga\n"
	says(1, "there is no database", two, "--dry-run")
	t.Run("daemon", func(t *testing.T) {
		s, _ := c.hold(t)
		contacts := func() int { return len(list[apiContact](t, s, "contacts")) }
		says(0, "to be made:    2\n  line 2: \"Ivan\"\n  line 3: \"Olga\"\nto be changed: 0\nas they stand: 0\n", two, "--dry-run")
		says(1, "say --yes", two)
		if n := contacts(); n != 0 {
			t.Errorf("%d contacts after looks at the file", n)
		}
		says(0, `"problems":[],"same":0,"unused_columns":[]`, two, "--dry-run", "--json")
		says(0, "Done: 2 made, 0 changed, 0 as they stood", two, "--yes")
		says(0, "as they stand: 2", two, "--yes")
		says(1, "not taken:     2\n  line 3: number: \"112\" is no valid telephone number", "phone,name,manager\n89161234569,Anna,anna\n112,Rescue,\n89161234560,Boris,nobody\n", "--yes")
		if n := contacts(); n != 3 {
			t.Errorf("%d contacts", n)
		}
		const changed = "phone,name,note\n\"89161234569, 89161234568\",Anna K.,\"two\nlines\"\n89031112233,Olga,\n"
		says(0, "to be changed: 1\n  line 2: contact 3, \"Anna\": name: \"Anna\" → \"Anna K.\"; note: \"two lines\"; numbers + +79161234568\nas they stand: 1\n", changed, "--dry-run")
		says(0, `"changes":[{"line":2,"did":"changed","contact":3,"name":"Anna","parts":[{"field":"name","from":"Anna","to":"Anna K."},{"field":"note","from":"","to":"two\nlines"},{"field":"numbers","from":"","to":"+79161234568"}]}],"done":false`,
			changed, "--dry-run", "--json")
		says(0, `"changed":1,"changes":[{"line":2,"did":"changed","contact":3,"name":"Anna","parts":[{"field":"name","from":"Anna","to":"Anna K."}]}],"done":true,`, "phone,name\n89161234569,Anna K.\n", "--yes", "--json")
		says(1, "line 2: number: the number belongs to contact 2", "external_id,phone\ncrm-1,89031112233\n", "--yes")
		// Somebody rings with a number of which a file says whose it is.
		s.asked(t, "+79261112233")
		says(0, "contact 1, \"Ivan\": contact 4 becomes part of it\n", "external_id,phone\ncrm-1,\"89161234567;89261112233\"\n", "--dry-run")
		says(0, "become part of these: 1", "external_id,phone\ncrm-1,\"89161234567;89261112233\"\n", "--yes")
		if n := contacts(); n != 3 {
			t.Errorf("%d contacts after one became part of another", n)
		}
		// More than one part, of which one contact is there twice.
		var many strings.Builder
		many.WriteString("phone,name\n")
		for i := range 1200 {
			fmt.Fprintf(&many, "+7495%07d,Client %d\n", 2000000+i%1199, i%1199)
		}
		says(0, "line 6: \"Client 4\"\n  and 1194 more: --json tells of all\nto be changed: 0\nas they stand: 1", many.String(), "--dry-run")
		says(0, "to be made:    1199\n", many.String(), "--dry-run")
		says(0, "to be changed: 1\n  line 1202: \"Other\", as another line of the file makes them\nas they stand: 1", many.String()+"+74952000003,Other\n", "--dry-run")
		says(0, "Done: 1199 made, 0 changed, 1 as they stood", many.String(), "--yes")
	})
	says(0, "Done: 1 made, 0 changed, 0 as they stood", "Телефон;Имя\n512 345 678;Łukasz\n", "--yes", "--country", "pl")
	says(1, "no column holds numbers", "x,y\n", "--yes")
	says(1, "not taken:     3\n  line 3: holds a quote that is not ended", "sep=;\nТелефон;Имя\n8 916 123-45-67;\"Иван\" Ильич\n512 345 678;x\n512 345 679;x\n", "--dry-run")
	says(1, "were read as those of RU: name another country where they are of one, as in --country PL.\n", "phone\n512 345 678\n512 345 679\n", "--dry-run")
}

// asked opens a lead for a number that nobody has.
func (s site) asked(t *testing.T, number string) {
	t.Helper()
	s.post(t, "/api/v1/leads", `{"number":"`+number+`"}`, http.StatusCreated)
}

// post asks the API for something, and wants it to answer so.
func (s site) post(t *testing.T, path, body string, want int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Close = true
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != want {
		t.Fatalf("POST %s: %s", path, res.Status)
	}
}

// TestNobodySitsAtNothing wants that a terminal is one where somebody can be
// asked: a character device may be /dev/null.
func TestNobodySitsAtNothing(t *testing.T) {
	for path, want := range map[string]bool{"/dev/null": false, "/dev/zero": false, "/dev/ptmx": true, t.TempDir(): false} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := isTerminal(f); got != want {
			t.Errorf("%s is a terminal: %v, want %v", path, got, want)
		}
		f.Close()
	}
}
