package contacts

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"ringback/leads/number"
)

// shown is a file on lines: its rows, and what is wrong.
func shown(text []byte, country string) string {
	f, err := Read(text, &number.Plan{Country: country})
	if err != nil {
		return "error: " + err.Error()
	}
	var b strings.Builder
	for _, row := range f.Rows {
		fmt.Fprintf(&b, "%d %s", row.Line, strings.Join(row.Numbers, " "))
		for _, v := range []*string{row.Name, row.ExternalID, row.Email, row.Note, row.Manager, row.Language} {
			fmt.Fprintf(&b, "|%s", value(v))
		}
		if row.Shared != nil {
			fmt.Fprint(&b, "|", *row.Shared)
		}
		b.WriteString("\n")
	}
	for _, p := range f.Bad {
		fmt.Fprintf(&b, "%d %s: %s\n", p.Line, p.Field, p.Text)
	}
	return strings.TrimSpace(b.String())
}

// as writes a text in another encoding.
func as(t *testing.T, name, text string) []byte {
	t.Helper()
	var out []byte
	var err error
	switch name {
	case "utf-8":
		return []byte(text)
	case "bom":
		return []byte("\xef\xbb\xbf" + text)
	case "utf-16":
		out, err = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes([]byte(text))
	case "windows-1251":
		out, err = charmap.Windows1251.NewEncoder().Bytes([]byte(text))
	case "windows-1252":
		out, err = charmap.Windows1252.NewEncoder().Bytes([]byte(text))
	case "windows-1250":
		out, err = charmap.Windows1250.NewEncoder().Bytes([]byte(text))
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFilesOfAddressBooks(t *testing.T) {
	for _, c := range []struct{ name, encoding, country, text, want string }{
		{"plain", "utf-8", "RU", "external_id,phone,name,email,note,manager,language,shared\ncrm-1,8 916 123-45-67,Ivan,ivan@example.com,vip,anna,ru,yes\n",
			"2 +79161234567|Ivan|crm-1|ivan@example.com|vip|anna|ru|true"},
		{"Russian CRM", "windows-1251", "RU", "ФИО;Телефон;Почта;Комментарий\r\nПетров Иван;8 (916) 123-45-67;ivan@example.com;\"звонить\r\nутром\"\r\nОльга;+7 903 111-22-33, 8 903 111 22 34;;\r\n",
			"2 +79161234567|Петров Иван||ivan@example.com|звонить\nутром||\n4 +79031112233 +79031112234|Ольга|||||"},
		{"Russian names apart", "bom", "RU", "Имя,Отчество,Фамилия,Мобильный телефон,Рабочий телефон\nИван,Ильич,Петров,89161234567,84951234567\n",
			"2 +79161234567 +74951234567|Иван Ильич Петров|||||"},
		{"Polish", "windows-1250", "PL", "Imię i nazwisko;Telefon komórkowy;Uwagi\nŁukasz Żak;512 345 678;proszę rano\n",
			"2 +48512345678|Łukasz Żak|||proszę rano||"},
		{"Google", "utf-8", "RU", "First Name,Middle Name,Last Name,Organization Name,Notes,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value\n" +
			"Ivan,,Petrov,Acme,,* Work,ivan@example.com ::: i@example.com,Mobile,+7 916 123-45-67 ::: +7 916 123-45-68,Work,+7 495 123-45-67\n,,,Acme,,,,Main,+7 495 123-45-68,,\n",
			"2 +79161234567 +79161234568 +74951234567|Ivan Petrov||ivan@example.com|||\n3 +74951234568|Acme|||||"},
		{"Outlook", "utf-16", "DE", "Title\tFirst Name\tLast Name\tCompany\tBusiness Phone\tBusiness Fax\tMobile Phone\tE-mail Address\tNotes\n\tAnna\tSchmidt\t\t030 1234567\t030 1234568\t0151 12345678\tanna@example.com\tx\n",
			"2 +49301234567 +4915112345678|Anna Schmidt||anna@example.com|x||"},
		{"bad lines", "utf-8", "RU", "phone,name,shared\n112,Rescue,\n,Nobody,\n,,\n+79161234567,Ivan,maybe\n+79161234568,Olga,,,\n+79161234569," + strings.Repeat("x", 10<<20) + ",\n+79161234560,\"two\nlines\",\n89031112233,Good,no\n",
			"10 +79031112233|Good|||||" + "|false\n" + `2 number: "112" is no valid telephone number: write it with its country code, or name the country
3 number: there is none: a contact is known by its number
5 shared: is neither yes nor no
6 : holds 5 values for 3 columns
7 name: is longer than 256 characters
8 name: holds control characters: write it on one line`},
		{"no numbers", "utf-8", "RU", "name,colour\nIvan,red\n", "error: contacts: no column holds numbers: call it phone (the first line has: colour)"},
		{"open quotes", "utf-8", "RU", "phone,name\n+79161234567,Ivan\n+79161234568,\"Olga\n+79161234569,\"Petrova, Anna\"\n\n+79161234560,Boris \"Bob\" B.\n+79161234561,\"two\nlines\"\n+79161234562,\"Vera\n",
			"2 +79161234567|Ivan|||||\n4 +79161234569|Petrova, Anna|||||\n" + `3 : ` + brokenLine + `
6 : ` + brokenLine + `
7 name: holds control characters: write it on one line
9 : ` + brokenLine},
		{"a quote in the names", "utf-8", "RU", "phone,na\"me\n+79161234567,Ivan\n", "error: contacts: the file is neither CSV with a line of column names, nor vCard"},
		{"Excel's own line", "bom", "RU", "sep=;\r\nТелефон;Имя\r\n8 916 123-45-67;Иван, Олег, Вера\r\n112;x\r\n",
			"3 +79161234567|Иван, Олег, Вера|||||\n4 number: \"112\" is no valid telephone number: write it with its country code, or name the country"},
		{"French", "windows-1252", "FR", "Téléphone;Nom et prénom;Full name\n01 23 45 67 89;;Hélène Lefèvre\n", "2 +33123456789|Hélène Lefèvre|||||"},
		{"Polish elsewhere", "windows-1250", "DE", "Telefon;Full name\n+48512345678;Łukasz Żak\n", "2 +48512345678|Łukasz Żak|||||"},
		{"Spanish", "windows-1252", "DE", "Telefon;Full name;Note\n+34912345678;Begoña;¿Qué tal?\n", "2 +34912345678|Begoña|||¿Qué tal?||"},
		{"UTF-16 without a mark", "utf-8", "RU", "p\x00h\x00o\x00n\x00e\x00", "error: contacts: the file holds bytes that are in no text: save it as CSV in UTF-8"},
		{"nothing", "utf-8", "RU", "", "error: contacts: the file is neither CSV with a line of column names, nor vCard"},
		{"a picture", "utf-8", "RU", "\x89PNG\r\n\x1a\n\x00\x00", "error: contacts: the file holds bytes that are in no text: save it as CSV in UTF-8"},
		{"vCard 3", "utf-8", "RU", "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Apple Inc.//iPhone OS//EN\r\nN:Петров;Иван;;;\r\nFN:Иван Петров\r\nitem1.TEL;type=CELL;type=VOICE;type=pref:+7 916\r\n  123-45-67\r\nTEL;type=\"x:y\":8 495 123 45 67\r\n" +
			"PHOTO;ENCODING=b;TYPE=JPEG:" + strings.Repeat("/9j/4AAQ\r\n ", 50000) + "\r\nEMAIL;type=INTERNET:ivan@example.com\r\nNOTE:one\\ntwo\\, three\r\nEND:VCARD\r\n",
			"1 +79161234567 +74951234567|Иван Петров||ivan@example.com|one\ntwo, three||"},
		{"vCard 2.1", "utf-8", "RU", "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=9F=D0=B5=D1=82=\n=D1=80=D0=BE=D0=B2;=\n=D0=98=D0=B2=D0=B0=D0=BD;;;\nTEL;CELL;PREF:89161234567\nTEL;HOME:84951234567\nEND:VCARD\n" +
			"BEGIN:VCARD\nVERSION:2.1\nFN;CHARSET=windows-1251;QUOTED-PRINTABLE:=CE=EB=FC=E3=E0\nTEL;CELL:112\nEND:VCARD\n",
			"1 +79161234567 +74951234567|Иван Петров|||||\n9 number: \"112\" is no valid telephone number: write it with its country code, or name the country"},
		{"vCard 4", "utf-8", "PL", "BEGIN:VCARD\nVERSION:4.0\nFN:Łukasz Żak\nTEL;VALUE=uri;TYPE=cell:tel:+48-512-345-678\nEND:VCARD\nBEGIN:VCARD\nVERSION:4.0\nFN:x\n",
			"1 +48512345678|Łukasz Żak|||||\n6 : this card has no end"},
		{"vCard and more", "utf-8", "PL", "BEGIN:VCARD\nVERSION:4.0\nEND:VCARD\nhello\n", "error: contacts: line 4 is of no card"},
	} {
		if got := shown(as(t, c.encoding, c.text), c.country); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// Whatever the file: what is kept of it is bounded.
func TestFilesAreBounded(t *testing.T) {
	for name, text := range map[string]string{
		"rows":    "phone\n" + strings.Repeat("+79161234567\n", MaxRows+1),
		"bytes":   strings.Repeat("x", MaxFile+1),
		"columns": "phone" + strings.Repeat(",x", 400) + "\n",
		"cards":   strings.Repeat("BEGIN:VCARD\nTEL:+79161234567\nEND:VCARD\n", MaxRows+1),
		"a card":  "BEGIN:VCARD\n" + strings.Repeat("NOTE:x\n", 100_000) + "END:VCARD\n",
	} {
		if _, err := Read([]byte(text), &number.Plan{}); err == nil || len(err.Error()) > 1000 {
			t.Errorf("%s: %v", name, err)
		}
	}
	f, err := Read([]byte("phone,name\n"+strings.Repeat("112,x\n", 5000)), &number.Plan{Country: "RU"})
	if err != nil || f.BadRows != 5000 || len(f.Bad) != mostTold {
		t.Errorf("%d bad rows, %d told, %v", f.BadRows, len(f.Bad), err)
	}
}

// TestSmallFilesTakeLittle wants of files that are made to be large in memory that
// they are not.
func TestSmallFilesTakeLittle(t *testing.T) {
	const end = "\nTEL:+79161234567\nEND:VCARD\n"
	for name, c := range map[string]struct {
		text string
		most uint64 // bytes
		err  string
	}{
		"empty lines in a card":    {"BEGIN:VCARD" + strings.Repeat("\n", 8<<20) + end, 4 << 20, "contacts: the card at line 1 is longer than 256 kB"},
		"empty lines between them": {"BEGIN:VCARD" + end + strings.Repeat("\n", 8<<20), 1 << 20, ""},
		"a value on many lines":    {"BEGIN:VCARD\nNOTE;QUOTED-PRINTABLE:" + strings.Repeat("xx=\n", 80_000) + end, 8 << 20, ""},
		"a picture on many lines":  {"BEGIN:VCARD\nPHOTO:" + strings.Repeat("xx\n ", 2<<20) + end, 1 << 20, ""},
	} {
		text := []byte(c.text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(text, &number.Plan{})
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > c.most {
			t.Errorf("%s: %d bytes take %d, want no more than %d", name, len(text), took, c.most)
		}
		if said := fmt.Sprint(err); said != c.err && !(c.err == "" && err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("phone,name\n+79161234567,Ivan\n"))
	f.Add([]byte("BEGIN:VCARD\nN;QUOTED-PRINTABLE:=D0=\n=98\nTEL;CELL:1\nEND:VCARD\n"))
	f.Add([]byte("\xff\xfep\x00h\x00"))
	plan := &number.Plan{Country: "RU"}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Read(text, plan)
		if err != nil {
			return
		}
		for _, row := range file.Rows {
			for _, v := range []*string{row.Name, row.ExternalID, row.Email, row.Note} {
				if v != nil && Unfit(*v, MaxNote, true) != "" {
					t.Errorf("%q was taken", *v)
				}
			}
			if len(row.Numbers) == 0 || len(row.Numbers) > MaxNumbers {
				t.Errorf("%d numbers", len(row.Numbers))
			}
		}
	})
}
