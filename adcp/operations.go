package adcp

// The operation table: every task of the protocol, once. Rows stand in the
// order in which tools and skills are listed to callers.

// Discovery and tasks.
var (
	GetAdcpCapabilities = define[GetAdcpCapabilitiesRequest, GetAdcpCapabilitiesResponse](Operation{
		Name: "get_adcp_capabilities", Protocol: "protocol", Access: AccessPublic,
		Summary: "Say which protocols, releases and features this agent supports.",
	})
	GetTaskStatus = define[GetTaskStatusRequest, GetTaskStatusResponse](Operation{
		Name: "get_task_status", Protocol: "protocol", Access: AccessAccount,
		Summary: "Read the state of one task, and its result once it is there.",
	})
	ListTasks = define[ListTasksRequest, ListTasksResponse](Operation{
		Name: "list_tasks", Protocol: "protocol", Access: AccessAccount,
		Summary: "List tasks with filters, newest first.",
	})
)

// Accounts.
var (
	ListAccounts = define[ListAccountsRequest, ListAccountsResponse](Operation{
		Name: "list_accounts", Protocol: "account", Access: AccessAccount,
		Summary: "List the accounts that the caller may use.",
	})
	SyncAccounts = define[SyncAccountsRequest, SyncAccountsResponse](Operation{
		Name: "sync_accounts", Protocol: "account", Mutating: true, Access: AccessAccount,
		Summary: "Create or change accounts for brands and their operators.",
	})
	SyncGovernance = define[SyncGovernanceRequest, SyncGovernanceResponse](Operation{
		Name: "sync_governance", Protocol: "account", Mutating: true, Access: AccessAccount,
		Summary: "Set which governance agents watch an account.",
	})
	GetAccountFinancials = define[GetAccountFinancialsRequest, GetAccountFinancialsResponse](Operation{
		Name: "get_account_financials", Protocol: "account", Access: AccessAccount,
		Summary: "Read an account's spend, credit and invoices.",
	})
	ReportUsage = define[ReportUsageRequest, ReportUsageResponse](Operation{
		Name: "report_usage", Protocol: "account", Mutating: true, Access: AccessAccount,
		Summary: "Report what was used, so that it can be billed.",
	})
)

// Media buying.
var (
	GetProducts = define[GetProductsRequest, GetProductsResponse](Operation{
		Name: "get_products", Protocol: "media-buy", Access: AccessPublic,
		Summary: "Find advertising products for a brief, or read the whole catalogue.",
	})
	ListCreativeFormats = define[ListCreativeFormatsRequest, ListCreativeFormatsResponse](Operation{
		Name: "list_creative_formats", Protocol: "media-buy", Access: AccessPublic,
		Summary: "List the creative formats that this agent accepts.",
	})
	CreateMediaBuy = define[CreateMediaBuyRequest, CreateMediaBuyResponse](Operation{
		Name: "create_media_buy", Protocol: "media-buy", Mutating: true, Access: AccessAccount,
		Summary: "Book packages of products, or a proposal.",
	})
	UpdateMediaBuy = define[UpdateMediaBuyRequest, UpdateMediaBuyResponse](Operation{
		Name: "update_media_buy", Protocol: "media-buy", Mutating: true, Access: AccessAccount,
		Summary: "Change, pause, resume or cancel a media buy or its packages.",
	})
	GetMediaBuys = define[GetMediaBuysRequest, GetMediaBuysResponse](Operation{
		Name: "get_media_buys", Protocol: "media-buy", Access: AccessAccount,
		Summary: "Read media buys with their packages and states.",
	})
	GetMediaBuyDelivery = define[GetMediaBuyDeliveryRequest, GetMediaBuyDeliveryResponse](Operation{
		Name: "get_media_buy_delivery", Protocol: "media-buy", Access: AccessAccount,
		Summary: "Read what media buys have delivered and spent.",
	})
	ProvidePerformanceFeedback = define[ProvidePerformanceFeedbackRequest, ProvidePerformanceFeedbackResponse](Operation{
		Name: "provide_performance_feedback", Protocol: "media-buy", Mutating: true, Access: AccessAccount,
		Summary: "Tell the seller how well a buy performed against its goal.",
	})
	BuildCreative = define[BuildCreativeRequest, BuildCreativeResponse](Operation{
		Name: "build_creative", Protocol: "media-buy", Mutating: true, Access: AccessAccount,
		Summary: "Make a creative from a brief, assets or another format.",
	})
	LogEvent = define[LogEventRequest, LogEventResponse](Operation{
		Name: "log_event", Protocol: "media-buy", Mutating: true, Access: AccessAccount,
		Summary: "Send conversion and marketing events.",
	})
	SyncEventSources = define[SyncEventSourcesRequest, SyncEventSourcesResponse](Operation{
		Name: "sync_event_sources", Protocol: "media-buy", Mutating: true, Access: AccessAccount,
		Summary: "Set up where conversion events come from.",
	})
	SyncAudiences = define[SyncAudiencesRequest, SyncAudiencesResponse](Operation{
		Name: "sync_audiences", Protocol: "media-buy", Mutating: true, Access: AccessAccount,
		Summary: "Upload or change first-party audiences.",
	})
	SyncCatalogs = define[SyncCatalogsRequest, SyncCatalogsResponse](Operation{
		Name: "sync_catalogs", Protocol: "media-buy", Mutating: true, Access: AccessAccount,
		Summary: "Upload or change catalogues of products, stores, jobs and other items.",
	})
)

// Creatives.
var (
	SyncCreatives = define[SyncCreativesRequest, SyncCreativesResponse](Operation{
		Name: "sync_creatives", Protocol: "creative", Mutating: true, Access: AccessAccount,
		Summary: "Upload or change creatives and assign them to packages.",
	})
	ListCreatives = define[ListCreativesRequest, ListCreativesResponse](Operation{
		Name: "list_creatives", Protocol: "creative", Access: AccessAccount,
		Summary: "List the creatives in the library with their states.",
	})
	PreviewCreative = define[PreviewCreativeRequest, PreviewCreativeResponse](Operation{
		Name: "preview_creative", Protocol: "creative", Access: AccessAccount,
		Summary: "Render a creative to look at before it runs.",
	})
	GetCreativeDelivery = define[GetCreativeDeliveryRequest, GetCreativeDeliveryResponse](Operation{
		Name: "get_creative_delivery", Protocol: "creative", Access: AccessAccount,
		Summary: "Read delivery by creative and by variant.",
	})
	GetCreativeFeatures = define[GetCreativeFeaturesRequest, GetCreativeFeaturesResponse](Operation{
		Name: "get_creative_features", Protocol: "creative", Access: AccessAccount,
		Summary: "Score a creative's features.",
	})
	ListTransformers = define[ListTransformersRequest, ListTransformersResponse](Operation{
		Name: "list_transformers", Protocol: "creative", Access: AccessAccount,
		Summary: "List what can build or convert creatives, and at what price.",
	})
	ValidateInput = define[ValidateInputRequest, ValidateInputResponse](Operation{
		Name: "validate_input", Protocol: "creative", Access: AccessAccount,
		Summary: "Check a creative's manifest against formats before it is sent.",
	})
)

// Signals.
var (
	GetSignals = define[GetSignalsRequest, GetSignalsResponse](Operation{
		Name: "get_signals", Protocol: "signals", Access: AccessAccount,
		Summary: "Find audience and contextual signals, or read the whole catalogue.",
	})
	ActivateSignal = define[ActivateSignalRequest, ActivateSignalResponse](Operation{
		Name: "activate_signal", Protocol: "signals", Mutating: true, Access: AccessAccount,
		Summary: "Make a signal usable on platforms or at agents, or stop it.",
	})
)

// Content standards.
var (
	ListContentStandards = define[ListContentStandardsRequest, ListContentStandardsResponse](Operation{
		Name: "list_content_standards", Protocol: "content-standards", Access: AccessAccount,
		Summary: "List content standards.",
	})
	GetContentStandards = define[GetContentStandardsRequest, GetContentStandardsResponse](Operation{
		Name: "get_content_standards", Protocol: "content-standards", Access: AccessAccount,
		Summary: "Read one set of content standards.",
	})
	CreateContentStandards = define[CreateContentStandardsRequest, CreateContentStandardsResponse](Operation{
		Name: "create_content_standards", Protocol: "content-standards", Mutating: true, Access: AccessAccount,
		Summary: "Create content standards for where a brand may appear.",
	})
	UpdateContentStandards = define[UpdateContentStandardsRequest, UpdateContentStandardsResponse](Operation{
		Name: "update_content_standards", Protocol: "content-standards", Mutating: true, Access: AccessAccount,
		Summary: "Change content standards.",
	})
	CalibrateContent = define[CalibrateContentRequest, CalibrateContentResponse](Operation{
		Name: "calibrate_content", Protocol: "content-standards", Mutating: true, Access: AccessAccount,
		Summary: "Ask how a standard judges an example, to agree on its meaning.",
	})
	ValidateContentDelivery = define[ValidateContentDeliveryRequest, ValidateContentDeliveryResponse](Operation{
		Name: "validate_content_delivery", Protocol: "content-standards", Access: AccessAccount,
		Summary: "Judge delivered content against a standard.",
	})
	GetMediaBuyArtifacts = define[GetMediaBuyArtifactsRequest, GetMediaBuyArtifactsResponse](Operation{
		Name: "get_media_buy_artifacts", Protocol: "content-standards", Access: AccessAccount,
		Summary: "Read the content that a media buy appeared beside.",
	})
)

// Governance.
var (
	SyncPlans = define[SyncPlansRequest, SyncPlansResponse](Operation{
		Name: "sync_plans", Protocol: "governance", Mutating: true, Access: AccessAccount,
		Summary: "Send campaign plans with budgets and limits to a governance agent.",
	})
	CheckGovernance = define[CheckGovernanceRequest, CheckGovernanceResponse](Operation{
		Name: "check_governance", Protocol: "governance", Access: AccessAccount,
		Summary: "Ask whether an action is allowed under a plan.",
	})
	ReportPlanOutcome = define[ReportPlanOutcomeRequest, ReportPlanOutcomeResponse](Operation{
		Name: "report_plan_outcome", Protocol: "governance", Mutating: true, Access: AccessAccount,
		Summary: "Report what came of an action that was checked.",
	})
	GetPlanAuditLogs = define[GetPlanAuditLogsRequest, GetPlanAuditLogsResponse](Operation{
		Name: "get_plan_audit_logs", Protocol: "governance", Access: AccessAccount,
		Summary: "Read a plan's budget, checks and decisions.",
	})
)

// Property lists.
var (
	CreatePropertyList = define[CreatePropertyListRequest, CreatePropertyListResponse](Operation{
		Name: "create_property_list", Protocol: "property", Mutating: true, Access: AccessAccount,
		Summary: "Create a list of properties to include or exclude.",
	})
	UpdatePropertyList = define[UpdatePropertyListRequest, UpdatePropertyListResponse](Operation{
		Name: "update_property_list", Protocol: "property", Mutating: true, Access: AccessAccount,
		Summary: "Change a property list.",
	})
	GetPropertyList = define[GetPropertyListRequest, GetPropertyListResponse](Operation{
		Name: "get_property_list", Protocol: "property", Access: AccessAccount,
		Summary: "Read a property list and the identifiers it stands for.",
	})
	ListPropertyLists = define[ListPropertyListsRequest, ListPropertyListsResponse](Operation{
		Name: "list_property_lists", Protocol: "property", Access: AccessAccount,
		Summary: "List property lists.",
	})
	DeletePropertyList = define[DeletePropertyListRequest, DeletePropertyListResponse](Operation{
		Name: "delete_property_list", Protocol: "property", Mutating: true, Access: AccessAccount,
		Summary: "Delete a property list.",
	})
	ValidatePropertyDelivery = define[ValidatePropertyDeliveryRequest, ValidatePropertyDeliveryResponse](Operation{
		Name: "validate_property_delivery", Protocol: "property", Access: AccessAccount,
		Summary: "Check delivery records against a property list.",
	})
)

// Collection lists.
var (
	CreateCollectionList = define[CreateCollectionListRequest, CreateCollectionListResponse](Operation{
		Name: "create_collection_list", Protocol: "collection", Mutating: true, Access: AccessAccount,
		Summary: "Create a list of shows and other collections.",
	})
	UpdateCollectionList = define[UpdateCollectionListRequest, UpdateCollectionListResponse](Operation{
		Name: "update_collection_list", Protocol: "collection", Mutating: true, Access: AccessAccount,
		Summary: "Change a collection list.",
	})
	GetCollectionList = define[GetCollectionListRequest, GetCollectionListResponse](Operation{
		Name: "get_collection_list", Protocol: "collection", Access: AccessAccount,
		Summary: "Read a collection list and what it stands for.",
	})
	ListCollectionLists = define[ListCollectionListsRequest, ListCollectionListsResponse](Operation{
		Name: "list_collection_lists", Protocol: "collection", Access: AccessAccount,
		Summary: "List collection lists.",
	})
	DeleteCollectionList = define[DeleteCollectionListRequest, DeleteCollectionListResponse](Operation{
		Name: "delete_collection_list", Protocol: "collection", Mutating: true, Access: AccessAccount,
		Summary: "Delete a collection list.",
	})
)

// Brands and rights.
var (
	GetBrandIdentity = define[GetBrandIdentityRequest, GetBrandIdentityResponse](Operation{
		Name: "get_brand_identity", Protocol: "brand", Access: AccessAccount,
		Summary: "Read a brand's identity: names, logos, colours, voice.",
	})
	SearchBrands = define[SearchBrandsRequest, SearchBrandsResponse](Operation{
		Name: "search_brands", Protocol: "brand", Access: AccessAccount,
		Summary: "Search for brands.",
	})
	VerifyBrandClaim = define[VerifyBrandClaimRequest, VerifyBrandClaimResponse](Operation{
		Name: "verify_brand_claim", Protocol: "brand", Mutating: true, Access: AccessAccount,
		Summary: "Ask a brand whether a claim about it holds.",
	})
	VerifyBrandClaims = define[VerifyBrandClaimsRequest, VerifyBrandClaimsResponse](Operation{
		Name: "verify_brand_claims", Protocol: "brand", Mutating: true, Access: AccessAccount,
		Summary: "Ask a brand about several claims at once.",
	})
	GetRights = define[GetRightsRequest, GetRightsResponse](Operation{
		Name: "get_rights", Protocol: "brand", Access: AccessAccount,
		Summary: "Find rights that can be licensed, such as a talent's likeness.",
	})
	AcquireRights = define[AcquireRightsRequest, AcquireRightsResponse](Operation{
		Name: "acquire_rights", Protocol: "brand", Mutating: true, Access: AccessAccount,
		Summary: "License rights for a campaign.",
	})
	UpdateRights = define[UpdateRightsRequest, UpdateRightsResponse](Operation{
		Name: "update_rights", Protocol: "brand", Mutating: true, Access: AccessAccount,
		Summary: "Change, pause or extend a licence.",
	})
	CreativeApproval = define[CreativeApprovalRequest, CreativeApprovalResponse](Operation{
		Name: "creative_approval", Protocol: "brand", Mutating: true, Access: AccessAccount,
		Summary: "Submit a creative for a rights holder's approval.",
	})
)

// Sponsored intelligence.
var (
	SIGetOffering = define[SIGetOfferingRequest, SIGetOfferingResponse](Operation{
		Name: "si_get_offering", Protocol: "sponsored-intelligence", Access: AccessAccount,
		Summary: "Read an offering before a sponsored conversation starts.",
	})
	SIInitiateSession = define[SIInitiateSessionRequest, SIInitiateSessionResponse](Operation{
		Name: "si_initiate_session", Protocol: "sponsored-intelligence", Mutating: true, Access: AccessAccount,
		Summary: "Start a sponsored conversation.",
	})
	SISendMessage = define[SISendMessageRequest, SISendMessageResponse](Operation{
		Name: "si_send_message", Protocol: "sponsored-intelligence", Mutating: true, Access: AccessAccount,
		Summary: "Send a message in a sponsored conversation.",
	})
	SITerminateSession = define[SITerminateSessionRequest, SITerminateSessionResponse](Operation{
		Name: "si_terminate_session", Protocol: "sponsored-intelligence", Mutating: true, Access: AccessAccount,
		Summary: "End a sponsored conversation.",
	})
)

// Compliance.
var (
	ComplyTestController = define[ComplyTestControllerRequest, ComplyTestControllerResponse](Operation{
		Name: "comply_test_controller", Protocol: "compliance", Mutating: true, KeyOptional: true, Access: AccessSandbox,
		Summary: "Seed, force and simulate states in the sandbox.",
	})
)
