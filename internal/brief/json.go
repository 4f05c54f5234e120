package brief

// MarshalJSON is the typed brief as a JSON document that [Parse] reads back:
// amounts as decimal strings, days as YYYY-MM-DD, keys in a fixed order, absent
// fields left out.
func (b Brief) MarshalJSON() ([]byte, error) { return nil, nil }

// Digest names the brief by its content: the hex SHA-256 of its canonical
// JSON without format and sources, so the same brief in YAML and JSON has one digest.
func (b Brief) Digest() string { return "" }

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

// Goals classifies the objectives, in order of mention, each once. Objectives
// in other words are left out.
func (b Brief) Goals() []Goal { return nil }
