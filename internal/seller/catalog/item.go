package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/money"
)

// kind is what the items of a type of catalog look like: the member that names one,
// and the published schema where there is one.
type kind struct{ id, schema string }

// kinds are the types of catalog (AdCP 3.1, enums/catalog-type). Those without a
// schema are looked at by [general].
var kinds = map[adcp.CatalogType]kind{
	adcp.CatalogTypeOffering:    {"offering_id", "core/offering.json"},
	adcp.CatalogTypeProduct:     {"item_id", ""},
	adcp.CatalogTypeInventory:   {"item_id", ""},
	adcp.CatalogTypePromotion:   {"item_id", ""},
	adcp.CatalogTypeStore:       {"store_id", "core/store-item.json"},
	adcp.CatalogTypeHotel:       {"hotel_id", "core/hotel-item.json"},
	adcp.CatalogTypeFlight:      {"flight_id", "core/flight-item.json"},
	adcp.CatalogTypeJob:         {"job_id", "core/job-item.json"},
	adcp.CatalogTypeVehicle:     {"vehicle_id", "core/vehicle-item.json"},
	adcp.CatalogTypeRealEstate:  {"listing_id", "core/real-estate-item.json"},
	adcp.CatalogTypeEducation:   {"program_id", "core/education-item.json"},
	adcp.CatalogTypeDestination: {"destination_id", "core/destination-item.json"},
	adcp.CatalogTypeApp:         {"app_id", "core/app-item.json"},
}

// review looks at one item. What is wrong with it rejects the item, never the
// catalog; the values themselves are data and may be any text.
func review(t adcp.CatalogType, raw json.RawMessage) Item {
	k := kinds[t]
	item := Item{Status: adcp.CatalogItemStatusApproved, Document: raw}
	var doc map[string]json.RawMessage
	if json.Unmarshal(raw, &doc) != nil {
		return item.reject("The item is not an object.")
	}
	for _, name := range []string{k.id, "item_id", "id", "sku", "gtin"} {
		if item.ID = text(doc[name]); item.ID != "" {
			break
		}
	}
	if item.ID == "" {
		return item.reject(fmt.Sprintf("The item has no %s.", k.id))
	}
	if k.schema != "" {
		err := adcp.ValidateDocument(k.schema, raw)
		if refused, ok := errors.AsType[*adcp.Error](err); ok {
			return item.reject(refused.Message)
		}
		if err != nil {
			return item.reject(err.Error())
		}
		return item
	}
	return general(item, doc)
}

// general looks at items whose type has no schema: a name, addresses that are
// addresses, and prices that are exact amounts of a currency.
func general(item Item, doc map[string]json.RawMessage) Item {
	if text(doc["title"]) == "" && text(doc["name"]) == "" {
		item = item.reject("The item has no title.")
	}
	for _, name := range []string{"url", "image_url", "link", "image_link"} {
		raw, given := doc[name]
		if !given {
			continue
		}
		if u, err := url.Parse(text(raw)); err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "" {
			item = item.reject(name + " is not a web address.")
		}
	}
	for _, name := range []string{"price", "sale_price"} {
		if raw, given := doc[name]; given {
			if problem := price(raw); problem != "" {
				item = item.reject(name + " " + problem)
			}
		}
	}
	return item
}

// price is what is wrong with a price, or "".
func price(raw json.RawMessage) string {
	var p struct {
		Amount   json.Number `json:"amount"`
		Currency string      `json:"currency"`
	}
	if json.Unmarshal(raw, &p) != nil {
		return "is not an object of amount and currency."
	}
	amount, err := money.Parse(p.Amount.String())
	if err != nil || amount < 0 {
		return "has no amount that is zero or more."
	}
	if _, err := money.ParseCurrency(p.Currency); err != nil {
		return "has no ISO 4217 currency."
	}
	return ""
}

func (i Item) reject(reason string) Item {
	i.Status, i.Reasons = adcp.CatalogItemStatusRejected, append(i.Reasons, reason)
	return i
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
