package seller

// The closed lists that a catalogue may use, as the protocol's enums have them.
// Channels, metrics and event types are checked against the generated enums.
var (
	deliveryTypes      = []string{"guaranteed", "non_guaranteed"}
	exclusivities      = []string{"none", "category", "exclusive"}
	approvals          = []string{string(ApprovalAuto), string(ApprovalManual)}
	timeUnits          = []string{"hour", "day", "week", "month"}
	forecastMethods    = []string{"estimate", "modeled", "guaranteed"}
	reachUnits         = []string{"individuals", "households", "devices", "accounts", "cookies"}
	demographicSystems = []string{"nielsen", "barb", "agf", "oztam", "mediametrie", "custom"}
	metroSystems       = []string{"nielsen_dma", "uk_itl1", "uk_itl2", "eurostat_nuts2", "custom"}
	coBrandings        = []string{"none", "optional", "required"}
	landingPages       = []string{"any", "retailer_site_only", "must_include_retailer"}
	frequencies        = []string{"hourly", "daily", "monthly"}
	pricingModels      = []string{"cpm", "vcpm", "cpc", "cpcv", "cpv", "cpp", "cpa", "flat_rate", "time"}
	videoPlacements    = []string{"instream", "accompanying_content", "interstitial", "standalone"}
	sponsoredKinds     = []string{"sponsored_search", "sponsored_display", "sponsored_native"}
	audioKinds         = []string{
		"music_streaming_service", "fm_am_broadcast", "podcast", "catch_up_radio", "web_radio",
		"video_game", "text_to_speech",
	}
	dimensionUnits = []string{"px", "dp", "inches", "cm", "mm", "pt"}
	channels       = []string{
		"display", "olv", "social", "search", "ctv", "linear_tv", "radio", "streaming_audio", "podcast",
		"dooh", "ooh", "print", "cinema", "email", "gaming", "retail_media", "influencer", "affiliate",
		"product_placement", "sponsored_intelligence",
	}
	// The metrics that the agent can really report from what an ad server counts.
	metrics = []string{
		"impressions", "spend", "clicks", "ctr", "views", "completed_views", "completion_rate",
		"conversions", "viewability", "grps", "plays", "cpm", "cost_per_click", "cost_per_completed_view",
		"cost_per_acquisition",
	}
	// The conversions that a pixel on the advertiser's side commonly fires.
	eventTypes = []string{
		"page_view", "view_content", "add_to_cart", "initiate_checkout", "purchase", "lead",
		"complete_registration", "subscribe", "start_trial", "app_install", "contact", "schedule",
		"donate", "submit_application",
	}
	assetTypes = []string{
		"image", "video", "audio", "text", "markdown", "html", "css", "javascript", "zip", "vast", "daast", "url",
	}
)

func channel(n yamlNode) string            { return n.oneOf(channels) }
func videoPlacement(n yamlNode) string     { return n.oneOf(videoPlacements) }
func audioDistribution(n yamlNode) string  { return n.oneOf(audioKinds) }
func sponsoredPlacement(n yamlNode) string { return n.oneOf(sponsoredKinds) }
func reportingFrequency(n yamlNode) string { return n.oneOf(frequencies) }
func metric(n yamlNode) string             { return n.oneOf(metrics) }
