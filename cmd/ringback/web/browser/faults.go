package browser

import (
	"fmt"
	"strings"
)

// Fault is something that axe-core finds wrong for people who do not see, hear or
// move as most do.
type Fault struct {
	ID     string `json:"id"`
	Impact string `json:"impact"` // minor, moderate, serious, critical
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// Grave says that it keeps somebody from using the page.
func (f *Fault) Grave() bool { return f.Impact == "serious" || f.Impact == "critical" }

func (f *Fault) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s", f.ID, f.Impact, f.Help)
	for _, n := range f.Nodes {
		fmt.Fprintf(&b, "\n  %s\n    %s", n.HTML, strings.ReplaceAll(n.Summary, "\n", "\n    "))
	}
	return b.String()
}

// Faults has axe-core look at the page; axe is its script.
func (t *Tab) Faults(axe string) (list []Fault, err error) {
	// What the script gives is of no use, and may not fit into JSON.
	if err := t.Eval(axe+"; 0", nil); err != nil {
		return nil, err
	}
	return list, t.Eval("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)", &list)
}
