package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"

	"ringback/leads/text"
)

//go:embed pages static
var files embed.FS

// asset is a file that pages need. Its name holds a hash of what is in it, so
// that browsers may keep it for ever.
type asset struct {
	path string
	kind string
	body []byte
}

// kinds are the media types of assets, by the ends of their names.
var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".webmanifest": "application/manifest+json"}

// assets are all of them, by the names that templates use and by their paths.
var assets = func() map[string]asset {
	all := map[string]asset{}
	names, err := fs.Glob(files, "static/*")
	if err != nil {
		panic(err) // the pattern is right
	}
	for _, name := range names {
		body, err := files.ReadFile(name)
		if err != nil {
			panic(err) // embedded: it is there
		}
		base, end := path.Base(name), path.Ext(name)
		sum := sha256.Sum256(body)
		a := asset{fmt.Sprintf("/static/%s.%s%s", strings.TrimSuffix(base, end), hex.EncodeToString(sum[:6]), end), kinds[end], body}
		all[base], all[a.path] = a, a
	}
	return all
}()

// static answers an asset. One of another version is not here any more: whoever
// asks for it has an old page.
func static(w http.ResponseWriter, r *http.Request) {
	a, ok := assets[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(a.body)
}

// pages are the templates, by the language they speak.
var pages = func() map[text.Language]*template.Template {
	all := map[text.Language]*template.Template{}
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		panic(err) // the pattern is right
	}
	for _, l := range text.Languages {
		words := text.In(l)
		all[l] = template.New("").Funcs(template.FuncMap{
			"t":        words.Say,
			"language": func() string { return string(l) },
			"asset":    func(name string) string { return assets[name].path },
			"icon":     icon,
		})
		for _, name := range names {
			body, err := files.ReadFile(name)
			if err != nil {
				panic(err) // embedded: it is there
			}
			template.Must(all[l].New(path.Base(name)).Parse(settle(string(body), words)))
		}
	}
	return all
}()

// fixed are the words and icons that a template says the same of every row.
var fixed = regexp.MustCompile(`\{\{(t|icon) "([a-z0-9_.]+)"\}\}`)

// settle writes what is fixed into a template before it is parsed: a page of fifty
// rows would look it up some two thousand times.
func settle(page string, words *text.Words) string {
	return fixed.ReplaceAllStringFunc(page, func(action string) string {
		said := fixed.FindStringSubmatch(action)
		if said[1] == "t" {
			return template.HTMLEscapeString(words.Say(said[2]))
		}
		drawn, err := icon(said[2])
		if err != nil {
			panic(err) // whoever wrote the template sees it at the first start
		}
		return string(drawn)
	})
}

// icon is a picture that says what the words beside it say too.
func icon(name string) (template.HTML, error) {
	drawn, ok := icons[name]
	if !ok {
		return "", fmt.Errorf("page: there is no icon %q", name)
	}
	return template.HTML(`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">` + drawn + `</svg>`), nil
}

// icons are drawn by lines on a field of 24 by 24.
var icons = map[string]string{
	"phone":     `<path d="M6 3h3.5l1.7 4.6-2.2 1.7a11.5 11.5 0 0 0 5.7 5.7l1.7-2.2L21 14.5V18a3 3 0 0 1-3.2 3A15.9 15.9 0 0 1 3 6.2 3 3 0 0 1 6 3z"/>`,
	"callbacks": `<path d="M15 4v5h5M20.5 3.5 15 9M6 3h3l1.6 4.3-2 1.6a11 11 0 0 0 5.500 5.500l1.600-2 4.300 1.600v3a3 3 0 0 1-3.200 3A15 15 0 0 1 3 6.200 3 3 0 0 1 6 3z"/>`,
	"everyone":  `<circle cx="9" cy="8" r="3.5"/><path d="M2.500 20a6.500 6.500 0 0 1 13 0M16 4.800a3.500 3.500 0 0 1 0 6.400M18 14.200a6.500 6.500 0 0 1 3.500 5.800"/>`,
	"calls":     `<path d="M8 6h13M8 12h13M8 18h13M3.500 6h.01M3.500 12h.01M3.500 18h.01"/>`,
	"search":    `<circle cx="11" cy="11" r="7"/><path d="m20.500 20.500-4.500-4.500"/>`,
	"report":    `<path d="M4 20V11M10 20V4M16 20v-6M21 20H3"/>`,
	"status":    `<path d="M3 12h4l3-8 4 16 3-8h4"/>`,
	"check":     `<path d="m4.500 12.500 5 5 10-11"/>`,
	"clock":     `<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3.500 2"/>`,
	"hand":      `<path d="M4 12h15M13 6l6 6-6 6"/>`,
	"take":      `<path d="M12 3v11M7.500 9.500 12 14l4.500-4.500M4 16v4h16v-4"/>`,
	"cross":     `<path d="m6 6 12 12M18 6 6 18"/>`,
	"note":      `<path d="M4 20h4L19 9l-4-4L4 16zM13 7l4 4"/>`,
	"more":      `<path stroke-width="2.800" d="M5 12h.01M12 12h.01M19 12h.01"/>`,
	"plus":      `<path d="M12 5v14M5 12h14"/>`,
	"filter":    `<path d="M3 6h18M7 12h10M10.500 18h3"/>`,
	"person":    `<circle cx="12" cy="8" r="4"/><path d="M4 21a8 8 0 0 1 16 0"/>`,
	"alert":     `<path d="M12 3 2 20h20zM12 10v4M12 17h.01"/>`,
	"bell":      `<path d="M6 10a6 6 0 0 1 12 0c0 6 2.500 7 2.500 7h-17S6 16 6 10M10 20.500a2.200 2.200 0 0 0 4 0"/>`,
	"away":      `<path d="M20 14.500A8.500 8.500 0 1 1 9.500 4 7 7 0 0 0 20 14.500z"/>`,
	"keys":      `<rect x="2.500" y="6" width="19" height="12" rx="2"/><path d="M6.500 10h.01M10 10h.01M14 10h.01M17.500 10h.01M8 14h8"/>`,
}
