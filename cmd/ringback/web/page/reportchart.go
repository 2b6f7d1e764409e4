package page

import (
	"fmt"
	"strconv"
	"time"

	"ringback/leads/view"
)

// chart is a picture of columns, answered calls below and missed ones on top.
// Beside it stands the same as a table.
type chart struct {
	ID      string
	Title   string // an id of the catalog
	Told    string // what it shows, for those who do not see it
	Columns []column
	Lines   []gridLine
	Width   int
}

// column is one of them; the lengths are in units of the picture.
type column struct {
	Name                     string
	Label                    string // below it; empty: there is no room for each
	X, Middle, Wide          float64
	AnsweredY, AnsweredH     float64
	MissedY, MissedH         float64
	Answered, Missed, Called int
	Rate                     string
}

// gridLine is a line across the picture.
type gridLine struct {
	Y     float64
	Label string
}

// The picture: its size, and what its edges keep for labels.
const (
	chartWidth, chartHeight    = 720, 190
	chartLeft, chartTop, below = 36.0, 10.0, 24.0
)

func (t *teller) charts(r *view.Report) []chart {
	hours := make([]view.Group, len(r.Hours))
	for h := range r.Hours {
		hours[h] = view.Group{Name: fmt.Sprintf("%02d", h), Figures: r.Hours[h]}
	}
	list := []chart{t.chart("hours", hours, 3, func(name string) string { return name })}
	if len(r.Days) > 1 {
		every := 1 + len(r.Days)/10
		list = append(list, t.chart("days", r.Days, every, func(name string) string {
			day, err := time.Parse(time.DateOnly, name)
			if err != nil {
				return name
			}
			return strconv.Itoa(day.Day()) + " " + t.say(fmt.Sprintf("month.%d", day.Month()))
		}))
	}
	return list
}

// chart draws groups as columns; every so many have a label.
func (t *teller) chart(id string, groups []view.Group, every int, name func(string) string) chart {
	c := chart{ID: id, Title: "report.chart." + id, Width: chartWidth}
	most, busiest := 0, -1
	for i := range groups {
		if n := groups[i].Inbound(); n > most {
			most, busiest = n, i
		}
	}
	top := roundUp(most)
	height := chartHeight - chartTop - below
	scale := height / float64(top)
	for _, n := range []int{0, top / 2, top} {
		c.Lines = append(c.Lines, gridLine{tenth(chartTop + height - float64(n)*scale), strconv.Itoa(n)})
	}
	each := (chartWidth - chartLeft) / float64(len(groups))
	for i := range groups {
		g := &groups[i]
		one := column{Name: name(g.Name), Answered: g.Answered, Missed: g.Missed, Called: g.CalledBack, Rate: t.percent(g.MissedRate()),
			X: tenth(chartLeft + each*(float64(i)+.14)), Middle: tenth(chartLeft + each*(float64(i)+.5)), Wide: tenth(each * .72)}
		one.AnsweredH, one.MissedH = tenth(float64(g.Answered)*scale), tenth(float64(g.Missed)*scale)
		one.AnsweredY = tenth(chartTop + height - one.AnsweredH)
		one.MissedY = tenth(one.AnsweredY - one.MissedH)
		if i%every == 0 {
			one.Label = one.Name
		}
		c.Columns = append(c.Columns, one)
	}
	c.Told = t.words.Say("report.chart.empty")
	if busiest >= 0 {
		b := &c.Columns[busiest]
		c.Told = t.words.Say("report.chart.told", "name", b.Name, "answered", b.Answered, "missed", b.Missed)
	}
	return c
}

// tenth is enough of a number to draw by.
func tenth(f float64) float64 { return float64(int(f*10+.5)) / 10 }

// roundUp is an even and round number that is no less than n.
func roundUp(n int) int {
	for unit := 2; ; unit *= 10 {
		for _, top := range []int{unit, 2 * unit, 3 * unit, 4 * unit, 5 * unit} {
			if top >= n {
				return top
			}
		}
	}
}
