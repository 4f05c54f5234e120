package seller_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/adserver"
)

func TestACanceledBuyLetsItsCreativesGo(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	created := h.book(h.order(radio("500")))
	id, pkg := *created.MediaBuyID, created.Packages[0].PackageID
	h.upload("spot", "audio_30s", pkg)
	h.change(id, object{"canceled": true})
	list := ask[adcp.ListCreativesResponse](t, &h.shop, "buyer", "list_creatives", object{})
	if c := list.Creatives[0]; c.Status != adcp.CreativeStatusApproved || c.Assignments.AssignmentCount != 0 {
		t.Errorf("the creative is %s on %d packages, want approved on none", c.Status, c.Assignments.AssignmentCount)
	}
	if b := h.buy(id); b.Cancellation == nil || len(b.Packages[0].CreativeApprovals) != 0 {
		t.Errorf("the canceled buy is %+v", b)
	}
	again := h.book(h.order(with(radio("500"), object{"creative_assignments": []object{{"creative_id": "spot"}}})))
	if *again.MediaBuyStatus != "pending_start" {
		t.Errorf("another buy with the creative is %s, want pending_start", *again.MediaBuyStatus)
	}
}

func TestWeightsBecomeARotation(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	for _, id := range []string{"a", "b", "c"} {
		h.upload(id, "audio_30s")
	}
	for name, tt := range map[string]struct {
		assignments []object
		want        []adserver.CreativeWeight
		ready       bool
	}{
		"EvenWithoutWeights": {
			[]object{{"creative_id": "a"}, {"creative_id": "b"}},
			[]adserver.CreativeWeight{{CreativeID: "a", Approved: true}, {CreativeID: "b", Approved: true}},
			true,
		},
		"InProportion": {
			[]object{{"creative_id": "a", "weight": 70}, {"creative_id": "b", "weight": 30.5}},
			[]adserver.CreativeWeight{{CreativeID: "a", Weight: 70_000_000, Approved: true}, {CreativeID: "b", Weight: 30_500_000, Approved: true}},
			true,
		},
		"TheMeanWhereOneIsMissing": {
			[]object{{"creative_id": "a", "weight": 60}, {"creative_id": "b", "weight": 20}, {"creative_id": "c"}},
			[]adserver.CreativeWeight{
				{CreativeID: "a", Weight: 60_000_000, Approved: true},
				{CreativeID: "b", Weight: 20_000_000, Approved: true},
				{CreativeID: "c", Weight: 40_000_000, Approved: true},
			},
			true,
		},
		"ZeroIsAssignedAndDoesNotServe": {
			[]object{{"creative_id": "a", "weight": 0}},
			[]adserver.CreativeWeight{{CreativeID: "a"}},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			created := h.book(h.order(with(radio("500"), object{"creative_assignments": tt.assignments})))
			held, err := h.adServer.AdServer.Read(t.Context(), *created.MediaBuyID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, held.LineItems[0].Creatives); diff != "" {
				t.Errorf("rotation (-want +got):\n%s", diff)
			}
			if got := *created.MediaBuyStatus == "pending_start"; got != tt.ready {
				t.Errorf("the buy is %s", *created.MediaBuyStatus)
			}
		})
	}
}

func TestCreativesThatComeLateStartTheFlightAtOnce(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	created := h.book(h.order(radio("500"), radio("300")))
	id := *created.MediaBuyID
	h.upload("spot", "audio_30s", created.Packages[0].PackageID)
	h.advance(time.Date(2027, 3, 7, 0, 0, 0, 0, time.UTC))
	if b := h.buy(id); b.Status != "pending_creatives" {
		t.Fatalf("with one of two creatives the buy is %s, want pending_creatives", b.Status)
	}
	rows, err := h.adServer.Delivery(t.Context(), adserver.DeliveryQuery{OrderID: id})
	if err != nil || len(rows) > 0 {
		t.Errorf("it delivered %d hours while it waits, %v", len(rows), err)
	}
	h.upload("spot", "audio_30s", created.Packages[1].PackageID)
	if b := h.buy(id); b.Status != "active" {
		t.Errorf("with both the buy is %s, want active", b.Status)
	}
}

func TestPagesOfMediaBuysAndCreatives(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	want := map[string]bool{}
	for i := range 5 {
		want[*h.book(h.order(radio("500"))).MediaBuyID] = true
		h.upload(fmt.Sprintf("spot-%d", i), "audio_30s")
		h.clock.Advance(time.Minute)
	}
	buys := object{"status_filter": []string{"pending_creatives"}, "pagination": object{"max_results": 2}}
	pages := 0
	for more := true; more; pages++ {
		resp := ask[adcp.GetMediaBuysResponse](t, &h.shop, "buyer", "get_media_buys", buys)
		for _, b := range resp.MediaBuys {
			if !want[b.MediaBuyID] {
				t.Errorf("%s comes twice", b.MediaBuyID)
			}
			delete(want, b.MediaBuyID)
		}
		if more = resp.Pagination.HasMore; more {
			buys = with(buys, object{"pagination": object{"max_results": 2, "cursor": *resp.Pagination.Cursor}})
		}
		// What is created meanwhile comes at the end, and shifts nothing.
		if pages == 0 {
			h.clock.Advance(time.Minute)
			want[*h.book(h.order(radio("500"))).MediaBuyID] = true
		}
	}
	if pages != 3 || len(want) > 0 {
		t.Errorf("%d pages, %d media buys left out; want 3 and none", pages, len(want))
	}
	list := ask[adcp.ListCreativesResponse](t, &h.shop, "buyer", "list_creatives", object{"pagination": object{"max_results": 3}})
	if list.QuerySummary.TotalMatching != 5 || list.QuerySummary.Returned != 3 || !list.Pagination.HasMore || list.Creatives[0].CreativeID != "spot-4" {
		t.Errorf("the first page of creatives is %+v, %+v", list.QuerySummary, list.Pagination)
	}
}
