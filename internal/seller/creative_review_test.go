package seller_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/seller"
)

// banner is a creative of the corner's display format.
func banner(id string, changes object) object {
	return with(object{
		"creative_id": id, "name": id, "format_id": object{"agent_url": agentURL, "id": "audio_30s"},
		"assets": object{"audio_file": object{"asset_type": "audio", "url": "https://acme.example/" + id + ".mp3"}},
	}, changes)
}

func byHand(c *seller.Config) { c.CreativeReview.Manual = true }

// acmeAccount is the identifier of acme's account.
func (h *house) acmeAccount() string {
	h.t.Helper()
	return ask[adcp.ListAccountsResponse](h.t, &h.shop, "buyer", "list_accounts", object{}).Accounts[0].AccountID
}

func TestCreativesInsideOfPackages(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t)
	created := h.book(h.order(with(radio("500"), object{"creatives": []object{banner("first", nil)}})))
	if *created.MediaBuyStatus != "pending_start" {
		t.Fatalf("a buy that brings its creative is %s, want pending_start", *created.MediaBuyStatus)
	}
	id, pkg := *created.MediaBuyID, created.Packages[0].PackageID
	h.change(id, object{"packages": []object{{"package_id": pkg, "creatives": []object{banner("second", nil)}}}})
	b := h.buy(id)
	if got := b.Packages[0].CreativeApprovals; len(got) != 1 || got[0].CreativeID != "second" || got[0].ApprovalStatus != adcp.CreativeApprovalStatusApproved {
		t.Errorf("the package holds %+v, want second in first's place", got)
	}
	list := ask[adcp.ListCreativesResponse](t, &h.shop, "buyer", "list_creatives", object{})
	if list.QuerySummary.TotalMatching != 2 {
		t.Errorf("the library holds %d, want both", list.QuerySummary.TotalMatching)
	}
	for rule, changes := range map[string]object{
		"AnAssetThatDoesNotFit": {"assets": object{"audio_file": object{"asset_type": "audio", "url": "http://acme.example/a.mp3"}}},
		"AFormatNotRunHere":     {"format_id": object{"agent_url": agentURL, "id": "video_15s"}, "assets": object{"video_file": object{"asset_type": "video", "url": "https://acme.example/v.mp4", "width": 1920, "height": 1080}}},
		"AFormatNobodyKnows":    {"format_id": object{"agent_url": agentURL, "id": "hologram"}},
		"AKindNobodyDeclares":   {"format_id": nil, "format_kind": "image"},
	} {
		e := h.refused("buyer", "create_media_buy", h.order(with(radio("500"), object{"creatives": []object{banner("third", changes)}})))
		if e.Code != adcp.CodeValidationError && e.Code != adcp.CodeUnsupportedFeature || adcp.Val(e.Field) == "" {
			t.Errorf("%s: refused with %+v", rule, e)
		}
	}
}

func TestPeopleReviewCreatives(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, byHand)
	created := h.book(h.order(with(radio("500"), object{"creatives": []object{banner("spot", nil)}})))
	id, owner, jo := *created.MediaBuyID, h.acmeAccount(), account.Staff{Name: "jo"}
	waits, err := h.service.CreativesInReview(t.Context(), adcp.CreativeStatusPendingReview)
	if err != nil || len(waits) != 1 || waits[0].ID != "spot" || *created.MediaBuyStatus != "pending_creatives" {
		t.Fatalf("%d creatives wait, the buy is %s, %v", len(waits), *created.MediaBuyStatus, err)
	}
	steps := []struct {
		to       adcp.CreativeStatus
		approval adcp.CreativeApprovalStatus
		health   adcp.MediaBuyHealth
	}{
		{adcp.CreativeStatusApproved, adcp.CreativeApprovalStatusApproved, adcp.MediaBuyHealthOk},
		{adcp.CreativeStatusSuspended, adcp.CreativeApprovalStatusApproved, adcp.MediaBuyHealthImpaired},
		{adcp.CreativeStatusApproved, adcp.CreativeApprovalStatusApproved, adcp.MediaBuyHealthOk},
		{adcp.CreativeStatusRejected, adcp.CreativeApprovalStatusRejected, adcp.MediaBuyHealthImpaired},
	}
	for _, step := range steps {
		if err := h.service.ReviewCreative(t.Context(), owner, "spot", step.to, "the offer has ended", jo); err != nil {
			t.Fatal(err)
		}
		b := h.buy(id)
		a := b.Packages[0].CreativeApprovals[0]
		if a.ApprovalStatus != step.approval || *b.Health != step.health || (len(b.Impairments) == 0) != (step.health == adcp.MediaBuyHealthOk) {
			t.Errorf("with the creative %s: %s, %s, %d impairments; want %s, %s", step.to, a.ApprovalStatus, *b.Health, len(b.Impairments), step.approval, step.health)
		}
		if step.to == adcp.CreativeStatusRejected && adcp.Val(a.RejectionReason) != "the offer has ended" {
			t.Errorf("the buyer is not told why: %+v", a)
		}
	}
	// What is rejected is looked at again once it is sent again.
	resp := ask[adcp.SyncCreativesResponse](t, &h.shop, "buyer", "sync_creatives", object{
		"idempotency_key": h.key(), "account": acme, "creatives": []object{banner("spot", object{"name": "better"})},
	})
	if c := resp.Creatives[0]; c.Action != adcp.CreativeActionUpdated || *c.Status != adcp.CreativeStatusPendingReview {
		t.Errorf("the new version is %+v, want pending_review", c)
	}
	if err := h.service.ReviewCreative(t.Context(), owner, "none", adcp.CreativeStatusApproved, "", jo); err == nil {
		t.Error("a creative that is not there was approved")
	}
}

// TestCreativesMoveByTheTable tries random moves on a creative: the seller makes
// exactly those of the protocol's table.
func TestCreativesMoveByTheTable(t *testing.T) {
	t.Parallel()
	table := map[adcp.CreativeStatus][]adcp.CreativeStatus{
		"pending_review": {"approved", "rejected"},
		"approved":       {"suspended", "pending_review", "rejected", "archived"},
		"suspended":      {"approved", "rejected"},
	}
	h := sqliteHouse(t, byHand)
	owner, jo, n := h.acmeAccount(), account.Staff{Name: "jo"}, 0
	all := []adcp.CreativeStatus{"processing", "pending_review", "approved", "suspended", "rejected", "archived"}
	rapid.Check(t, func(t *rapid.T) {
		n++
		id, state := "c"+string(rune('a'+n%26))+h.key(), adcp.CreativeStatusPendingReview
		ask[adcp.SyncCreativesResponse](h.t, &h.shop, "buyer", "sync_creatives", object{"idempotency_key": h.key(), "account": acme, "creatives": []object{banner(id, nil)}})
		for _, to := range rapid.SliceOfN(rapid.SampledFrom(all), 1, 6).Draw(t, "moves") {
			err := h.service.ReviewCreative(h.t.Context(), owner, id, to, "because", jo)
			legal := to == state || slices.Contains(table[state], to)
			if (err == nil) != legal {
				t.Fatalf("%s to %s: %v, want it to be legal: %t", state, to, err, legal)
			}
			if legal {
				state = to
			}
			c, _, err := h.service.LibraryCreative(h.t.Context(), owner, id)
			if err != nil || c.Status != state {
				t.Fatalf("the creative is %v, %v, want %s", c, err, state)
			}
		}
	})
}
