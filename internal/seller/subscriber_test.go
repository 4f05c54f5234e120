package seller_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/signing"
	"github.com/upfront-media/upfront/internal/secret"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
	"github.com/upfront-media/upfront/internal/webhook"
)

// endpoint is a buyer's, which is asked to prove that it expects notifications.
type endpoint struct {
	*httptest.Server
	mu sync.Mutex
	// asked are the challenges that came.
	asked []adcp.WebhookChallenge
	// answer is the body of the answer to a challenge; the challenge's echo where nil.
	answer func(challenge string) string
}

func openEndpoint(t *testing.T) *endpoint {
	e := new(endpoint)
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var c adcp.WebhookChallenge
		if err == nil {
			err = adcp.ValidateDocument("core/webhook-challenge.json", body)
		}
		if err == nil {
			err = json.Unmarshal(body, &c)
		}
		if err != nil || !strings.Contains(r.Header.Get("Signature-Input"), "adcp/webhook-signing/v1") {
			t.Errorf("challenge %s, signed %q: %v", body, r.Header.Get("Signature-Input"), err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.asked = append(e.asked, c)
		answer := fmt.Sprintf(`{"challenge":%q}`, c.Challenge)
		if e.answer != nil {
			answer = e.answer(c.Challenge)
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(e.Close)
	return e
}

// signed lets the seller tell subscribers, under a key of its own.
func signed(t *testing.T) option {
	return func(c *seller.Config) {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		key, err := signing.NewKey("key-1", public)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := signing.NewSigner(signing.SignerConfig{Profile: signing.Webhook, KeyID: "key-1", Key: private, Published: key, Clock: c.Clock})
		if err != nil {
			t.Fatal(err)
		}
		box, err := secret.New(make([]byte, secret.KeySize))
		if err != nil {
			t.Fatal(err)
		}
		if c.Webhooks, err = webhook.New(webhook.Config{
			Tenant: c.Tenant, Store: c.Store, Queue: c.Queue, Clock: c.Clock, AllowLoopback: true, Secrets: box, Signer: signer,
		}); err != nil {
			t.Fatal(err)
		}
		c.Endpoint = "https://sales.corner.example/sales/mcp"
	}
}

func subscriber(id, url string, changes object) object {
	return with(object{"subscriber_id": id, "url": url, "event_types": []string{"creative.status_changed", "creative.purged"}}, changes)
}

var paused = object{"active": false}

// subscribers sends the account of acme with these subscribers.
func (h *house) subscribers(configs ...object) adcp.SyncAccountsResponseAccount {
	h.t.Helper()
	if configs == nil {
		configs = []object{}
	}
	return h.sync("buyer", object{"account": acme, "notification_configs": configs})
}

// listed are the subscribers that list_accounts shows of acme's account, as id:active.
func (h *house) listed() []string {
	h.t.Helper()
	got := ask[adcp.ListAccountsResponse](h.t, &h.shop, "buyer", "list_accounts", object{"account": acme})
	return shown(got.Accounts[0].NotificationConfigs)
}

func shown(configs []adcp.NotificationConfig) []string {
	list := []string{}
	for _, c := range configs {
		list = append(list, fmt.Sprintf("%s:%t", c.SubscriberID, adcp.Val(c.Active)))
	}
	return list
}

func TestSubscribersOfAnAccount(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := openHouse(t, db, signed(t))
		h.account("buyer", "acme.example")
		e := openEndpoint(t)
		const far = "https://buyer.example/hook"
		expect := func(t *testing.T, got adcp.SyncAccountsResponseAccount, action adcp.SyncAccountsResponseAccountAction, want ...string) {
			t.Helper()
			if got.Action != action || !slices.Equal(shown(got.NotificationConfigs), want) {
				t.Errorf("answered %s %v, want %s %v; errors %+v", got.Action, shown(got.NotificationConfigs), action, want, got.Errors)
			}
			if listed := h.listed(); !slices.Equal(listed, want) {
				t.Errorf("list_accounts has %v, want %v", listed, want)
			}
		}

		expect(t, h.subscribers(subscriber("a", far, paused)), "updated", "a:false")
		expect(t, h.subscribers(subscriber("a", far, paused)), "unchanged", "a:false")
		expect(t, h.sync("buyer", object{"account": acme, "payment_terms": "net_45"}), "updated", "a:false") // left out, they stay
		expect(t, h.subscribers(subscriber("b", far, paused), subscriber("c", far, paused)), "updated", "b:false", "c:false")
		if len(e.asked) != 0 {
			t.Errorf("%d challenges for paused subscribers", len(e.asked))
		}

		expect(t, h.subscribers(subscriber("b", e.URL, nil)), "updated", "b:true")
		account := *h.subscribers(subscriber("b", e.URL, nil)).AccountID
		if len(e.asked) != 1 || e.asked[0].AccountID != account || e.asked[0].SellerAgentURL != "https://sales.corner.example/sales/mcp" {
			t.Fatalf("asked %+v, want one challenge about %s", e.asked, account)
		}
		reordered := object{"event_types": []string{"creative.purged", "creative.status_changed"}}
		expect(t, h.subscribers(subscriber("b", e.URL, paused)), "updated", "b:false")
		expect(t, h.subscribers(subscriber("b", e.URL, reordered)), "updated", "b:true")
		if len(e.asked) != 1 {
			t.Errorf("%d challenges; what is proved stays proved", len(e.asked))
		}
		expect(t, h.subscribers(subscriber("b", e.URL, object{"event_types": []string{"creative.purged"}})), "updated", "b:true")
		if len(e.asked) != 2 {
			t.Errorf("%d challenges, want another for other events", len(e.asked))
		}

		const credentials = "0123456789abcdef0123456789abcdef"
		legacy := object{"authentication": object{"schemes": []string{"Bearer"}, "credentials": credentials}}
		got := h.subscribers(subscriber("b", e.URL, legacy))
		expect(t, got, "updated", "b:true")
		if a := got.NotificationConfigs[0].Authentication; a == nil || a.Credentials != nil || string(a.Schemes[0]) != "Bearer" {
			t.Errorf("authentication %+v, want the scheme and no credentials", a)
		}
		if last := e.asked[len(e.asked)-1]; last.DeliveryAuth.Mode != "Bearer" || last.DeliveryAuth.CredentialFingerprint == nil {
			t.Errorf("the challenge has %+v", last.DeliveryAuth)
		}

		expect(t, h.subscribers(), "updated") // an empty list removes them all
		if got := h.subscribers(); got.NotificationConfigs == nil {
			t.Error("an account that had subscribers does not show that it has none")
		}
	})
}

func TestSubscribersRefused(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, signed(t))
	const far = "https://buyer.example/hook"
	if got := h.subscribers(subscriber("stays", far, paused)); got.Action != "updated" {
		t.Fatalf("%+v", got)
	}
	e := openEndpoint(t)
	answering := func(answer string) string {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.answer = func(challenge string) string { return strings.ReplaceAll(answer, "CHALLENGE", challenge) }
		return e.URL
	}
	for _, tt := range []struct {
		name    string
		configs []object
		code    adcp.ErrorCode
		field   string
	}{
		{"ErrTwoOfOneName", []object{subscriber("a", far, paused), subscriber("a", far, paused)}, adcp.CodeValidationError, "[1].subscriber_id"},
		{"ErrEventOfMediaBuys", []object{subscriber("a", far, object{"active": false, "event_types": []string{"creative.purged", "scheduled"}})}, adcp.CodeValidationError, "[0].event_types[1]"},
		{"ErrEventNotTold", []object{subscriber("a", far, object{"active": false, "event_types": []string{"signal.created"}})}, adcp.CodeUnsupportedFeature, "[0].event_types[0]"},
		{"ErrNotHTTPSEvenIfPaused", []object{subscriber("a", "http://buyer.example/hook", paused)}, adcp.CodeValidationError, "[0].url"},
		{"ErrPrivateAddressEvenIfPaused", []object{subscriber("a", "https://10.0.0.1/hook", paused)}, adcp.CodeValidationError, "[0].url"},
		{"ErrUnproven", []object{subscriber("a", far, paused), subscriber("b", answering(`{"challenge":"no"}`), nil)}, adcp.CodeValidationError, "[1].url"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := h.subscribers(tt.configs...)
			if got.Action != "failed" || got.Status != "rejected" || len(got.Errors) != 1 || got.NotificationConfigs != nil {
				t.Fatalf("answered %+v", got)
			}
			if e := got.Errors[0]; e.Code != tt.code || adcp.Val(e.Field) != "notification_configs"+tt.field || adcp.Val(e.Recovery) != "correctable" {
				t.Errorf("got %s at %s (%s)", e.Code, adcp.Val(e.Field), adcp.Val(e.Recovery))
			}
			if listed := h.listed(); !slices.Equal(listed, []string{"stays:false"}) {
				t.Errorf("the account now has %v, want what it had", listed)
			}
		})
	}
	t.Run("ErrTooManyToProve", func(t *testing.T) {
		var entries []object
		for n := range 3 {
			var configs []object
			for j := range 16 {
				configs = append(configs, subscriber(fmt.Sprint(j), e.URL, nil))
			}
			entries = append(entries, with(named(fmt.Sprintf("brand%d.example", n), "agency.example"), object{"billing": "operator", "notification_configs": configs}))
		}
		before := len(e.asked)
		refused := h.refused("buyer", "sync_accounts", object{"idempotency_key": h.key(), "accounts": entries})
		if refused.Code != adcp.CodeValidationError || len(e.asked) != before {
			t.Errorf("got %s after %d calls", refused.Code, len(e.asked)-before)
		}
	})
	t.Run("ErrNoWebhooks", func(t *testing.T) {
		h := sqliteHouse(t)
		got := h.subscribers(subscriber("a", far, paused))
		if got.Action != "failed" || got.Errors[0].Code != adcp.CodeUnsupportedFeature {
			t.Errorf("answered %+v", got)
		}
	})
}

func TestSubscribersOfARehearsalAreNotCalled(t *testing.T) {
	t.Parallel()
	h := sqliteHouse(t, signed(t))
	e := openEndpoint(t)
	resp := ask[adcp.SyncAccountsResponse](t, &h.shop, "buyer", "sync_accounts", object{
		"idempotency_key": h.key(), "dry_run": true,
		"accounts": []object{{"account": acme, "notification_configs": []object{subscriber("a", e.URL, nil)}}},
	})
	if got := shown(resp.Accounts[0].NotificationConfigs); !slices.Equal(got, []string{"a:false"}) {
		t.Errorf("answered %v, want a that has yet to prove itself", got)
	}
	if len(e.asked) != 0 || len(h.listed()) != 0 {
		t.Errorf("%d challenges; the account has %v", len(e.asked), h.listed())
	}
}
