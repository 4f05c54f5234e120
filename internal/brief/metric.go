package brief

import (
	"regexp"
	"strings"
)

// metricNames maps what people call a metric to the protocol's name for it
// (enums/available-metric.json), or to ours where the protocol has none. Words
// are lower case with blanks; a name with underscores is its own.
var metricNames = map[string]string{
	"cpm": "cpm", "ecpm": "cpm", "cost per thousand": "cpm", "cost per thousand impressions": "cpm", "cost per mille": "cpm", "max cpm": "cpm",
	"cpa": "cost_per_acquisition", "cost per acquisition": "cost_per_acquisition", "cost per action": "cost_per_acquisition",
	"cost per order": "cost_per_acquisition", "cost per sale": "cost_per_acquisition", "cpo": "cost_per_acquisition",
	"cpc": "cost_per_click", "cost per click": "cost_per_click",
	"cpcv": "cost_per_completed_view", "cost per completed view": "cost_per_completed_view",
	"cpv": "cost_per_view", "cost per view": "cost_per_view",
	"cpl": "cost_per_lead", "cost per lead": "cost_per_lead", "cost per qualified lead": "cost_per_lead",
	"cpi": "cost_per_install", "cost per install": "cost_per_install", "cost per app install": "cost_per_install",
	"cost per visit": "cost_per_visit", "cost per store visit": "cost_per_visit",
	"ctr": "ctr", "click-through rate": "ctr", "click through rate": "ctr", "clickthrough rate": "ctr",
	"vtr": "completion_rate", "vcr": "completion_rate", "view-through rate": "completion_rate", "view through rate": "completion_rate",
	"video completion rate": "completion_rate", "completion rate": "completion_rate", "completion": "completion_rate",
	"completed view rate": "completion_rate", "listen-through rate": "completion_rate", "listen through rate": "completion_rate",
	"ltr": "completion_rate", "audio completion rate": "completion_rate",
	"viewability": "viewability", "viewability rate": "viewability", "viewable rate": "viewability", "viewable impressions": "viewability",
	"roas": "roas", "return on ad spend": "roas", "iroas": "incremental_roas", "incremental roas": "incremental_roas",
	"reach": "reach", "unique reach": "reach", "frequency": "frequency", "average frequency": "frequency",
	"impressions": "impressions", "clicks": "clicks", "conversions": "conversions", "conversion rate": "conversion_rate", "cvr": "conversion_rate",
	"leads": "leads", "qualified leads": "leads", "installs": "app_installs", "app installs": "app_installs", "downloads": "downloads",
	"grps": "grps", "grp": "grps", "gross rating points": "grps",
	"footfall": "foot_traffic", "foot traffic": "foot_traffic", "store visits": "foot_traffic",
	"incremental sales": "incremental_sales_lift", "incremental sales lift": "incremental_sales_lift", "sales lift": "incremental_sales_lift",
	"sales uplift": "incremental_sales_lift", "brand lift": "brand_lift", "brand uplift": "brand_lift", "conversion lift": "conversion_lift",
	"brand search lift": "brand_search_lift", "ad recall": "ad_recall_lift", "ad recall lift": "ad_recall_lift",
	"completed views": "completed_views", "views": "views", "plays": "plays", "units sold": "units_sold",
	"new-to-brand rate": "new_to_brand_rate", "new to brand rate": "new_to_brand_rate", "new-to-brand": "new_to_brand_rate",
	"engagements": "engagements", "engagement rate": "engagement_rate", "share of voice": "share_of_voice", "attention": "attention_score",
}

var metricForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// metricName gives the name a metric is kept under: the protocol's where there
// is one, else the author's in snake case; false when it is no name at all.
func metricName(written string) (string, bool) {
	w := strings.ToLower(oneLine(strings.ReplaceAll(written, "_", " ")))
	if name, ok := metricNames[w]; ok {
		return name, true
	}
	name := strings.NewReplacer(" ", "_", "-", "_").Replace(w)
	return name, metricForm.MatchString(name)
}

// metricIsCost reports whether a metric is money paid for something, so that
// its target is a ceiling in the brief's currency.
func metricIsCost(metric string) bool {
	switch metric {
	case "cpm", "cost_per_acquisition", "cost_per_click", "cost_per_completed_view", "cost_per_view",
		"cost_per_lead", "cost_per_install", "cost_per_visit":
		return true
	}
	return false
}

// metricIsRate reports whether a metric is a share, whose target cannot pass 100 %.
func metricIsRate(metric string) bool {
	switch metric {
	case "ctr", "completion_rate", "viewability", "engagement_rate", "conversion_rate", "new_to_brand_rate", "share_of_voice":
		return true
	}
	return false
}

// pricingModels maps cost metrics to the protocol's pricing models.
var pricingModels = map[string]string{
	"cpm": "cpm", "cost_per_click": "cpc", "cost_per_completed_view": "cpcv", "cost_per_view": "cpv", "cost_per_acquisition": "cpa",
}
