package gateway

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/template"
	"text/template/parse"
)

// place is where in a request something is put in.
type place int

const (
	inPath place = iota
	inQuery
	inHeader
	inJSON
	inXML
	inText
)

// places are those of bodies.
var places = map[Type]place{Form: inQuery, JSON: inJSON, XML: inXML, Text: inText}

// The names of the escapers end every pipeline; templates cannot say them.
const (
	escaper  = "ringback_escape"
	inString = "ringback_json_string"
)

// escapers turn a value into what stands for it at a place.
var escapers = map[place]func(any) (string, error){
	inPath: func(v any) (string, error) {
		s := url.PathEscape(fmt.Sprint(v))
		if strings.Trim(s, ".") == "" { // "..": a way up
			s = strings.ReplaceAll(s, ".", "-")
		}
		return s, nil
	},
	inQuery: func(v any) (string, error) { return url.QueryEscape(fmt.Sprint(v)), nil },
	inHeader: func(v any) (string, error) {
		return strings.Map(func(c rune) rune {
			if c < ' ' || c == 0x7f {
				return ' '
			}
			return c
		}, strings.ToValidUTF8(fmt.Sprint(v), "")), nil
	},
	inJSON: jsonValue,
	inXML: func(v any) (string, error) {
		var b bytes.Buffer
		err := xml.EscapeText(&b, []byte(fmt.Sprint(v)))
		return b.String(), err
	},
	inText: func(v any) (string, error) { return fmt.Sprint(v), nil },
}

// jsonValue is a whole value: a text comes with its quotes.
func jsonValue(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// jsonInString is a value inside of quotes.
func jsonInString(v any) (string, error) {
	text, err := jsonValue(fmt.Sprint(v))
	if err != nil {
		return "", err
	}
	return text[1 : len(text)-1], nil
}

// compile reads a template whose every value is escaped for its place.
func compile(name string, p place, from string, functions template.FuncMap) (*template.Template, error) {
	t := template.New(name).Option("missingkey=error").Funcs(functions).Funcs(template.FuncMap{escaper: escapers[p], inString: jsonInString})
	t, err := t.Parse(from)
	if err != nil {
		return nil, err
	}
	if len(t.Templates()) > 1 {
		return nil, errors.New("templates within templates are not supported here")
	}
	if t.Tree == nil || t.Root == nil {
		return t, nil
	}
	w := walker{place: p, quotes: p == inJSON}
	w.list(t.Root)
	if w.quoted && w.err == nil {
		w.err = errors.New("a quote is not closed")
	}
	return t, w.err
}

// walker puts an escaper behind every pipeline that writes. It knows where in a
// body of JSON it is: inside of quotes or not.
type walker struct {
	place  place
	quotes bool // quotes count
	quoted bool // and one is open
	err    error
}

func (w *walker) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *walker) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		w.node(n)
	}
}

func (w *walker) node(n parse.Node) {
	switch n := n.(type) {
	case *parse.TextNode:
		w.text(n.Text)
	case *parse.ActionNode:
		w.pipe(n.Pipe)
		if len(n.Pipe.Decl) == 0 {
			w.escape(n.Pipe)
		}
	case *parse.IfNode:
		w.branches(&n.BranchNode)
	case *parse.WithNode:
		w.branches(&n.BranchNode)
	case *parse.RangeNode:
		w.branches(&n.BranchNode)
	case *parse.CommentNode, *parse.BreakNode, *parse.ContinueNode:
	default:
		w.fail("%s is not supported here", n)
	}
}

// text follows the quotes of JSON.
func (w *walker) text(text []byte) {
	if !w.quotes {
		return
	}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && w.quoted:
			if i++; i == len(text) {
				w.fail("a value stands behind a backslash")
			}
		case text[i] == '"':
			w.quoted = !w.quoted
		}
	}
}

// branches must end where they begin: in quotes, or outside of them.
func (w *walker) branches(n *parse.BranchNode) {
	w.pipe(n.Pipe)
	before := w.quoted
	w.list(n.List)
	after := w.quoted
	w.quoted = before
	w.list(n.ElseList)
	if after != w.quoted || after != before {
		w.fail("a quote opens or closes in one branch of %s alone", n.Pipe)
	}
}

// pipe refuses the template package's own escapers: what is escaped twice is
// wrong too.
func (w *walker) pipe(p *parse.PipeNode) {
	if p == nil {
		return
	}
	for _, c := range p.Cmds {
		for _, arg := range c.Args {
			switch arg := arg.(type) {
			case *parse.IdentifierNode:
				switch arg.Ident {
				case "html", "js", "urlquery", "call", escaper, inString:
					w.fail("%s is not supported here: values are escaped by their place", arg.Ident)
				}
			case *parse.PipeNode:
				w.pipe(arg)
			}
		}
	}
}

func (w *walker) escape(p *parse.PipeNode) {
	name := escaper
	if w.place == inJSON && w.quoted {
		name = inString
	}
	p.Cmds = append(p.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: p.Pos, Args: []parse.Node{parse.NewIdentifier(name).SetPos(p.Pos)}})
}
