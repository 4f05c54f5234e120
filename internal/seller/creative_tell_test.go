package seller_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

// TestSubscribersAreToldOfWhatTheSellerDoesToACreative registers two endpoints of
// which one wants to hear of status changes, moves a creative back and forth, and
// lets the buyer move it too, which is no news to the buyer.
func TestSubscribersAreToldOfWhatTheSellerDoesToACreative(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var got []adcp.CreativeStatusChangedWebhook
		told := make(chan []byte, 100)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			var c adcp.WebhookChallenge
			if json.Unmarshal(body, &c) == nil && c.Challenge != "" {
				fmt.Fprintf(w, `{"challenge":%q}`, c.Challenge)
				return
			}
			if err := adcp.ValidateDocument("creative/creative-status-changed-webhook.json", body); err != nil {
				t.Errorf("%s: %v", body, err)
			}
			told <- body
		}))
		defer srv.Close()
		h := openHouse(t, db, signed(t))
		h.account("buyer", "acme.example")
		h.subscribers(subscriber("status", srv.URL, nil), subscriber("purges", srv.URL+"/purges", object{"event_types": []string{"creative.purged"}}),
			subscriber("later", srv.URL+"/later", paused))
		h.upload("cr_1", "audio_30s")
		owner := ask[adcp.ListAccountsResponse](t, &h.shop, "buyer", "list_accounts", object{}).Accounts[0].AccountID
		for _, to := range []adcp.CreativeStatus{adcp.CreativeStatusSuspended, adcp.CreativeStatusApproved, adcp.CreativeStatusPendingReview, adcp.CreativeStatusRejected} {
			if err := h.service.ReviewCreative(t.Context(), owner, "cr_1", to, "the landing page is down", account.Staff{Name: "jo"}); err != nil {
				t.Fatal(err)
			}
		}
		h.upload("cr_1", "audio_30s") // The buyer's own doing.
		if err := h.queue.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		close(told)
		var moves []string
		keys := map[string]bool{}
		for body := range told {
			var n adcp.CreativeStatusChangedWebhook
			if err := json.Unmarshal(body, &n); err != nil {
				t.Fatal(err)
			}
			got = append(got, n)
			keys[n.IdempotencyKey], keys[n.NotificationID] = true, true
			moves = append(moves, fmt.Sprintf("%s>%s %s", n.Transition.From, n.Transition.To, n.ReasonCode))
			if n.SubscriberID != "status" || n.AccountID != owner || n.CreativeID != "cr_1" || *n.ReasonDetail != "the landing page is down" || n.Initiator != "seller" {
				t.Errorf("told %s", body)
			}
		}
		want := "approved>suspended policy_revocation, suspended>approved review_passed, approved>pending_review seller_rereview, pending_review>rejected review_failure"
		if strings.Join(moves, ", ") != want || len(keys) != 2*len(got) {
			t.Errorf("told %s, want %s, each under keys of its own", strings.Join(moves, ", "), want)
		}
		if !slices.IsSortedFunc(got, func(a, b adcp.CreativeStatusChangedWebhook) int { return a.FiredAt.Compare(b.FiredAt) }) {
			t.Error("they come out of order")
		}
	})
}
