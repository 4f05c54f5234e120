package seller_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp"
)

func briefed(words string, filters map[string]any) map[string]any {
	if filters == nil {
		filters = map[string]any{}
	}
	return map[string]any{"buying_mode": "brief", "brief": words, "filters": filters}
}

func TestTheBriefFindsFirst(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, catalogue, brief string
		filters                map[string]any
		want                   []string // among the first three
	}{
		{"RunningGearVideo", "northlight", "Video for running shoes: 6 and 15 second spots for runners and fans of marathons, 20 to 25 USD CPM", map[string]any{"countries": []string{"US"}, "pricing_currencies": []string{"USD"}}, []string{"nl_ctv_live_sport"}},
		{"RunningPodcast", "harbour", "Host-read podcast on running and marathon training", nil, []string{"hb_podcast_long_run"}},
		{"ShopsNearTheShelf", "citygrid", "Grocery snack promotion in supermarkets, in-store, with sales", nil, []string{"cg_instore_screens"}},
		{"Brazil", "citygrid", "Outdoor screens for a beer and music festival in Sao Paulo, Brazil", map[string]any{"countries": []string{"BR"}}, []string{"cg_brazil_streets"}},
		{"BusinessLeads", "harbour", "Leads for accounting software from managers and business owners", nil, []string{"hb_business_leads"}},
		{"Japan", "northlight", "Anime launch in Tokyo, television", map[string]any{"countries": []string{"JP"}}, []string{"nl_ctv_japan"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := ids(sharedShop(t, tt.catalogue).products(t, "buyer", briefed(tt.brief, tt.filters)).Products)
			for _, want := range tt.want {
				if i := slices.Index(got, want); i < 0 || i > 2 {
					t.Errorf("%s is not among the first three of %v", want, got)
				}
			}
		})
	}
}

func TestWhatTheBriefDoesNotMentionIsLeftOut(t *testing.T) {
	t.Parallel()
	got := ids(sharedShop(t, "corner").products(t, "buyer", briefed("radio drive time", nil)).Products)
	if diff := cmp.Diff([]string{"radio_show"}, got); diff != "" {
		t.Errorf("products (-want +got):\n%s", diff)
	}
}

func TestABriefWithoutCommonWordsGetsAllThatIsLeft(t *testing.T) {
	t.Parallel()
	got := sharedShop(t, "corner").products(t, "buyer", briefed("zzyzx", map[string]any{"countries": []string{"GB"}})).Products
	if len(got) != 4 {
		t.Errorf("got %v, want all four products in GB", ids(got))
	}
}

func TestPreferenceAndPlaceDecideBetweenEquals(t *testing.T) {
	t.Parallel()
	s := sharedShop(t, "corner")
	first := func(request map[string]any) string { return s.products(t, "buyer", request).Products[0].ProductID }
	request := briefed("zzyzx", map[string]any{"channels": []string{"ctv", "olv"}})
	request["preferred_delivery_types"] = []string{"non_guaranteed"}
	if got := first(request); got != "clips_open" {
		t.Errorf("got %s first, want the preferred delivery type", got)
	}
	request["preferred_delivery_types"] = []string{"guaranteed"}
	if got := first(request); got != "tv_evening" {
		t.Errorf("got %s first, want the preferred delivery type", got)
	}
	if got := first(briefed("zzyzx", map[string]any{"countries": []string{"GB"}})); got != "breakfast_gb" {
		t.Errorf("got %s first, want the product that is all in GB", got)
	}
	small := briefed("zzyzx", map[string]any{
		"channels": []string{"ctv", "olv"}, "countries": []string{"US", "CA", "GB", "DE"},
		"is_fixed_price": true, "budget_range": map[string]any{"max": 1000, "currency": "EUR"},
	})
	if got := first(small); got != "clips_open" {
		t.Errorf("got %s first, want the product that a small budget buys", got)
	}
}

func TestEveryReasonNamesWordsOfTheBriefAndAPrice(t *testing.T) {
	t.Parallel()
	words := "Running campaign on television with video, outdoor and radio for sales"
	for _, name := range examples {
		for _, p := range sharedShop(t, name).products(t, "buyer", briefed(words, map[string]any{"pricing_currencies": []string{"USD"}})).Products {
			reason := adcp.Val(p.BriefRelevance)
			if !strings.Contains(reason, `"`) || !strings.Contains(reason, " USD ") || !strings.HasSuffix(reason, ".") || len(reason) > 300 {
				t.Errorf("%s: %q", p.ProductID, reason)
			}
		}
	}
	for _, p := range sharedShop(t, "corner").products(t, "buyer", map[string]any{"buying_mode": "wholesale"}).Products {
		if p.BriefRelevance != nil {
			t.Errorf("%s: a reason without a brief", p.ProductID)
		}
	}
}

func TestTheSameBriefGetsTheSameAnswerToTheByte(t *testing.T) {
	t.Parallel()
	for _, name := range examples {
		request := briefed("running video outdoor radio sales germany", map[string]any{"start_date": "2027-04-01", "end_date": "2027-05-31"})
		a := openShop(t, catalogue(t, name)).do(t, "buyer", "get_products", request)
		b := openShop(t, catalogue(t, name)).do(t, "somebody else", "get_products", request)
		if diff := cmp.Diff(string(a.Body), string(b.Body)); diff != "" {
			t.Errorf("%s: (-first +second)\n%s", name, diff)
		}
	}
}
