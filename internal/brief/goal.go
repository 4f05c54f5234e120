package brief

import (
	"regexp"
	"strings"
)

// Goal is what a campaign is for, in the few classes that planning tells apart.
type Goal string

// The goals that [Brief.Goals] finds.
const (
	GoalAwareness     Goal = "awareness"
	GoalConsideration Goal = "consideration"
	GoalEngagement    Goal = "engagement"
	GoalTraffic       Goal = "traffic"
	GoalLeads         Goal = "leads"
	GoalSales         Goal = "sales"
	GoalAppInstalls   Goal = "app_installs"
	GoalFootfall      Goal = "footfall"
	GoalLoyalty       Goal = "loyalty"
)

// goalForms are the words that name each goal. A more particular goal comes
// before one whose words it contains.
var goalForms = []struct {
	goal Goal
	re   *regexp.Regexp
}{
	{GoalAwareness, regexp.MustCompile(`\b(?:awareness|recognition|brand[- ]building|fame|top[- ]of[- ]mind|ad recall|make (?:it|us|them) known|get known)\b`)},
	{GoalConsideration, regexp.MustCompile(`\b(?:consideration|purchase intent|preference|favou?rability)\b`)},
	{GoalEngagement, regexp.MustCompile(`\bengagement\b`)},
	{GoalAppInstalls, regexp.MustCompile(`\b(?:app[- ]installs?|app[_ ]installs?|(?:app )?installs|app downloads?|downloads? (?:of )?(?:the|our) app)\b`)},
	{GoalFootfall, regexp.MustCompile(`\b(?:footfall|foot traffic|store visits?|(?:store|shop|showroom|branch|restaurant)[- ]traffic|walk-?ins|visits to (?:the |our )?(?:stores?|shops?|branches|restaurants|showrooms?))\b`)},
	{GoalTraffic, regexp.MustCompile(`\b(?:(?:web ?site|site|web|online) (?:traffic|visits)|traffic to|drive traffic|traffic)\b`)},
	{GoalLeads, regexp.MustCompile(`\b(?:leads|lead[- ]generation|sign-?ups|registrations|demo requests|test drives|enquir(?:y|ies)|trial requests)\b`)},
	{GoalSales, regexp.MustCompile(`\b(?:sales|conversions?|purchases|revenue|online orders|bookings|sell-?(?:out|through)|roas)\b`)},
	{GoalLoyalty, regexp.MustCompile(`\b(?:loyalty|retention|repeat purchases?|win[- ]back|reactivat(?:e|ion))\b`)},
}

// Goals classifies the objectives, in order of mention, each once. Objectives
// in other words are left out.
func (b Brief) Goals() []Goal {
	var out []Goal
	for _, o := range b.Objectives {
		for _, found := range findGoals(strings.ReplaceAll(lowerASCII(o), "_", " ")) {
			out = appendNew(out, found.goal)
		}
	}
	return out
}

type foundGoal struct {
	span
	goal Goal
}

// findGoals finds the goals named in lower-case text, in order. Words that one
// goal has used do not make another: "store traffic" is footfall, not traffic.
func findGoals(lower string) []foundGoal {
	var out []foundGoal
	used := make([]bool, len(lower))
	for _, form := range goalForms {
		for _, at := range form.re.FindAllStringIndex(lower, 30) {
			if used[at[0]] {
				continue
			}
			for i := at[0]; i < at[1]; i++ {
				used[i] = true
			}
			out = append(out, foundGoal{span{at[0], at[1]}, form.goal})
		}
	}
	sortSpans(out)
	return out
}
