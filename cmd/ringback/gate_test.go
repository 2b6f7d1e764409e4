package main

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// gates are what lets a call out of the house, and the only files that may
// mention it: each of them holds a Pass of the Guard, which has booked the call,
// when it does. What tests dial is their own affair.
var gates = map[string][]string{
	".Originate":   {"robotcall/dialer.go"},
	".Continue":    {"robotcall/voice.go"},
	"dials.Insert": {"robotcall/guard.go"},
	// Who resumes what a former life has booked needs no new leave.
	"Pass{}": {"robotcall/guard.go", "robotcall/beyond.go"},
}

// backDoors are other ways in which Asterisk is asked to dial.
var backDoors = regexp.MustCompile(`(?i)/channels\b|\bchannel originate\b|\baction: *originate\b`)

// gateProblems finds calls out that go past the Guard.
func gateProblems(name string, f *ast.File, say func(at token.Pos, format string, args ...any)) {
	if strings.HasSuffix(name, "_test.go") || topOf(name) == "ari" {
		return // the door to Asterisk knows no calls, and the lab's phones are no clients
	}
	pass := func(at token.Pos, gate string) {
		if !slices.Contains(gates[gate], name) {
			say(at, "%s is only for %s: no call out goes past the Guard", gate, strings.Join(gates[gate], ", "))
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, plain := n.X.(*ast.Ident); plain && x.Name == "dials" && n.Sel.Name == "Insert" {
				pass(n.Pos(), "dials.Insert")
			}
			if n.Sel.Name == "Originate" || n.Sel.Name == "Continue" {
				pass(n.Pos(), "."+n.Sel.Name)
			}
		case *ast.CompositeLit:
			if isPass(n.Type) {
				pass(n.Pos(), "Pass{}")
			}
		case *ast.CallExpr:
			if fun, plain := n.Fun.(*ast.Ident); plain && fun.Name == "new" && len(n.Args) == 1 && isPass(n.Args[0]) {
				pass(n.Pos(), "Pass{}")
			}
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && backDoors.MatchString(text) {
				say(n.Pos(), "%.60q dials past the Guard", text)
			}
		}
		return true
	})
}

// isPass knows the type by its name, in its own package and in others.
func isPass(t ast.Expr) bool {
	switch t := t.(type) {
	case *ast.Ident:
		return t.Name == "Pass"
	case *ast.SelectorExpr:
		return t.Sel.Name == "Pass"
	}
	return false
}

func TestGatesFindWhatGoesPast(t *testing.T) {
	code := func(body string) []byte { return []byte("package x\n\n" + body + "\n") }
	for _, c := range []struct {
		name, body, want string
	}{
		{"robotcall/manager.go", "func f() { x.PBX.Originate(ctx, id, req) }", ".Originate is only for robotcall/dialer.go"},
		{"cmd/ringback/story.go", "var place = client.Originate", ".Originate is only for robotcall/dialer.go"},
		{"robotcall/dialer.go", "func f() { pbx.Continue(ctx, id, context, number) }", ".Continue is only for robotcall/voice.go"},
		{"leads/alert/sipmsg/sipmsg.go", "func f() { dials.Insert(tx, &d) }", "dials.Insert is only for robotcall/guard.go"},
		{"robotcall/remind.go", "var free = Pass{}", "Pass{} is only for"},
		{"cmd/ringback/daemon.go", "var free = &robotcall.Pass{}", "Pass{} is only for"},
		{"robotcall/remind.go", "var free = *new(Pass)", "Pass{} is only for"},
		{"cmd/ringback/web/api.go", `var path = base + "/ari/channels?endpoint=PJSIP/1"`, "dials past the Guard"},
		{"leads/view/view.go", `const order = "channel originate PJSIP/101 extension 1@out"`, "dials past the Guard"},
		{"config/config.go", "const order = `Action: Originate`", "dials past the Guard"},
	} {
		problems := strings.Join(sourceProblems(source{c.name, code(c.body)}), "; ")
		if !strings.Contains(problems, c.want) {
			t.Errorf("%s: %s\nthere is said %q, want %q", c.name, c.body, problems, c.want)
		}
	}
	for _, c := range []struct{ name, body string }{
		{"robotcall/dialer.go", "func f() { x.PBX.Originate(ctx, id, req) }"},
		{"robotcall/guard.go", "func f() { dials.Insert(tx, &d); g(Pass{d}) }"},
		{"robotcall/dialer_test.go", "var p = Pass{}"},
		{"ari/requests.go", `const path = "/channels"`},
		{"config/config.go", `const path = "channels.sip"`},
	} {
		if problems := sourceProblems(source{c.name, code(c.body)}); len(problems) > 0 {
			t.Errorf("%s: %s\nthere is said %q", c.name, c.body, problems)
		}
	}
}
