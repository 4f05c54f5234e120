package buyer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
)

// Limits on what one seller may answer.
const (
	maxPages    = 20
	maxProducts = 500
	pageSize    = 100
)

// discover asks every seller for products, all at once, each with its own
// deadline. A seller that is down, slow or answers rubbish is left out with the
// reason and stops nobody. The error is only ever the context's.
func (s *Service) discover(ctx context.Context, in Intent) (found, error) {
	answers := make([]found, len(s.sellers))
	var wait sync.WaitGroup
	for i, seller := range s.sellers {
		wait.Go(func() { answers[i] = s.ask(ctx, seller, in) })
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return found{}, err
	}
	var all found
	for _, a := range answers {
		all.offers = append(all.offers, a.offers...)
		all.rejected = append(all.rejected, a.rejected...)
		all.leftOut = append(all.leftOut, a.leftOut...)
	}
	return all, nil
}

// ask reads one seller's answer to the brief, page by page within the deadline.
// What came before the deadline ran out is kept.
func (s *Service) ask(ctx context.Context, seller Seller, in Intent) (f found) {
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	leave := func(reason string) found {
		s.log.WarnContext(ctx, "a seller is left out", "seller", seller.Name, "reason", reason)
		f.leftOut = append(f.leftOut, LeftOut{Seller: seller.Name, Reason: reason})
		return f
	}
	request := productsRequest(in)
	seen := 0
	for page := 1; ; page++ {
		answer, err := s.page(ctx, seller, request)
		switch {
		case err != nil && page > 1:
			return leave(fmt.Sprintf("its page %d could not be read (%s); what came before is used", page, s.why(ctx, err)))
		case err != nil:
			return leave(s.why(ctx, err))
		}
		for _, document := range answer.Products {
			if seen++; seen > maxProducts {
				return leave(fmt.Sprintf("it answered with more than %d products; the rest is not read", maxProducts))
			}
			offers, rejection := offersOf(seller.Name, document, in)
			if rejection != nil {
				f.rejected = append(f.rejected, *rejection)
			}
			f.offers = append(f.offers, offers...)
		}
		next := answer.Pagination.Cursor
		switch {
		case !answer.Pagination.HasMore:
			if seen == 0 {
				return leave("it has no product for this brief")
			}
			s.dropUnplayable(ctx, seller.Name, &f, in)
			return f
		case next == "" || next == adcp.Val(request.Pagination.Cursor):
			return leave("it says there are more pages and not where; what came before is used")
		case page == maxPages:
			return leave(fmt.Sprintf("it has more than %d pages; the rest is not read", maxPages))
		}
		request.Pagination.Cursor = &next
	}
}

// productsAnswer is what is read of get_products; products are looked at one by one.
type productsAnswer struct {
	Products   []json.RawMessage `json:"products"`
	Status     string            `json:"status"`
	Pagination struct {
		HasMore bool   `json:"has_more"`
		Cursor  string `json:"cursor"`
	} `json:"pagination"`
}

// errNotNow reports a seller that wants to answer a brief later.
var errNotNow = errors.New("it wants to answer later, and a plan does not wait")

func (s *Service) page(ctx context.Context, seller Seller, request adcp.GetProductsRequest) (productsAnswer, error) {
	var answer productsAnswer
	arguments, err := json.Marshal(request)
	if err != nil {
		return answer, err
	}
	body, err := client.CallRaw(ctx, s.clients[seller.Name], adcp.GetProducts.Operation, arguments,
		client.WithoutResponseCheck())
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return answer, &client.Error{Kind: client.Malformed, Operation: adcp.GetProducts.Name, URL: seller.URL, Err: err}
	}
	switch answer.Status {
	case "", string(adcp.TaskStatusCompleted):
	case string(adcp.TaskStatusSubmitted), string(adcp.TaskStatusWorking):
		return answer, errNotNow
	default:
		return answer, fmt.Errorf("its task ended as %q", shown(answer.Status, 40))
	}
	if answer.Products == nil {
		return answer, &client.Error{Kind: client.Malformed, Operation: adcp.GetProducts.Name, URL: seller.URL, Err: errors.New("no products member")}
	}
	return answer, nil
}

// why says in a few words why a seller could not be asked. Addresses stay out of
// it: the same failure reads the same wherever the seller listens.
func (s *Service) why(ctx context.Context, err error) string {
	var refused *adcp.Error
	var failed *client.Error
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("did not answer within %s", s.deadline)
	case errors.As(err, &refused):
		return fmt.Sprintf("refused with %s: %s", shown(string(refused.Code), 60), shown(refused.Message, maxReason))
	case errors.As(err, &failed):
		return whyFailed(failed)
	}
	return shown(err.Error(), maxReason)
}

func whyFailed(e *client.Error) string {
	switch e.Kind {
	case client.Unreachable:
		return "cannot be reached"
	case client.Timeout:
		return "did not answer in time"
	case client.Unauthorized:
		return "refused the credential; check the seller's token"
	case client.Malformed:
		return "answered with something that is not the protocol's"
	case client.TooLarge:
		return "answered with more than is read"
	case client.Refused:
		return fmt.Sprintf("its server answered with HTTP %d", e.HTTPStatus)
	case client.Incompatible:
		return "speaks no release of the protocol that we do"
	case client.Unsendable:
		return "could not be sent the request; check the seller's address"
	}
	return "failed without saying why in the protocol's form"
}

// productsRequest asks for what fits a brief. Budget and ceilings stay home.
func productsRequest(in Intent) adcp.GetProductsRequest {
	request := adcp.GetProductsRequest{
		BuyingMode: adcp.GetProductsRequestBuyingModeBrief,
		Brief:      new(in.Words),
		Brand:      &adcp.BrandReference{Domain: in.BrandDomain},
		Filters: &adcp.ProductFilters{
			PricingCurrencies: []string{string(in.Budget.Currency)},
			StartDate:         new(in.Start.Format(time.DateOnly)),
			EndDate:           new(in.End.Add(-time.Nanosecond).Format(time.DateOnly)),
			Countries:         slices.Clone(in.Countries),
			Regions:           slices.Clone(in.Regions),
		},
		Pagination: &adcp.PaginationRequest{MaxResults: new(int64(pageSize))},
	}
	for _, c := range in.Channels {
		request.Filters.Channels = append(request.Filters.Channels, adcp.MediaChannel(c))
	}
	for _, m := range in.Metros {
		if system, code, ok := strings.Cut(m, ":"); ok {
			request.Filters.Metros = append(request.Filters.Metros, adcp.ProductFiltersMetro{System: adcp.MetroAreaSystem(system), Code: code})
		}
	}
	return request
}
