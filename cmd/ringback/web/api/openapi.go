package api

import (
	_ "embed"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"ringback/cmd/ringback/web/door"
)

//go:embed openapi.yaml
var openAPISource []byte

// object is a JSON object.
type object = map[string]any

// document is the OpenAPI document, in both of its languages.
type document struct{ json, yaml []byte }

// newDocument makes the document of the routes: what the file says of each, and
// what is the same of all.
func newDocument(routes []door.Route) document {
	var doc object
	if err := yaml.Unmarshal(openAPISource, &doc); err != nil {
		panic(err) // embedded: a test reads it
	}
	parts := doc["components"].(object)
	addAnswers(parts)
	paths := doc["paths"].(object)
	for i := range routes {
		if path, ok := paths[routes[i].Path].(object); ok {
			if op, ok := path[strings.ToLower(routes[i].Method)].(object); ok {
				describe(op, &routes[i])
			}
		}
	}
	var d document
	var err error
	if d.json, err = json.Marshal(doc); err != nil {
		panic(err)
	}
	if d.yaml, err = yaml.Marshal(doc); err != nil {
		panic(err)
	}
	return d
}

// Document is the OpenAPI document of the routes, in JSON.
func Document(routes []door.Route) []byte { return newDocument(routes).json }

// addAnswers moves the schemas of answers to the others: objects that are told
// whole but for what is optional, and lists of them.
func addAnswers(parts object) {
	schemas := parts["schemas"].(object)
	for name, schema := range parts["x-answers"].(object) {
		schema := maps.Clone(schema.(object))
		if properties, ok := schema["properties"].(object); ok {
			optional, _ := schema["x-optional"].([]any)
			schema["type"], schema["required"] = "object", slices.DeleteFunc(slices.Sorted(maps.Keys(properties)),
				func(name string) bool { return slices.Contains(optional, any(name)) })
			delete(schema, "x-optional")
		}
		schemas[name] = schema
	}
	for name, of := range parts["x-lists"].(object) {
		schemas[name] = object{"type": "object", "required": []string{"items", "next"}, "properties": object{
			"items": object{"type": "array", "items": ref("schemas", of.(string))},
			"next":  object{"type": "string", "description": "The cursor of the next page; empty: this is the last."}}}
	}
	delete(parts, "x-answers")
	delete(parts, "x-lists")
}

func ref(kind, name string) object { return object{"$ref": "#/components/" + kind + "/" + name} }

// describe adds to an operation what follows from its route: who may ask, the
// parameters that all of its kind have, and how it refuses.
func describe(op object, r *door.Route) {
	answers := object{}
	maps.Copy(answers, op["responses"].(object))
	op["responses"] = answers
	parameters, _ := op["parameters"].([]any)
	refuses := func(codes ...string) {
		for _, code := range codes {
			if answers[code] == nil {
				answers[code] = ref("responses", "Bad")
			}
		}
	}
	op["security"] = []any{}
	if r.Access == door.Program {
		op["security"] = []any{object{"token": []string{r.Scope}}}
		op["description"] = strings.TrimSpace(described(op) + "\n\nScope: `" + r.Scope + "`.")
		refuses("401", "403", "429", "500")
	}
	for _, name := range []string{"id", "name"} {
		if strings.Contains(r.Path, "{"+name+"}") {
			parameters = append(parameters, ref("parameters", name))
			refuses("404")
		}
	}
	if r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		parameters = append(parameters, ref("parameters", "key"))
		refuses("303", "400", "409", "413", "415", "422")
	}
	if isList(op) {
		parameters = append(parameters, ref("parameters", "limit"), ref("parameters", "cursor"))
		refuses("400")
	}
	if len(parameters) > 0 {
		op["parameters"] = parameters
	}
}

func described(op object) string {
	text, _ := op["description"].(string)
	return text
}

// isList says whether an operation answers with a page of a list: its file
// describes it so.
func isList(op object) bool {
	ok, _ := op["responses"].(object)["200"].(object)
	return ok["description"] == "A page."
}

// openAPI answers GET /api/v1/openapi.json, and .yaml.
func openAPI(routes func() []door.Route) (asJSON, asYAML http.HandlerFunc) {
	made := sync.OnceValue(func() document { return newDocument(routes()) })
	answer := func(kind string, text func(document) []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(text(made()))
		}
	}
	return answer(typeJSON, func(d document) []byte { return d.json }), answer("application/yaml", func(d document) []byte { return d.yaml })
}
