package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"ringback/cmd/ringback/web/api"
)

// object is a JSON object.
type object = map[string]any

// contract is what the OpenAPI document says: every request that a test of this
// package makes of the API is held against it, and so is the answer.
type contract struct {
	doc   object
	paths object
	mu    sync.Mutex
	read  *jsonschema.Compiler
	known map[string]*jsonschema.Schema
}

const contractURL = "http://ringback/openapi.json"

var theContract = sync.OnceValues(func() (*contract, error) {
	var doc object
	if err := json.Unmarshal(api.Document(new(api.API).Routes()), &doc); err != nil {
		return nil, err
	}
	// What is always told whole has nothing else in it: a field that is added is
	// described first.
	for _, schema := range doc["components"].(object)["schemas"].(object) {
		s := schema.(object)
		properties, _ := s["properties"].(object)
		if required, _ := s["required"].([]any); len(properties) > 0 && len(required) == len(properties) {
			s["additionalProperties"] = false
		}
	}
	c := &contract{doc: doc, paths: doc["paths"].(object), read: jsonschema.NewCompiler(), known: map[string]*jsonschema.Schema{}}
	c.read.AssertFormat()
	return c, c.read.AddResource(contractURL, doc)
})

// schema compiles what stands at a place of the document.
func (c *contract) schema(place ...string) (*jsonschema.Schema, error) {
	for i, part := range place {
		place[i] = url.PathEscape(strings.ReplaceAll(strings.ReplaceAll(part, "~", "~0"), "/", "~1"))
	}
	at := contractURL + "#/" + strings.Join(place, "/")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known[at] == nil {
		s, err := c.read.Compile(at)
		if err != nil {
			return nil, err
		}
		c.known[at] = s
	}
	return c.known[at], nil
}

// template is the path of the document that an address is of; "": none.
func (c *contract) template(path string) string {
	want := strings.Split(path, "/")
	for template := range c.paths {
		parts := strings.Split(template, "/")
		if len(parts) == len(want) && fits(parts, want) {
			return template
		}
	}
	return ""
}

func fits(parts, want []string) bool {
	for i := range parts {
		if parts[i] != want[i] && !strings.HasPrefix(parts[i], "{") {
			return false
		}
	}
	return true
}

// follow gives what stands at a $ref, or the object itself, with its place.
func (c *contract) follow(t testing.TB, o object, place []string) (object, []string) {
	t.Helper()
	to, ok := o["$ref"].(string)
	if !ok {
		return o, place
	}
	place = strings.Split(strings.TrimPrefix(to, "#/"), "/")
	var at any = c.doc
	for _, part := range place {
		at = at.(object)[part]
	}
	if at == nil {
		t.Fatalf("%s leads nowhere", to)
	}
	return at.(object), place
}

// hold holds a request and its answer against the document.
func (c *contract) hold(t testing.TB, a *ask, got *reply) {
	t.Helper()
	u, err := url.Parse(a.path)
	if err != nil || got.code == http.StatusMethodNotAllowed {
		return
	}
	template, method := c.template(u.Path), strings.ToLower(a.method)
	if method == "" || method == "head" {
		method = "get"
	}
	ops, _ := c.paths[template].(object)
	op, _ := ops[method].(object)
	if op == nil {
		if got.code < 400 {
			t.Errorf("%s %s is answered (%d), and not described", a.method, a.path, got.code)
		}
		return
	}
	what := fmt.Sprintf("%s %s: %d", strings.ToUpper(method), a.path, got.code)
	c.holdAnswer(t, what, op, []string{"paths", template, method}, got)
	if got.code < 300 {
		c.holdRequest(t, what, op, []string{"paths", template, method}, a, u.Query())
	}
}

func (c *contract) holdAnswer(t testing.TB, what string, op object, place []string, got *reply) {
	t.Helper()
	code := strconv.Itoa(got.code)
	described, ok := op["responses"].(object)[code].(object)
	if !ok {
		t.Errorf("%s is not described: %.300s", what, got.body)
		return
	}
	answer, place := c.follow(t, described, append(place, "responses", code))
	kind, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	content, _ := answer["content"].(object)
	if content[kind] == nil {
		t.Errorf("%s: an answer of %s is not described", what, kind)
		return
	}
	if strings.HasSuffix(kind, "json") && got.body != "" {
		c.valid(t, what, got.body, append(place, "content", kind, "schema")...)
	}
}

// holdRequest wants that what was taken is described: the document must not
// forbid what is done.
func (c *contract) holdRequest(t testing.TB, what string, op object, place []string, a *ask, query url.Values) {
	t.Helper()
	parameters, _ := op["parameters"].([]any)
	known := map[string]bool{}
	for _, p := range parameters {
		one, _ := c.follow(t, p.(object), nil)
		known[one["name"].(string)] = true
	}
	for name := range query {
		if !known[name] {
			t.Errorf("%s: the parameter %s is not described", what, name)
		}
	}
	if op["requestBody"] != nil && !strings.HasPrefix(a.header["Content-Type"], "text/") {
		c.valid(t, what+", as asked", a.body, append(place, "requestBody", "content", "application/json", "schema")...)
	}
}

func (c *contract) valid(t testing.TB, what, body string, place ...string) {
	t.Helper()
	schema, err := c.schema(place...)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		t.Errorf("%s is not as described: %v\n%.500s", what, err, body)
	}
}

// TestEveryRouteIsDescribed walks the routes and the document, both ways.
func TestEveryRouteIsDescribed(t *testing.T) {
	h := newHouse(t)
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	there, names := map[string]bool{}, map[string]bool{}
	for _, r := range h.server.routes {
		if !strings.HasPrefix(r.Path, "/api/v1/") {
			continue
		}
		method := strings.ToLower(r.Method)
		there[method+" "+r.Path] = true
		ops, _ := c.paths[r.Path].(object)
		op, _ := ops[method].(object)
		if op == nil {
			t.Errorf("%s %s is not described", r.Method, r.Path)
			continue
		}
		name, _ := op["operationId"].(string)
		if name == "" || names[name] || op["summary"] == "" || op["tags"] == nil {
			t.Errorf("%s %s: its operationId %q is missing or another's too, or it has no summary or tags", r.Method, r.Path, name)
		}
		names[name] = true
		if scope := fmt.Sprint(op["security"]); r.Scope != "" && scope != "[map[token:["+r.Scope+"]]]" {
			t.Errorf("%s %s needs %s, and the document says %s", r.Method, r.Path, r.Scope, scope)
		}
	}
	for path, ops := range c.paths {
		for method := range ops.(object) {
			if !there[method+" "+path] {
				t.Errorf("%s %s is described, and not answered", method, path)
			}
		}
	}
}

// TestTheDocumentIsOne fetches it as anybody can, in both languages, and reads
// every schema in it.
func TestTheDocumentIsOne(t *testing.T) {
	h := newHouse(t)
	var asJSON, asYAML object
	for path, into := range map[string]*object{"/api/v1/openapi.json": &asJSON, "/api/v1/openapi.yaml": &asYAML} {
		got := h.ask(ask{path: path, from: distantIP})
		if got.code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, got.code, got.body)
		}
		if err := yaml.Unmarshal([]byte(got.body), into); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(asJSON) != fmt.Sprint(asYAML) || asJSON["openapi"] != "3.1.0" {
		t.Error("the two documents are not one")
	}
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	for name := range asJSON["components"].(object)["schemas"].(object) {
		if _, err := c.schema("components", "schemas", name); err != nil {
			t.Error(err)
		}
	}
	for path, ops := range c.paths {
		for method, op := range ops.(object) {
			for code := range op.(object)["responses"].(object) {
				c.follow(t, op.(object)["responses"].(object)[code].(object), nil)
				if _, err := strconv.Atoi(code); err != nil {
					t.Errorf("%s %s: status %s", method, path, code)
				}
			}
		}
	}
}

// TestTheExamplesWork sends every example of the document to a house in which
// somebody has rung.
func TestTheExamplesWork(t *testing.T) {
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for path, ops := range c.paths {
		for method, op := range ops.(object) {
			body, _ := op.(object)["requestBody"].(object)
			if body == nil {
				continue
			}
			examples, _ := body["content"].(object)["application/json"].(object)["examples"].(object)
			for name, example := range examples {
				text, err := json.Marshal(example.(object)["value"])
				if err != nil {
					t.Fatal(err)
				}
				h := newHouse(t)
				h.tell("+79261234567", "Maria", nil)
				address := strings.Replace(path, "{id}", "1", 1)
				if got := h.send(strings.ToUpper(method), address, "application/json", string(text)); got.code >= 300 {
					t.Errorf("example %s of %s %s: %d %s", name, method, path, got.code, got.body)
				}
				sent++
			}
		}
	}
	if sent < 8 {
		t.Errorf("only %d examples", sent)
	}
}
