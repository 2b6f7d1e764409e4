package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the name of the module; the tests run two folders below its root.
const (
	module     = "ringback"
	moduleRoot = "../.."
)

// room is where a package stands in the house.
type room struct {
	// floor is how high: imports point down, and on one floor only stay inside
	// one top folder.
	floor int
	// only, where it is set, are the packages of the house that it may import.
	only []string
	// lab says that it is made for tests and the demo: nothing else imports it.
	lab bool
}

// rooms are the packages of the house. A new one gets its line here first.
var rooms = map[string]room{
	"ari":           {floor: 0},
	"routing":       {floor: 0},
	"leads/db":      {floor: 0},
	"leads/number":  {floor: 0},
	"leads/posted":  {floor: 0},
	"leads/hook":    {floor: 0, only: []string{}},
	"ari/call":      {floor: 1, only: []string{"ari"}},
	"ari/cdr":       {floor: 1, only: []string{"ari", "ari/call"}},
	"ari/aritest":   {floor: 1, only: []string{"ari"}, lab: true},
	"ari/pbx":       {floor: 1, only: []string{"ari", "ari/pbx/debian"}, lab: true},
	"ari/softphone": {floor: 1, only: []string{"ari"}, lab: true},
	"leads/jobs":    {floor: 1, only: []string{"leads/db"}},
	"leads/search":  {floor: 1, only: []string{"leads/db"}},
	"leads/history": {floor: 1, only: []string{"leads/db", "leads/search"}, lab: true},
	"leads/told":    {floor: 1, only: []string{"leads/db", "leads/posted", "leads/text", "routing"}},
	"leads":         {floor: 2},
	"leads/answers": {floor: 1, only: []string{"leads/db"}},
	// The cards of contacts, as programs and files fill them in.
	"leads/contacts": {floor: 2, only: []string{"leads", "leads/db", "leads/number", "leads/posted", "routing"}},
	"leads/dials":    {floor: 2, only: []string{"leads/db", "leads/number", "leads/posted"}},
	"leads/view":     {floor: 2},
	"leads/text":     {floor: 0, only: []string{}},
	// What becomes of accounts stands in the timeline.
	"leads/people": {floor: 2, only: []string{"leads", "leads/db", "leads/text", "routing"}},
	// It is below robotcall, which places its calls, and below leads/alert, which
	// tells its notices.
	"leads/appointments": {floor: 2},
	"leads/alert":        {floor: 3},
	// It has the reasons why a receiver gives no answer from leads/alert.
	"leads/feed": {floor: 3, only: []string{"leads", "leads/alert", "leads/db", "leads/hook", "leads/view"}},
	"robotcall":  {floor: 3},
	// A channel knows the message and how to reach its receiver, and nothing else.
	"leads/alert/email":   {floor: 3, only: []string{"leads/alert", "leads/text"}},
	"leads/alert/sipmsg":  {floor: 3, only: []string{"leads/alert", "ari", "routing"}},
	"leads/alert/webhook": {floor: 3, only: []string{"leads/alert", "leads/hook"}},
	"leads/alert/gateway": {floor: 3, only: []string{"leads/alert", "leads/text"}},
	"leads/alert/page":    {floor: 3, only: []string{"leads/alert"}},
	// It hears buttons too, and so does what they say, unless who presses is locked.
	"leads/alert/telegram": {floor: 3, only: []string{"leads/alert", "leads", "leads/db", "leads/people", "leads/text", "routing", "leads/number"}},
	// What unpacks and runs Debian's programs knows nothing of Asterisk.
	"ari/pbx/debian":   {floor: 0, only: []string{}, lab: true},
	"ari/pbx/database": {floor: 1, only: []string{"ari/pbx/debian"}, lab: true},

	"config":           {floor: 4},
	"cmd/ringback/web": {floor: 4},
	// Who may have an answer, and the answers: for machines, programs and people.
	"cmd/ringback/web/door":   {floor: 4},
	"cmd/ringback/web/health": {floor: 4, only: []string{"ari"}},
	"cmd/ringback/web/api":    {floor: 4},
	"cmd/ringback/web/page":   {floor: 4},
	// It sees what people see, and knows nothing of the house.
	"cmd/ringback/web/browser": {floor: 0, only: []string{}, lab: true},
	// Tests only.
	"cmd/ringback/scenarios": {floor: 5},
	"cmd/ringback":           {floor: 5},
}

// stairs is the order of the top folders: a package imports from its own and
// from those before it, and those of one step do not know each other.
var stairs = map[string]int{"ari": 0, "routing": 0, "leads": 1, "robotcall": 2, "config": 3, "cmd": 4}

// labFiles are the files of cmd/ringback that may use the lab: demo, selftest,
// and the stage that they play on.
var labFiles = []string{"branch.go", "demo.go", "demophones.go", "robotstory.go", "scene.go", "story.go"}

// doors are packages from outside that only these places of the house may use.
// The daemon's own database is below leads; ari/cdr reads those of PBXes.
var doors = map[string][]string{
	"github.com/CyCoreSystems/ari/v5": {"ari"},
	"github.com/coder/websocket":      {"ari"},
	"github.com/emiago/sipgo":         {"ari/softphone"},
	"github.com/go-sql-driver/mysql":  {"ari/cdr"},
	"github.com/lib/pq":               {"ari/cdr"},
	"modernc.org/sqlite":              {"leads/db", "ari/cdr"},
	"database/sql":                    {"leads", "ari/cdr"},
}

// goPackage is what go list tells of a package.
type goPackage struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
}

// name is the package's path inside the module.
func (p *goPackage) name() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles", "./...")
	cmd.Dir = moduleRoot
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var list []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestFloors(t *testing.T) {
	list := packages(t)
	for _, problem := range floorProblems(list) {
		t.Error(problem)
	}
	for name := range rooms {
		if !slices.ContainsFunc(list, func(p goPackage) bool { return p.name() == name }) {
			t.Errorf("%s stands in the table of rooms, and there is no such package", name)
		}
	}
}

// floorProblems says which imports go where they must not. What tests import is
// their own affair.
func floorProblems(list []goPackage) (problems []string) {
	for i := range list {
		p := &list[i]
		from, known := rooms[p.name()]
		if !known {
			problems = append(problems, fmt.Sprintf("%s: give it a floor: add it to the table of rooms in cmd/ringback/house_test.go", p.name()))
			continue
		}
		for _, path := range p.Imports {
			name, own := strings.CutPrefix(path, module+"/")
			why := ""
			if own {
				why = from.forbids(p.name(), name)
			} else {
				why = doorOf(p.name(), path)
			}
			if why != "" {
				problems = append(problems, fmt.Sprintf("%s imports %s: %s", p.name(), name, why))
			}
		}
	}
	return problems
}

// forbids says why a package of the house must not import another; "": it may.
func (from room) forbids(name, imported string) string {
	to, known := rooms[imported]
	top, toTop := topOf(name), topOf(imported)
	switch {
	case !known:
		return "it has no floor"
	case to.floor > from.floor:
		return fmt.Sprintf("imports point down, and that is floor %d seen from floor %d", to.floor, from.floor)
	case to.floor == from.floor && top != toTop:
		return fmt.Sprintf("both are on floor %d, in different top folders", to.floor)
	case top != toTop && stairs[toTop] >= stairs[top]:
		return fmt.Sprintf("%s does not know %s", top, toTop)
	case from.only != nil && !slices.Contains(from.only, imported):
		return fmt.Sprintf("it may import only %s", strings.Join(from.only, ", "))
	case to.lab && !from.lab && name != "cmd/ringback":
		return "that is for tests and the demo"
	}
	return ""
}

func topOf(name string) string {
	top, _, _ := strings.Cut(name, "/")
	return top
}

// doorOf says where else a package from outside is to be used; "": here.
func doorOf(name, imported string) string {
	for door, places := range doors {
		behind := imported == door || strings.HasPrefix(imported, door+"/")
		// The fake Asterisk answers the websocket that ari opens; everything below
		// leads may hold the types of database/sql.
		if behind && !slices.ContainsFunc(places, func(place string) bool { return name == place || strings.HasPrefix(name, place+"/") }) {
			return "that is only for " + strings.Join(places, " and ")
		}
	}
	return ""
}

// The lab comes into the shipped binary with the demo, and with nothing else.
func TestOnlyTheDemoUsesTheLab(t *testing.T) {
	for _, p := range packages(t) {
		if p.name() != "cmd/ringback" {
			continue
		}
		for _, file := range p.GoFiles {
			for _, imported := range imports(t, filepath.Join(p.Dir, file)) {
				if rooms[strings.TrimPrefix(imported, module+"/")].lab && !slices.Contains(labFiles, file) {
					t.Errorf("cmd/ringback/%s imports %s, which is for tests and the demo (%s)", file, imported, strings.Join(labFiles, ", "))
				}
			}
		}
	}
}

func imports(t *testing.T, file string) (list []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, path)
	}
	return list
}

// The rules themselves: each import below must be found wrong.
func TestFloorsFindWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ from, imports, want string }{
		{"ari", "ringback/ari/call", "imports point down"},
		{"ari", "ringback/routing", "different top folders"},
		{"routing", "ringback/leads/number", "different top folders"},
		{"leads/db", "ringback/ari", "different top folders"},
		{"ari/call", "ringback/leads/db", "ari does not know leads"},
		{"ari/call", "ringback/routing", "ari does not know routing"},
		{"leads/jobs", "ringback/leads/number", "only leads/db"},
		{"leads", "ringback/leads/alert", "imports point down"},
		{"leads/alert", "ringback/config", "imports point down"},
		{"leads/alert/webhook", "ringback/leads/alert/sipmsg", "only leads/alert"},
		{"leads/alert/webhook", "ringback/leads", "only leads/alert"},
		{"leads", "ringback/ari/aritest", "for tests and the demo"},
		{"config", "ringback/cmd/ringback/web", "different top folders"},
		{"cmd/ringback/web", "ringback/ari/pbx", "for tests and the demo"},
		{"cmd/ringback", "ringback/leads/secrets", "it has no floor"},
		{"leads/secrets", "fmt", "add it to the table of rooms"},
		{"leads", "github.com/CyCoreSystems/ari/v5", "only for ari"},
		{"leads/view", "modernc.org/sqlite", "only for leads/db and ari/cdr"},
		{"cmd/ringback", "database/sql", "only for leads and ari/cdr"},
		{"leads/db", "github.com/lib/pq", "only for ari/cdr"},
	} {
		problems := floorProblems([]goPackage{{ImportPath: module + "/" + c.from, Imports: []string{c.imports}}})
		if len(problems) != 1 || !strings.Contains(problems[0], c.want) {
			t.Errorf("%s imports %s: %q, want %q", c.from, c.imports, problems, c.want)
		}
	}
	for _, c := range []struct{ from, imports string }{
		{"leads", "ringback/ari/call"}, {"leads", "ringback/routing"}, {"leads/view", "ringback/leads"}, {"leads/view", "database/sql"},
		{"leads/alert/sipmsg", "ringback/ari"}, {"config", "ringback/leads/alert/webhook"}, {"cmd/ringback", "ringback/ari/pbx"},
		{"ari/aritest", "ringback/ari"}, {"ari/aritest", "github.com/coder/websocket"}, {"leads/db", "modernc.org/sqlite/lib"},
		{"ari/cdr", "database/sql"}, {"ari/cdr", "github.com/go-sql-driver/mysql"},
	} {
		if problems := floorProblems([]goPackage{{ImportPath: module + "/" + c.from, Imports: []string{c.imports}}}); len(problems) > 0 {
			t.Errorf("%s may import %s, and there is said %q", c.from, c.imports, problems)
		}
	}
}

func TestEveryPackageStatesItsPromise(t *testing.T) {
	for _, p := range packages(t) {
		var files []source
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, source{name, text})
		}
		for _, problem := range commentProblems(p.name(), files) {
			t.Error(problem)
		}
	}
}

// source is a file of Go.
type source struct {
	name string
	text []byte
}

func (s source) parse() (*token.FileSet, *ast.File, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, s.name, s.text, parser.ParseComments)
	return set, f, err
}

// commentProblems wants one package comment that begins as Go's do and states a
// promise.
func commentProblems(name string, files []source) (problems []string) {
	var where []string
	for _, file := range files {
		_, f, err := file.parse()
		switch {
		case err != nil:
			return []string{err.Error()}
		case f.Doc == nil:
			continue
		}
		where = append(where, file.name)
		text := f.Doc.Text()
		if !strings.HasPrefix(text, "Package "+f.Name.Name+" ") && !strings.HasPrefix(text, "Command "+path.Base(name)+" ") {
			problems = append(problems, fmt.Sprintf("%s: the package comment in %s begins %.30q", name, file.name, text))
		}
		if !regexp.MustCompile(`\bpromises?\b`).MatchString(text) {
			problems = append(problems, fmt.Sprintf("%s: the package comment in %s does not say what the package promises", name, file.name))
		}
	}
	if len(where) != 1 {
		problems = append(problems, fmt.Sprintf("%s: %d package comments %v, want one", name, len(where), where))
	}
	return problems
}

func TestPackageCommentsFindWhatIsWrong(t *testing.T) {
	good := source{"doc.go", []byte("// Package x does. It promises to.\npackage x\n")}
	for want, files := range map[string][]source{
		"0 package comments":     {{"x.go", []byte("package x\n")}},
		"2 package comments":     {good, {"y.go", []byte("// Package x promises more.\npackage x\n")}},
		"does not say what":      {{"x.go", []byte("// Package x is compromised.\npackage x\n")}},
		"begins \"It promises\"": {{"x.go", []byte("// It promises\npackage x\n")}},
		"expected":               {{"x.go", []byte("no Go\n")}},
	} {
		if problems := strings.Join(commentProblems("x", files), "; "); !strings.Contains(strings.ReplaceAll(problems, "\\n", ""), want) {
			t.Errorf("%s: there is said %q", want, problems)
		}
	}
	if problems := commentProblems("x", []source{good, {"y.go", []byte("package x\n")}}); len(problems) > 0 {
		t.Error(problems)
	}
}

// topLevel is what stands at the top of the repository.
var topLevel = []string{"LICENSE", "README.md", "ari", "cmd", "config", "go.mod", "go.sum", "leads", "robotcall", "routing", "testdata"}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(moduleRoot)
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := os.ReadFile(filepath.Join(moduleRoot, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	for _, problem := range topLevelProblems(names, strings.Fields(string(ignored))) {
		t.Error(problem)
	}
}

// topLevelProblems compares names with the agreed list. Hidden ones are free,
// and so is what git ignores: the binary that go build leaves.
func topLevelProblems(names, ignored []string) (problems []string) {
	for _, name := range names {
		built := slices.ContainsFunc(ignored, func(pattern string) bool {
			match, err := path.Match(strings.TrimPrefix(pattern, "/"), name)
			return match && err == nil
		})
		if !strings.HasPrefix(name, ".") && !built && !slices.Contains(topLevel, name) {
			problems = append(problems, name+" does not belong to the top of the repository")
		}
	}
	for _, name := range topLevel {
		if !slices.Contains(names, name) {
			problems = append(problems, name+" is missing at the top of the repository")
		}
	}
	return problems
}

func TestTopLevelFindsWhatIsWrong(t *testing.T) {
	names := append(slices.Clone(topLevel), ".git", ".ci", "ringback", "x.test")
	ignored := []string{"/ringback", "*.test"}
	if problems := topLevelProblems(names, ignored); len(problems) > 0 {
		t.Error(problems)
	}
	if problems := topLevelProblems(append(names[1:], "docs"), ignored); len(problems) != 2 {
		t.Errorf("docs instead of LICENSE: %q", problems)
	}
}

func TestSourcesKeepTheHouseRules(t *testing.T) {
	err := filepath.WalkDir(moduleRoot, func(file string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() != ".." && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		case e.IsDir() || filepath.Ext(file) != ".go":
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(moduleRoot, file)
		if err != nil {
			return err
		}
		for _, problem := range sourceProblems(source{filepath.ToSlash(name), text}) {
			t.Error(problem)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	// unfinished are the words of comments that put off what is to be done.
	unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)
	// sqlText is how a statement begins, or a part of one that makes it SQL.
	sqlText = regexp.MustCompile(`(?is)\bSELECT\b.+\bFROM\s|\bINSERT\s+INTO\s|\bUPDATE\s+\w+\s+SET\s|\bDELETE\s+FROM\s|\b(CREATE|DROP|ALTER)\s+(TABLE|INDEX)\s|^PRAGMA\s`)
	// tricks are what a second engine would not understand (house rule 13).
	tricks = regexp.MustCompile(`(?i)\?|\browid\b|\bjson_\w+|->>`)
)

// sourceProblems holds one file against the house rules: no test is skipped,
// nothing is put off, and the daemon's SQL stays under leads, with $1
// placeholders. What tests ask a database is their own affair.
func sourceProblems(file source) (problems []string) {
	set, f, err := file.parse()
	if err != nil {
		return []string{err.Error()}
	}
	say := func(at token.Pos, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%s: %s", set.Position(at), fmt.Sprintf(format, args...)))
	}
	for _, group := range f.Comments {
		if word := unfinished.FindString(group.Text()); word != "" {
			say(group.Pos(), "%s: do it, or open an issue", word)
		}
	}
	gateProblems(file.name, f, say)
	isTest := strings.HasSuffix(file.name, "_test.go")
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			x, plain := n.X.(*ast.Ident)
			if isTest && plain && x.Name != "fs" && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, n.Sel.Name) {
				say(n.Pos(), "a test that is skipped proves nothing")
			}
		case *ast.BasicLit:
			text, err := strconv.Unquote(n.Value)
			switch {
			case n.Kind != token.STRING || isTest || err != nil || !sqlText.MatchString(text):
			case strings.HasPrefix(file.name, "leads/search/"): // an index of trigrams is asked by each engine in its own words
			case strings.HasPrefix(file.name, "ari/cdr/"): // what it asks the PBX's database, in each engine's words
			case topOf(file.name) != "leads":
				say(n.Pos(), "SQL stays under leads: %.60q", text)
			case tricks.MatchString(text):
				say(n.Pos(), "SQL of one engine only (%q): %.60q", tricks.FindString(text), text)
			}
		}
		return true
	})
	return problems
}

func TestSourcesFindWhatIsWrong(t *testing.T) {
	code := func(body string) []byte { return []byte("package x\n\n" + body + "\n") }
	for _, c := range []struct {
		name string
		text []byte
		want string
	}{
		{"leads/x_test.go", code("func f() { t." + "Skip() }"), "x_test.go:3:12: a test that is skipped"},
		{"leads/x_test.go", code("func f() { b." + "Skipf(\"\") }"), "a test that is skipped"},
		{"leads/x.go", code("// TO" + "DO: later\nvar x int"), "do it"},
		{"cmd/ringback/x.go", code("const q = `SELECT id\n FROM leads`"), "SQL stays under leads"},
		{"config/x.go", code(`const q = "update calls set ended = 1 "`), "SQL stays under leads"},
		{"leads/x.go", code(`const q = "SELECT id FROM leads WHERE id = ?"`), "one engine only"},
		{"leads/view/x.go", code("const q = `SELECT rowid FROM leads`"), "one engine only"},
		{"leads/x.go", []byte("no Go"), "expected"},
	} {
		problems := strings.Join(sourceProblems(source{c.name, c.text}), "; ")
		if !strings.Contains(problems, c.want) || c.want == "" {
			t.Errorf("%s: %s\nthere is said %q, want %q", c.name, c.text, problems, c.want)
		}
	}
	for _, c := range []source{
		{"leads/x.go", code(`const q = "SELECT id FROM leads WHERE id = $1"`)},
		{"cmd/ringback/x.go", code(`const q = "choose a manager from the list, update calls"`)},
		{"cmd/ringback/x_test.go", code(`const q = "SELECT COUNT(*) FROM calls"`)},
		{"ari/cdr/x.go", code(`const q = "SELECT * FROM cdr WHERE calldate > ?"`)},
		{"leads/x.go", code("// doubt and matodo\nfunc f() { dec.Skip() }")},
	} {
		if problems := sourceProblems(c); len(problems) > 0 {
			t.Errorf("%s: %s\nthere is said %q", c.name, c.text, problems)
		}
	}
}
