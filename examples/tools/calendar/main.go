// calendar: arithmetic with days: what date it is in three months, how many working days are left.
package main

import (
	"fmt"
	"slices"
	"time"

	"caxton"
)

const spanMax = 200_000 // days, about 550 years

var pure = caxton.Options{"annotations": map[string]any{"readOnlyHint": true, "openWorldHint": false}}

type day struct {
	Date    string `json:"date"`
	Weekday string `json:"weekday"`
	Week    string `json:"week"`
	InYear  int    `json:"day_of_year"`
}

func tell(date time.Time) day {
	year, week := date.ISOWeek()
	return day{date.Format(time.DateOnly), date.Weekday().String(), fmt.Sprintf("%d-W%02d", year, week), date.YearDay()}
}

func parse(name, text string) (time.Time, error) {
	date, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return date, caxton.Invalid("`%s` must be a date such as 2026-03-01, not `%s`", name, text)
	}
	return date, nil
}

type holidays []string

func (h holidays) works(date time.Time) bool {
	return date.Weekday() != time.Saturday && date.Weekday() != time.Sunday && !slices.Contains(h, date.Format(time.DateOnly))
}

type addition struct {
	Date     string   `json:"date" description:"Where to begin, such as 2026-03-01"`
	Years    int      `json:"years,omitempty"`
	Months   int      `json:"months,omitempty" description:"The 31st becomes the last day of a shorter month"`
	Weeks    int      `json:"weeks,omitempty"`
	Days     int      `json:"days,omitempty"`
	Workdays int      `json:"workdays,omitempty" description:"Days from Monday to Friday that are no holidays; counted last"`
	Holidays []string `json:"holidays,omitempty" description:"Dates that are no workdays"`
}

func add(in addition) (any, error) {
	date, err := parse("date", in.Date)
	if err != nil {
		return nil, err
	}
	for _, number := range []int{in.Years * 366, in.Months * 31, in.Weeks * 7, in.Days, in.Workdays} {
		if number > spanMax || number < -spanMax {
			return nil, caxton.Invalid("that is further away than %d days", spanMax)
		}
	}
	// Months by the calendar: no month is skipped because it is short.
	first := time.Date(date.Year()+in.Years, date.Month()+time.Month(in.Months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	date = first.AddDate(0, 0, min(date.Day(), last)-1+7*in.Weeks+in.Days)
	step := 1
	if in.Workdays < 0 {
		step = -1
	}
	for left := in.Workdays; left != 0; {
		date = date.AddDate(0, 0, step)
		if holidays(in.Holidays).works(date) {
			left -= step
		}
	}
	found := tell(date)
	return caxton.Answer{Text: fmt.Sprintf("%s, a %s in week %s", found.Date, found.Weekday, found.Week), Data: found}, nil
}

type span struct {
	From     string   `json:"from" description:"The first date"`
	To       string   `json:"to" description:"The second date"`
	Holidays []string `json:"holidays,omitempty" description:"Dates that are no workdays"`
}

func between(in span) (any, error) {
	from, err := parse("from", in.From)
	if err != nil {
		return nil, err
	}
	to, err := parse("to", in.To)
	if err != nil {
		return nil, err
	}
	days := int(to.Sub(from).Hours() / 24)
	if days > spanMax || days < -spanMax {
		return nil, caxton.Invalid("that is further apart than %d days", spanMax)
	}
	workdays, step := 0, 1
	if days < 0 {
		step = -1
	}
	for date := from; !date.Equal(to); date = date.AddDate(0, 0, step) {
		if holidays(in.Holidays).works(date) {
			workdays += step
		}
	}
	data := map[string]any{"days": days, "weeks": days / 7, "workdays": workdays, "from": tell(from), "to": tell(to)}
	return caxton.Answer{Text: fmt.Sprintf("%d days, %d of them workdays (the last day not counted)", days, workdays), Data: data}, nil
}

func init() {
	caxton.Tool("add", "Tells the date some years, months, weeks, days or workdays after (or before) another, with its weekday.", add, pure)
	caxton.Tool("between", "Counts the days, weeks and workdays from one date to another.", between, pure)
}

func main() {}
