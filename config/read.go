package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"ringback/routing"
)

const (
	// mostBytes bounds the file: a configuration of a thousand lines and
	// managers has a tenth of it.
	mostBytes = 1 << 20
	// mostNodes bounds what is read, aliases followed: a small file of nested
	// aliases can otherwise stand for billions of values.
	mostNodes = 100_000
)

// openDocument reads and parses the file; nil, with a problem, when that fails.
func openDocument(file string, found *findings) *yaml.Node {
	text, err := readText(file)
	if err != nil {
		found.add("", "%v", err)
		return nil
	}
	var doc yaml.Node
	if err := yaml.Load(text, &doc); err != nil {
		found.problems = append(found.problems, syntaxProblem(err, text))
		return nil
	}
	return doc.Content[0]
}

// readText reads a text file of a bearable size. Its errors say what to do.
func readText(file string) ([]byte, error) {
	f, err := os.Open(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, errors.New("there is no such file: `ringback check --example` prints one to begin with")
	case err != nil:
		return nil, fmt.Errorf("cannot be opened: %w", reasonOf(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, errors.New("is a folder: name the file in it")
	}
	text, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", reasonOf(err))
	case len(text) > mostBytes:
		return nil, fmt.Errorf("is larger than %d kB: this is no configuration of ringback", mostBytes>>10)
	case !utf8.Valid(text) || slices.Contains(text, 0):
		return nil, errors.New("is not UTF-8 text: this is no configuration of ringback")
	case !holdsContent(text):
		return nil, errors.New("is empty: `ringback check --example` prints one to begin with")
	}
	return text, nil
}

// holdsContent says whether there is anything but blanks and comments.
func holdsContent(text []byte) bool {
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' && line != "---" {
			return true
		}
	}
	return false
}

// syntaxProblem tells where YAML could not be read, in the parser's words.
func syntaxProblem(err error, text []byte) Problem {
	var at *yaml.LoadError
	if !errors.As(err, &at) {
		return Problem{Text: err.Error()}
	}
	what := strings.TrimPrefix(at.Message, "yaml: ")
	switch {
	case strings.Contains(what, "control characters"):
		return Problem{Text: "holds a control character", Line: lineOf(text, func(c rune) bool { return c < ' ' && !strings.ContainsRune("\t\r\n", c) || c == 0x7f })}
	case strings.Contains(what, "found multiple"):
		return Problem{Text: "holds several documents: a line of --- begins another one, take it out"}
	case strings.Contains(what, "mapping values are not allowed"):
		what += ": put a value that holds a colon in quotes, or mind the indentation"
	case strings.Contains(what, "cannot start any token") && beginsWithTab(text, int(at.Mark.Line)):
		what = "is indented with a tab: YAML wants blanks"
	}
	if at.ContextMsg != "" && at.ContextMark.Line != at.Mark.Line {
		what += fmt.Sprintf(" (%s that began in line %d)", at.ContextMsg, at.ContextMark.Line)
	}
	return Problem{Text: what, Line: int(at.Mark.Line)}
}

// lineOf is the line of the first character that is of a kind; 0 without one.
func lineOf(text []byte, kind func(rune) bool) int {
	i := bytes.IndexFunc(text, kind)
	if i < 0 {
		return 0
	}
	return 1 + bytes.Count(text[:i], []byte("\n"))
}

func beginsWithTab(text []byte, line int) bool {
	lines := strings.Split(string(text), "\n")
	return line >= 1 && line <= len(lines) && strings.HasPrefix(strings.TrimLeft(lines[line-1], " "), "\t")
}

// starts gives the values that structs of a type begin with.
type starts map[reflect.Type]func() any

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// reader carries a document over into Go values, strictly. It does not use the
// YAML module's own decoder, which stops at the first unknown key of a struct,
// reads 0201 as 129 and knows no paths.
type reader struct {
	*findings
	budget int
	starts starts
}

// document reads the whole; false when it makes no sense to look further.
func (r *reader) document(root *yaml.Node, c *Config) bool {
	if root.Kind != yaml.MappingNode {
		r.add("", "is not a configuration: it should begin with keys such as `country:`")
		return false
	}
	r.value("", root, reflect.ValueOf(c).Elem())
	return r.budget >= 0
}

// nameKey is the key of a name that other parts of the document refer to.
var nameKey = regexp.MustCompile(`^(asterisk|lines|managers|pools|channels)(\.webhooks|\.http)?\[\d+\]\.(name|login)$`)

// add is that of findings; where a name could not be read, references to the
// names of its section are not judged.
func (r *reader) add(path, format string, args ...any) {
	r.findings.add(path, format, args...)
	if section := nameKey.FindStringSubmatch(path); section != nil {
		r.unnamed[section[1]] = true
	}
}

// value reads node into the variable behind into.
func (r *reader) value(path string, node *yaml.Node, into reflect.Value) {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if r.budget--; r.budget < 0 {
		if r.budget == -1 {
			r.add(path, "from here on it is too long once its aliases are followed: write it without so many")
		}
		return
	}
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" {
		r.add(path, "has no value: write one, or take the key out")
		return
	}
	if start, known := r.starts[into.Type()]; known && path != "" {
		into.Set(reflect.ValueOf(start()))
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		r.value(path, node, into.Elem())
	case reflect.Struct:
		r.structure(path, node, into)
	case reflect.Map:
		r.dictionary(path, node, into)
	case reflect.Slice:
		r.list(path, node, into)
	default:
		r.scalar(path, node, into)
	}
}

func (r *reader) structure(path string, node *yaml.Node, into reflect.Value) {
	if device, ok := into.Addr().Interface().(*routing.Device); ok && node.Kind == yaml.ScalarNode {
		r.scalar(path, node, reflect.ValueOf(&device.Endpoint).Elem())
		return
	}
	if holidays, ok := into.Addr().Interface().(*routing.Holidays); ok && node.Kind == yaml.ScalarNode {
		r.scalar(path, node, reflect.ValueOf(&holidays.Country).Elem())
		return
	}
	if node.Kind != yaml.MappingNode {
		r.add(path, "should hold keys: %s", strings.Join(keysOf(into.Type()), ", "))
		return
	}
	values := r.entries(path, node)
	for _, field := range fieldsOf(into) {
		if value, given := values[field.key]; given {
			r.value(below(path, field.key), value, field.value)
			delete(values, field.key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		r.unknown(path, key, keysOf(into.Type()))
	}
}

// unknown reports a key that nobody reads.
func (r *reader) unknown(path, key string, known []string) {
	switch key {
	case "<<":
		r.add(below(path, key), "merging is not supported: write the keys out")
		r.doubtful[path] = true
		return
	case "password", "secret", "token":
		if i := slices.IndexFunc(known, func(k string) bool { return k == key+"_file" }); i >= 0 {
			r.doubtful[below(path, known[i])] = true
			r.add(below(path, key), "does not belong in this file: put it in one of its own and name that in %s", known[i])
			return
		}
	}
	hint, word := didYouMean(key, known)
	if word == "" {
		hint = " (known here: " + strings.Join(known, ", ") + ")"
	} else {
		r.doubtful[below(path, word)] = true
	}
	r.add(below(path, key), "unknown key%s", hint)
}

// entries are the keys of a mapping and their values; the first of two equal
// keys counts.
func (r *reader) entries(path string, node *yaml.Node) map[string]*yaml.Node {
	values := map[string]*yaml.Node{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			r.problems = append(r.problems, Problem{Path: path, Line: node.Content[i].Line,
				Text: "holds a list or braces where a key belongs: put text with braces in quotes"})
			continue
		}
		at := below(path, key.Value)
		if _, twice := values[key.Value]; twice {
			r.problems = append(r.problems, Problem{Path: at, Line: key.Line,
				Text: fmt.Sprintf("is given twice, in line %d too", r.lines[at])})
			continue
		}
		values[key.Value] = node.Content[i+1]
		r.lines[at] = node.Content[i].Line
	}
	return values
}

func (r *reader) dictionary(path string, node *yaml.Node, into reflect.Value) {
	if node.Kind != yaml.MappingNode {
		r.add(path, "should hold keys with a value each")
		return
	}
	into.Set(reflect.MakeMap(into.Type()))
	entries := r.entries(path, node)
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		one := reflect.New(into.Type().Elem()).Elem()
		before := len(r.problems)
		r.value(below(path, key), entries[key], one)
		if len(r.problems) == before {
			into.SetMapIndex(reflect.ValueOf(key).Convert(into.Type().Key()), one)
		}
	}
}

func (r *reader) list(path string, node *yaml.Node, into reflect.Value) {
	if node.Kind != yaml.SequenceNode {
		r.add(path, "should be a list: write [one, two], or one a line behind a dash")
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(node.Content), len(node.Content)))
	for i, one := range node.Content {
		at := path + "[" + strconv.Itoa(i) + "]"
		r.lines[at] = one.Line
		r.value(at, one, into.Index(i))
	}
}

func (r *reader) scalar(path string, node *yaml.Node, into reflect.Value) {
	if node.Kind != yaml.ScalarNode {
		r.add(path, "should be a single value, not a list or keys; text with braces or brackets belongs in quotes")
		return
	}
	switch variable := into.Addr().Interface().(type) {
	case *time.Duration:
		r.duration(path, node, variable)
	case *int:
		r.count(path, node, variable)
	case *bool:
		switch strings.ToLower(node.Value) {
		case "true", "yes", "on":
			*variable = true
		case "false", "no", "off":
			*variable = false
		default:
			r.add(path, "should be true or false, not %s", quoted(node.Value))
		}
	default: // a string, or a type made of one
		r.text(path, node, into)
	}
}

// octal are numbers that YAML takes for others than their digits say.
var octal = regexp.MustCompile(`^0[0-7]+$`)

// digits are numbers that mean the same with and without quotes.
var digits = regexp.MustCompile(`^(\+?[1-9][0-9]*|0)$`)

// text reads a string. Numbers and extensions are strings: what YAML would
// change on the way (0201 is 129, 1e3 is 1000) must be put in quotes.
func (r *reader) text(path string, node *yaml.Node, into reflect.Value) {
	tag := node.ShortTag()
	switch {
	case tag == "!!str", digits.MatchString(node.Value) && (tag == "!!int" || tag == "!!float"):
	case octal.MatchString(node.Value):
		r.add(path, `%s without quotes is an octal number: put it in quotes, "%[1]s"`, node.Value)
		return
	case tag == "!!int", tag == "!!float", tag == "!!bool", tag == "!!timestamp":
		r.add(path, `put it in quotes: "%s"`, node.Value)
		return
	default:
		r.add(path, "the tag %s is not known here", quoted(tag))
		return
	}
	line, fine := node.Value, node.Value == strings.TrimSpace(node.Value)
	if into.Type() == typeOf[Lines]() {
		line, fine = strings.ReplaceAll(line, "\n", ""), true
	}
	if !fine || strings.ContainsFunc(line, unprintable) {
		r.add(path, "%s holds control characters, or blanks at an end", quoted(node.Value))
		return
	}
	if node.Value == "" {
		r.add(path, "is empty: write a value, or take it out")
		return
	}
	into.SetString(node.Value)
}

func unprintable(c rune) bool { return c != ' ' && !strconv.IsPrint(c) }

const day = 24 * time.Hour

// inDays are durations that Go does not read: a day may have an hour less, but
// nobody waits for one to the second.
var inDays = regexp.MustCompile(`^([0-9]{1,5})d$`)

func (r *reader) duration(path string, node *yaml.Node, into *time.Duration) {
	d, err := time.ParseDuration(node.Value)
	if days := inDays.FindStringSubmatch(node.Value); days != nil {
		n, _ := strconv.Atoi(days[1]) // five digits are a number
		d, err = time.Duration(n)*day, nil
	}
	switch {
	case err != nil && node.ShortTag() == "!!int":
		r.add(path, "%s needs a unit: s, m or h, as in 20s, 3m or 1h30m", quoted(node.Value))
	case err != nil:
		r.add(path, "%s is not a duration such as 20s, 3m or 1h30m", quoted(node.Value))
	case d < 0:
		r.add(path, "%s is negative", quoted(node.Value))
	default:
		*into = d
	}
}

// count reads a whole number that counts something.
func (r *reader) count(path string, node *yaml.Node, into *int) {
	n, err := strconv.Atoi(node.Value)
	if err != nil || !counting.MatchString(node.Value) {
		r.add(path, "should be a whole number such as 5, not %s", quoted(node.Value))
		return
	}
	*into = n
}

// counting are numbers that count something.
var counting = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})$`)

// field is a key of a struct and the variable that takes its value.
type field struct {
	key   string
	value reflect.Value
}

// fieldsOf lists the keys of a struct in their order, those of embedded ones
// included.
func fieldsOf(v reflect.Value) []field {
	var fields []field
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("yaml")
		switch {
		case tag == ",inline":
			fields = append(fields, fieldsOf(v.Field(i))...)
		case tag != "" && tag != "-":
			fields = append(fields, field{tag, v.Field(i)})
		}
	}
	return fields
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for _, f := range fieldsOf(reflect.New(t).Elem()) {
		keys = append(keys, f.key)
	}
	return keys
}

// plainKey is a key that a path can hold as it is.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9_<,-]{1,40}$`)

// below is the path of a key in the mapping at path.
func below(path, key string) string {
	if !plainKey.MatchString(key) {
		key = quoted(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
