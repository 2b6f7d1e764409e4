package feed

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ringback/leads"
)

// The kinds of entries that package leads has are told by names that are written
// down: others could not be chosen.
func TestEveryKindHasAName(t *testing.T) {
	files, err := filepath.Glob("../*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	found := kinds(t, files)
	if len(found) < 20 {
		t.Fatalf("only %d kinds were found", len(found))
	}
	for name, kind := range found {
		_, ofLead := types[kind]
		_, alone := ofContact[kind]
		_, ofPerson := ofPeople[kind]
		if opens := kind == leads.EntryMissed || kind == leads.EntryAsked; !ofLead && !alone && !ofPerson && !opens && !untold[kind] {
			t.Errorf("%s (%s) has no name in types.go", name, kind)
		}
	}
	for _, name := range Types() {
		if !Pattern(name).Valid() {
			t.Errorf("%s cannot be chosen", name)
		}
	}
}

// kinds finds the constants Entry… and their values.
func kinds(t *testing.T, files []string) map[string]string {
	found := map[string]string{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Entry") && len(spec.Values) == 1 {
				if text, ok := spec.Values[0].(*ast.BasicLit); ok && text.Kind == token.STRING {
					found[spec.Names[0].Name], _ = strconv.Unquote(text.Value)
				}
			}
			return true
		})
	}
	return found
}

func TestPatterns(t *testing.T) {
	for pattern, want := range map[Pattern][]string{
		"*": {"lead.closed", "lead.opened", "alert.sent", "contact.merged"}, "lead.*": {"lead.closed", "lead.opened"},
		"lead.closed": {"lead.closed"}, "lead.clos": nil, "call.*": nil,
	} {
		var got []string
		for _, name := range []string{"lead.closed", "lead.opened", "alert.sent", "contact.merged"} {
			if pattern.Chooses(name) {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, want) || !pattern.Valid() {
			t.Errorf("%s chooses %q, want %q", pattern, got, want)
		}
	}
	for _, wrong := range []Pattern{"", "lead", "lead.", "**", "lead*", "*.closed", "lead.closed ", "Lead.*", "lead.c.d"} {
		if wrong.Valid() {
			t.Errorf("%q can be meant", wrong)
		}
	}
}
