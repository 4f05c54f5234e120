package brief

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
