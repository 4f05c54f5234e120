package kevel

import (
	"errors"
	"net/http"
	"net/url"
	"sync"

	"github.com/upfront-media/upfront/internal/adserver"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/money"
)

// DefaultURL is where the API is.
const DefaultURL = "https://api.kevel.co"

// Config is what the adapter works with.
type Config struct {
	// URL is the API's origin; empty means [DefaultURL].
	URL string
	// Key is the network's API key. It is sent to URL and nowhere else, and never logged.
	Key string
	// Client sends the requests, and should have a timeout; nil means [http.DefaultClient].
	Client *http.Client
	// Currency is that of the network: Kevel has one.
	Currency money.Currency
	// Products is where each product runs, by product_id. Others cannot be ordered.
	Products map[string]Product
	Clock    clock.Clock
}

// Product is where a product's line items run.
type Product struct {
	// SiteID and ZoneID are Kevel's; a zero ZoneID means the whole site.
	SiteID, ZoneID int64
	// PriorityID is that of line items that are not guaranteed, GuaranteedPriorityID
	// that of those that are; zero where the product is not sold so.
	PriorityID, GuaranteedPriorityID int64
}

// AdServer is Kevel as an [adserver.Adapter]. It is safe for concurrent use.
type AdServer struct {
	api      *client
	currency money.Currency
	products map[string]Product
	clock    clock.Clock
	// turn orders changes within this process.
	turn sync.Mutex

	mu        sync.Mutex
	campaigns map[string]int64  // where settled orders were found, by their ID
	reports   map[string]string // reports that were being made, by what they ask
}

var _ adserver.Adapter = (*AdServer)(nil)

// New returns an adapter. It sends nothing yet.
func New(cfg Config) (*AdServer, error) {
	if cfg.URL == "" {
		cfg.URL = DefaultURL
	}
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("kevel: the URL must be an origin such as " + DefaultURL)
	}
	if cfg.Key == "" || cfg.Clock == nil {
		return nil, errors.New("kevel: an API key and a clock must be given")
	}
	if _, err := money.ParseCurrency(string(cfg.Currency)); err != nil {
		return nil, err
	}
	if cfg.Client == nil {
		cfg.Client = http.DefaultClient
	}
	sender := *cfg.Client
	// The key would go along to wherever a redirect points.
	sender.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &AdServer{
		api: &client{http: &sender, base: u, key: cfg.Key}, currency: cfg.Currency, products: cfg.Products,
		clock: cfg.Clock, campaigns: map[string]int64{}, reports: map[string]string{},
	}, nil
}
