package seller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/store"
)

// createMediaBuy serves create_media_buy. The buy exists, and has an identifier
// to tell, once the ad server holds it; orders that need a person's signature
// answer submitted at once.
func (s *Service) createMediaBuy(ctx context.Context, call *agent.Call, req *adcp.CreateMediaBuyRequest) (*adcp.CreateMediaBuyResponse, error) {
	account, err := s.accountForWrite(ctx, call, &req.Account)
	if err != nil {
		return nil, err
	}
	taskID := s.taskID(call, account.ID)
	// A run before this one may have died after it had submitted the task.
	_, err = s.task(ctx, s.db.Read(), taskID)
	if errors.Is(err, errNoRow) {
		err = s.order(ctx, call, account, taskID, req)
	}
	if err != nil {
		return nil, err
	}
	return answer[adcp.CreateMediaBuyResponse](s.await(ctx, taskID))
}

// order checks the request, agrees the prices and submits the task.
func (s *Service) order(ctx context.Context, call *agent.Call, account *Account, taskID string, req *adcp.CreateMediaBuyRequest) error {
	library, err := s.library(ctx, s.db.Read(), account.ID)
	if err != nil {
		return err
	}
	deal, req, err := s.deal(ctx, call, req)
	if err != nil {
		return err
	}
	agreed, bound := new(checks), new(checks)
	buy, err := s.newMediaBuy(agreed, call, account, library, req, deal)
	if err != nil {
		return err
	}
	if err := s.bindNew(ctx, bound, account.ID, "packages", buy.Packages, req.Packages); err != nil {
		return err
	}
	// What a request cannot mean is told before what it does not offer.
	all := checks{found: append(bound.found, agreed.found...)}
	if err := all.err(); err != nil {
		return err
	}
	if err := s.governPurchase(ctx, call, account, buy); err != nil {
		return err
	}
	now := micro(call.Now)
	t := &Task{
		ID: taskID, Principal: call.Principal, AccountID: account.ID, Type: call.Operation.Name,
		Status: adcp.TaskStatusWorking, DecidedBy: "rate_card", DecidedAt: now, CreatedAt: now, Revision: 1,
		Push: req.PushNotificationConfig, Reports: req.ReportingWebhook,
		Change: Change{Actor: call.Principal, Context: req.Context, Buys: []BuyChange{{Buy: buy, New: true, Proposal: buy.Terms.ProposalID}}, Library: uploaded(library)},
	}
	first, err := s.firstBuy(ctx, account.ID)
	if err != nil {
		return err
	}
	s.desk.hold(t, s.desk.signatures(buy, first))
	return s.db.Tx(ctx, func(tx *store.Tx) error { return s.submit(ctx, tx, t) })
}

// answer makes a task an operation's answer: its result, its error, or the
// identifier to follow it by.
func answer[R any](t *Task, err error) (*R, error) {
	if err != nil {
		return nil, err
	}
	resp := new(R)
	switch t.Status {
	case adcp.TaskStatusCompleted:
		return resp, json.Unmarshal(t.Result, resp)
	case adcp.TaskStatusFailed, adcp.TaskStatusRejected:
		return nil, t.Error
	case adcp.TaskStatusCanceled:
		return nil, errWithdrawn()
	}
	message := "The ad server has not confirmed the change yet; follow the task with get_task_status."
	if t.Status != adcp.TaskStatusWorking {
		message = "The sales desk decides on this; follow the task with get_task_status."
	}
	doc, err := json.Marshal(map[string]any{"status": adcp.TaskStatusSubmitted, "task_id": t.ID, "message": message})
	if err != nil {
		return nil, err
	}
	return resp, json.Unmarshal(doc, resp)
}

// newMediaBuy checks a request and makes it a media buy at agreed prices. One at
// fault is returned as far as it goes; the faults are in c. The error is that of a
// request that there is no more to say about.
func (s *Service) newMediaBuy(c *checks, call *agent.Call, account *Account, library map[string]*Creative, req *adcp.CreateMediaBuyRequest, deal *deal) (*MediaBuy, error) {
	now := micro(call.Now)
	if len(req.Packages) == 0 {
		c.add(adcp.CodeInvalidRequest, "packages", "A media buy needs at least one package.")
		return nil, c.err()
	}
	if len(req.Packages) > maxPackages {
		c.add(adcp.CodeValidationError, "packages", "A media buy holds at most %d packages.", maxPackages)
		return nil, c.err()
	}
	if !strings.EqualFold(req.Brand.Domain, account.Key.BrandDomain) {
		c.refuse(refusal(adcp.CodeValidationError, "brand.domain", "The account is for another brand, %s.", account.Key.BrandDomain).
			WithSuggestion("Name the account's brand, or use the brand's own account."))
	}
	c.createExtras(req)
	s.checkWebhook(c, req.PushNotificationConfig)
	brand, err := json.Marshal(req.Brand)
	if err != nil {
		return nil, err
	}
	b := &MediaBuy{
		ID:        id.Derive("mb", s.tenant, call.Principal, account.ID, call.Operation.Name, call.IdempotencyKey),
		Principal: call.Principal, AccountID: account.ID, Held: adcp.Val(req.Paused),
		Advertiser: account.Key.BrandDomain, Context: req.Context,
		Terms: Terms{
			Brand: brand, PONumber: adcp.Val(req.PONumber), AgencyEstimateNumber: adcp.Val(req.AgencyEstimateNumber),
			AdvertiserIndustry: string(adcp.Val(req.AdvertiserIndustry)), PlanID: adcp.Val(req.PlanID),
			ProposalID: adcp.Val(req.ProposalID), IOAcceptance: req.IOAcceptance,
		},
	}
	c.window(b, req.StartTime, req.EndTime, now)
	for i := range req.Packages {
		p := s.newPackage(c, fmt.Sprintf("packages[%d]", i), &req.Packages[i], b, library, now, deal)
		p.ID = id.Derive("pkg", b.ID, fmt.Sprint(i))
		b.Packages = append(b.Packages, p)
	}
	c.currency(b, req.TotalBudget)
	s.checkReports(c, b, req.ReportingWebhook)
	return b, nil
}

// createExtras refuses what the seller would not act on.
func (c *checks) createExtras(req *adcp.CreateMediaBuyRequest) {
	c.unsupported("invoice_recipient", "a media buy's own invoice recipient", "Set billing_entity on the account with sync_accounts.", req.InvoiceRecipient != nil)
	c.unsupported("io_acceptance", "insertion orders without a proposal", "Leave io_acceptance out, or buy a committed proposal.", req.IOAcceptance != nil && req.ProposalID == nil)
	c.unsupported("artifact_webhook", "artifact webhooks", "Leave artifact_webhook out.", req.ArtifactWebhook != nil)
}

// newPackage checks one package of a request. A package at fault is returned as
// far as it goes; the faults are in c.
func (s *Service) newPackage(c *checks, at string, req *adcp.PackageRequest, b *MediaBuy, library map[string]*Creative, now time.Time, deal *deal) Package {
	p := Package{
		ProductID: req.ProductID, Start: b.Start, End: b.End,
		Paused: adcp.Val(req.Paused), AgencyEstimateNumber: adcp.Val(req.AgencyEstimateNumber),
		Context: req.Context, Ext: req.Ext,
	}
	c.packageExtras(at, req)
	product, ok := deal.offered(s.shelf(), b.Principal, req.ProductID)
	if !ok {
		c.refuse(refusal(adcp.CodeProductNotFound, at+".product_id", "There is no such product.").
			WithSuggestion("Find products with get_products."))
		return p
	}
	if product.Own {
		p.OwnedBy = b.Principal
	}
	p.Guaranteed, p.Approval, p.LeadTime = product.Guaranteed, product.Approval, product.LeadTime
	if c.price(at, product, &p, req.PricingOptionID, req.BidPrice) {
		c.budget(at, &p, req.Budget)
		c.goal(at, &p, req.Impressions)
	}
	c.pacing(&p, req.Pacing)
	c.flight(at, b, &p, req.StartTime, req.EndTime)
	c.leadTime(at, b, &p, now)
	c.duration(at, &p)
	s.chosenFormats(c, at, product, &p, req)
	c.targeting(at, product, &p, req.TargetingOverlay)
	s.assign(c, at+".creative_assignments", &p, library, req.CreativeAssignments, now)
	s.inline(c, at+".creatives", b, &p, library, req.Creatives, now)
	return p
}

// packageExtras refuses what the seller would not act on.
func (c *checks) packageExtras(at string, req *adcp.PackageRequest) {
	terms := []struct {
		field   string
		present bool
	}{
		{"measurement_terms", req.MeasurementTerms != nil},
		{"performance_standards", len(req.PerformanceStandards) > 0},
		{"committed_metrics", len(req.CommittedMetrics) > 0},
	}
	for _, t := range terms {
		if t.present {
			c.refuse(refusal(adcp.CodeTermsRejected, at+"."+t.field, "This seller sells on its products' own terms only.").
				WithSuggestion("Leave " + t.field + " out to accept the product's terms."))
		}
	}
}

// currency checks that the whole buy is in one currency, and a total against its parts.
func (c *checks) currency(b *MediaBuy, total *adcp.CreateMediaBuyRequestTotalBudget) {
	for i, p := range b.Packages {
		switch {
		case p.Price.Currency == "": // unpriced: refused already
		case b.Currency == "":
			b.Currency = p.Price.Currency
		case b.Currency != p.Price.Currency:
			c.refuse(refusal(adcp.CodeValidationError, fmt.Sprintf("packages[%d].pricing_option_id", i),
				"The price is in %s and the media buy in %s.", p.Price.Currency, b.Currency).
				WithSuggestion("Choose prices of one currency, or create a media buy for each."))
		}
	}
	if total == nil || len(c.found) > 0 {
		return
	}
	if total.Currency != string(b.Currency) {
		c.add(adcp.CodeValidationError, "total_budget.currency", "The total is in %s and the packages in %s.", total.Currency, b.Currency)
	}
	if amount, ok := c.amount("total_budget.amount", total.Amount); ok && amount != b.Budget() {
		c.add(adcp.CodeValidationError, "total_budget.amount", "The packages add up to %s.", b.Budget().Format(b.Currency))
	}
}

// chosenFormats checks that the product runs the formats the buyer chose, in any of
// the protocol's ways: options win over format_ids, and these over a kind.
func (s *Service) chosenFormats(c *checks, at string, product *Product, p *Package, req *adcp.PackageRequest) {
	switch {
	case len(req.FormatOptionRefs) > 0:
		p.FormatOptions = req.FormatOptionRefs
		for i, ref := range req.FormatOptionRefs {
			if !slices.ContainsFunc(product.Options, func(o adcp.ProductFormatDeclaration) bool { return product.declares(&o, ref) }) {
				c.refuse(refusal(adcp.CodeFormatOptionUnresolved, fmt.Sprintf("%s.format_option_refs[%d]", at, i), "Product %s has no such format option.", product.ID).
					WithSuggestion("Choose among the product's format_options."))
			}
		}
	case len(req.FormatIDs) == 0 && req.FormatKind != nil:
		p.FormatKind = *req.FormatKind
		if !product.satisfiedBy(*req.FormatKind, req.Params) {
			c.refuse(refusal(adcp.CodeUnsupportedFeature, at+".format_kind", "Product %s runs no %s of these parameters.", product.ID, *req.FormatKind).
				WithSuggestion("Send the params of one of the product's format_options, or name the option with format_option_refs."))
		}
	default:
		p.FormatIDs = req.FormatIDs
		for i, f := range req.FormatIDs {
			if !s.runs(product, f) {
				c.refuse(refusal(adcp.CodeUnsupportedFeature, fmt.Sprintf("%s.format_ids[%d]", at, i), "Product %s does not run that format.", product.ID).
					WithSuggestion("Choose among the product's format_ids.").
					WithDetails(map[string]any{"accepted_values": append(s.formatReferences(product.FormatIDs), product.Foreign...)}))
			}
		}
	}
}

// runs reports whether the product runs the format, by its own name or as one of
// its options.
func (s *Service) runs(product *Product, f adcp.FormatReference) bool {
	return s.ownFormat(f) && product.AcceptsFormat(f.ID) || product.acceptsForeign(f) ||
		slices.ContainsFunc(product.Options, func(o adcp.ProductFormatDeclaration) bool {
			return slices.ContainsFunc(o.V1FormatRef, func(v1 adcp.FormatReference) bool { return v1.ID == f.ID && sameURL(v1.AgentURL, f.AgentURL) })
		})
}

// ownFormat reports whether the reference names a format of this seller.
func (s *Service) ownFormat(f adcp.FormatReference) bool {
	format, known := s.shelf().Format(f.ID)
	return known && sameURL(f.AgentURL, s.agentURL) && format.hasParameters(f)
}

func (s *Service) formatReferences(ids []string) []adcp.FormatReference {
	list := make([]adcp.FormatReference, len(ids))
	for i, id := range ids {
		list[i] = adcp.FormatReference{AgentURL: s.agentURL, ID: id}
	}
	return list
}

// createdResponse is the answer of a create_media_buy whose order the ad server holds.
func (s *Service) createdResponse(b *MediaBuy, account *Account, echo json.RawMessage) *adcp.CreateMediaBuyResponse {
	resp := &adcp.CreateMediaBuyResponse{
		Status: adcp.TaskStatusCompleted, Context: echo,
		MediaBuyID: new(b.ID), MediaBuyStatus: new(adcp.MediaBuyStatus(b.State)), Account: new(account.wire()),
		ConfirmedAt: adcp.Some(b.ConfirmedAt), Revision: new(b.Revision),
		Currency: new(string(b.Currency)), TotalBudget: new(number(b.Budget())),
		ValidActions: b.validActions(), AvailableActions: b.availableActions(s.desk),
	}
	for i := range b.Packages {
		resp.Packages = append(resp.Packages, b.Packages[i].wire())
	}
	if account.Key.Sandbox {
		resp.Sandbox = new(true)
	}
	b.Governance.show(&resp.GovernanceContext, &resp.Ext)
	return resp
}

// validActions is what the buyer may do now, in the vocabulary of older callers.
func (b *MediaBuy) validActions() []adcp.MediaBuyValidAction {
	list := []adcp.MediaBuyValidAction{}
	for _, a := range b.State.CoarseActions(b.Held) {
		list = append(list, adcp.MediaBuyValidAction(a))
	}
	return list
}

// availableActions is what the buyer may do now, and whether a person decides.
func (b *MediaBuy) availableActions(d SalesDesk) []adcp.MediaBuyAvailableAction {
	list := []adcp.MediaBuyAvailableAction{}
	for _, a := range b.State.Actions(b.Held) {
		list = append(list, adcp.MediaBuyAvailableAction{Action: adcp.MediaBuyValidAction(a), Mode: d.mode(a, b)})
	}
	return list
}

// wire is the package as core/package.json.
func (p *Package) wire() adcp.Package {
	w := adcp.Package{
		PackageID: p.ID, ProductID: optional(p.ProductID), PricingOptionID: optional(p.Price.ID),
		Budget: new(number(p.Budget)), FormatIDs: p.FormatIDs, FormatOptionRefs: p.FormatOptions,
		StartTime: new(p.Start), EndTime: new(p.End), Paused: new(p.Paused), Canceled: new(p.Canceled),
		Context: p.Context, Ext: p.Ext, TargetingOverlay: p.Targeting.wire(), CreativeAssignments: p.assignments(),
		OptimizationGoals: p.Goals, Catalogs: p.Catalogs,
	}
	if p.FormatKind != "" {
		w.FormatKind = &p.FormatKind
	}
	if p.Pacing != "" {
		w.Pacing = new(adcp.Pacing(p.Pacing))
	}
	if p.Bid > 0 {
		w.BidPrice = new(number(p.Bid))
	}
	if p.Impressions > 0 {
		w.Impressions = new(number(money.Micros(p.Impressions) * money.Unit))
	}
	if p.AgencyEstimateNumber != "" {
		w.AgencyEstimateNumber = new(p.AgencyEstimateNumber)
	}
	if x := p.Cancellation; x != nil {
		w.Cancellation = &adcp.PackageCancellation{CanceledAt: x.At, CanceledBy: adcp.CanceledBy(x.By), Reason: optional(x.Reason)}
	}
	return w
}

func (p *Package) assignments() []adcp.CreativeAssignment {
	var list []adcp.CreativeAssignment
	for _, a := range p.Creatives {
		if !a.ReleasedAt.IsZero() {
			continue
		}
		w := adcp.CreativeAssignment{CreativeID: a.CreativeID}
		if a.Weight != nil {
			w.Weight = new(number(money.Micros(*a.Weight)))
		}
		list = append(list, w)
	}
	return list
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
