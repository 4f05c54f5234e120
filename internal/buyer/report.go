package buyer

import "time"

// Report is a campaign as it stands: what was planned, booked and delivered.
// Everything in it is sorted, so that the same facts give the same bytes.
type Report struct {
	CampaignID string `json:"campaign_id"`
	Name       string `json:"name"`
	Advertiser string `json:"advertiser,omitempty"`
	State      State  `json:"state"`
	Reason     string `json:"reason,omitempty"`
	Plan       *Plan  `json:"plan,omitempty"`
	// Approval is who signed, nil until somebody did.
	Approval  *Signature  `json:"approval,omitempty"`
	MediaBuys []BuyReport `json:"media_buys"`
	// NotBooked is what was sent to a seller and did not become a media buy, or
	// was cancelled because it was not what had been agreed.
	NotBooked []BuyReport     `json:"not_booked"`
	Delivery  []DeliveryTotal `json:"delivery"`
	Totals    Totals          `json:"totals"`
	// LeftOut lists the sellers that were not considered and those that did not book.
	LeftOut []LeftOut `json:"left_out"`
	// Changes is the campaign's history, oldest first.
	Changes []ChangeReport `json:"changes"`
}

// Signature is an approval as it was given.
type Signature struct {
	Actor    string    `json:"actor"`
	Limit    string    `json:"limit"`
	Currency string    `json:"currency"`
	At       time.Time `json:"at"`
	Reason   string    `json:"reason,omitempty"`
}

// ChangeReport is one transition of the campaign.
type ChangeReport struct {
	From   State     `json:"from,omitempty"`
	To     State     `json:"to"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Reason string    `json:"reason"`
}

// BuyReport is what one seller booked, is still deciding on, or did not book.
type BuyReport struct {
	Seller string `json:"seller"`
	// MediaBuyID is empty until the seller has booked.
	MediaBuyID string `json:"media_buy_id"`
	// Status is the media buy's own status at the seller where there is one
	// (active, completed, …), else how far the booking is (submitted, failed, …).
	Status   string          `json:"status"`
	Budget   string          `json:"budget"`
	Currency string          `json:"currency"`
	Packages []PackageReport `json:"packages"`
	// TaskID is the seller's task while it decides. Whether it took a task is of
	// no interest afterwards, and may depend on nothing but how busy it was.
	TaskID string `json:"task_id,omitempty"`
	// Reason is why it was not booked, or was ended early.
	Reason string `json:"reason,omitempty"`
}

// PackageReport is one package of a media buy.
type PackageReport struct {
	PackageID       string   `json:"package_id"`
	ProductID       string   `json:"product_id"`
	PricingOptionID string   `json:"pricing_option_id"`
	Budget          string   `json:"budget"`
	Currency        string   `json:"currency"`
	CreativeIDs     []string `json:"creative_ids"`
}

// DeliveryTotal is what one media buy delivered, as its seller reports it.
type DeliveryTotal struct {
	Seller      string            `json:"seller"`
	MediaBuyID  string            `json:"media_buy_id"`
	Impressions int64             `json:"impressions"`
	Spend       string            `json:"spend"`
	Currency    string            `json:"currency"`
	ByPackage   []PackageDelivery `json:"by_package"`
}

// PackageDelivery is what one package delivered.
type PackageDelivery struct {
	PackageID   string `json:"package_id"`
	ProductID   string `json:"product_id"`
	Impressions int64  `json:"impressions"`
	Spend       string `json:"spend"`
}

// Totals adds everything up. Budget >= Authorised >= Booked >= Spend, exactly.
type Totals struct {
	Budget     string `json:"budget"`
	Planned    string `json:"planned"`
	Authorised string `json:"authorised"`
	// Reserved is on its way to sellers that have not decided.
	Reserved string `json:"reserved"`
	// Booked is what sellers have committed to, less what was released again
	// before it delivered because the buy was refused or called off.
	Booked      string `json:"booked"`
	Spend       string `json:"spend"`
	Impressions int64  `json:"impressions"`
	Currency    string `json:"currency"`
}
