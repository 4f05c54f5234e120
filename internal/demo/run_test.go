package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/adcp/mcp"
	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/buyer"
	"github.com/upfront-media/upfront/internal/clock"
)

// told keeps what a run says.
type told struct{ lines []string }

func (t *told) Say(format string, args ...any) {
	t.lines = append(t.lines, fmt.Sprintf(format, args...))
}
func (t *told) Bar(label string, done, total int) { t.Say("%s %d/%d", label, done, total) }

func yes(context.Context, brief.Brief, buyer.Plan) (bool, error) { return true, nil }

func testBrief(t *testing.T) brief.Brief {
	t.Helper()
	b, err := brief.Parse([]byte(`{"name":"Spring Miles","budget":"50000","currency":"USD","start_date":"2027-03-01",
		"end_date":"2027-03-14","objectives":["awareness"],"target_audience":{"geo":["US"]}}`), brief.Options{Now: today})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBadSellersAreLeftOutAndTheOthersBooked asks four sellers that misbehave
// beside the three of the market.
func TestBadSellersAreLeftOutAndTheOthersBooked(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(hang); slow.Close() })
	rubbish := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html>it works!</html>")
	}))
	t.Cleanup(rubbish.Close)
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	negative := httptest.NewServer(negativePrices(t))
	t.Cleanup(negative.Close)

	said := &told{}
	doc, err := Run(t.Context(), Config{
		Brief: testBrief(t), Today: today, Data: t.TempDir(), Progress: said, Approve: yes, Deadline: 2 * time.Second,
		Also: []buyer.Seller{
			{Name: "down", URL: down.URL},
			{Name: "slow", URL: slow.URL},
			{Name: "rubbish", URL: rubbish.URL},
			{Name: "negative", URL: negative.URL},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if doc.State != buyer.StateCompleted || len(doc.MediaBuys) == 0 {
		t.Errorf("the others were not booked: %s", doc.State)
	}
	left := map[string]string{}
	for _, l := range doc.LeftOut {
		left[l.Seller] = l.Reason
	}
	for _, seller := range []string{"down", "slow", "rubbish"} {
		if left[seller] == "" {
			t.Errorf("%s is not in the list of those left out: %v", seller, doc.LeftOut)
		}
	}
	rejected := ""
	for _, r := range doc.Plan.Rejected {
		if r.Seller == "negative" {
			rejected = r.ProductID + ": " + r.Reason
		}
	}
	if !strings.Contains(rejected, "cheap") || !strings.Contains(rejected, "price") {
		t.Errorf("the product with a price below zero: %q; left out %v", rejected, doc.LeftOut)
	}
	var text strings.Builder
	if err := doc.Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, seller := range []string{"down", "slow", "rubbish", "negative"} {
		if !strings.Contains(text.String(), seller) {
			t.Errorf("the printed report does not name %s", seller)
		}
	}
}

// negativePrices is an agent that would pay the buyer.
func negativePrices(t *testing.T) http.Handler {
	t.Helper()
	a := agent.New(agent.Config{
		Name: "negative", Clock: clock.NewSimulated(today), Responses: agent.TrustResponses,
		Authenticator: agent.AuthenticatorFunc(func(context.Context, agent.Credential) (agent.Caller, error) {
			return agent.Caller{Tenant: "negative", Principal: "anyone"}, nil
		}),
	})
	price, err := adcp.NewDecimal("-5")
	if err != nil {
		t.Fatal(err)
	}
	agent.Handle(a, adcp.GetAdcpCapabilities, func(context.Context, *agent.Call, *adcp.GetAdcpCapabilitiesRequest) (*adcp.GetAdcpCapabilitiesResponse, error) {
		return &adcp.GetAdcpCapabilitiesResponse{
			Adcp:               adcp.GetAdcpCapabilitiesResponseAdcp{MajorVersions: []int64{3}, SupportedVersions: adcp.Releases()},
			SupportedProtocols: []adcp.GetAdcpCapabilitiesResponseSupportedProtocol{adcp.GetAdcpCapabilitiesResponseSupportedProtocolMediaBuy},
		}, nil
	})
	agent.Handle(a, adcp.GetProducts, func(context.Context, *agent.Call, *adcp.GetProductsRequest) (*adcp.GetProductsResponse, error) {
		return &adcp.GetProductsResponse{
			CacheScope: new(adcp.GetProductsResponseCacheScopeAccount),
			Products: []adcp.Product{{
				ProductID: "cheap", Name: "Too cheap", Description: "Streaming TV", Channels: []adcp.MediaChannel{adcp.MediaChannelCTV},
				DeliveryType:        adcp.DeliveryTypeNonGuaranteed,
				PublisherProperties: []adcp.PublisherPropertySelector{{PublisherDomain: new("negative.example"), SelectionType: "all"}},
				FormatIDs:           []adcp.FormatReference{{AgentURL: "https://negative.example", ID: "video_15s"}},
				ReportingCapabilities: adcp.ReportingCapabilities{
					AvailableReportingFrequencies: []adcp.ReportingFrequency{adcp.ReportingFrequencyDaily}, Timezone: "UTC",
					AvailableMetrics: []adcp.AvailableMetric{adcp.AvailableMetricImpressions}, DateRangeSupport: "date_range",
				},
				PricingOptions: []adcp.PricingOption{{
					PricingOptionID: "cpm", PricingModel: adcp.PricingModelCPM, Currency: "USD", FixedPrice: &price,
				}},
			}},
		}, nil
	})
	return mcp.NewHandler(a, mcp.Options{})
}

func TestNothingIsBookedWithoutASignature(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	no := func(context.Context, brief.Brief, buyer.Plan) (bool, error) { return false, nil }
	config := Config{Brief: testBrief(t), Today: today, Data: data, Progress: &told{}, Approve: no}
	if _, err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "nothing was booked") {
		t.Errorf("declined: %v", err)
	}
	w, err := openWorld(t.Context(), Key(config.Brief, 0), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.close(t.Context()) }()
	campaigns, err := w.buyer.Campaigns(t.Context())
	if err != nil || len(campaigns) != 1 || campaigns[0].State != buyer.StateRejected {
		t.Errorf("campaigns %+v, %v", campaigns, err)
	}
}

func TestARunThatEndedIsToldAgain(t *testing.T) {
	t.Parallel()
	said := &told{}
	config := Config{Brief: testBrief(t), Today: today, Data: t.TempDir(), Progress: said, Approve: yes}
	first, err := Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	// The day on which it is told again does not matter.
	config.Today = today.AddDate(0, 0, 40)
	second, err := Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(first) != fmt.Sprint(second) {
		t.Error("the second report differs")
	}
	if !strings.Contains(strings.Join(said.lines, "\n"), "going on where an earlier run stood") {
		t.Errorf("it does not say that it goes on: %q", said.lines)
	}
}
