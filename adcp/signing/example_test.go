package signing_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/upfront-media/upfront/adcp/signing"
)

// exampleKey stands for a private key from a key store, and the id under which
// its public half is published.
func exampleKey() (ed25519.PrivateKey, string) {
	return ed25519.NewKeyFromSeed([]byte("32 bytes that are only an example")[:32]), "example-2026"
}

// A buyer signs its requests, and a seller learns which agent is calling.
func Example() {
	private, id := exampleKey()
	published, err := signing.NewKey(id, private.Public())
	if err != nil {
		log.Fatal(err)
	}

	// The seller. A Directory would find the keys through brand.json; here they
	// are known.
	policy := signing.Policy{Supported: true, RequiredFor: []string{"create_media_buy"}}
	published.AgentURL = "https://buyer.example/mcp"
	verifier, err := signing.NewVerifier(signing.VerifierConfig{
		Profile:     signing.Request31,
		Keys:        &signing.KeySet{AgentURL: published.AgentURL, Keys: []*signing.Key{published}},
		Revocations: signing.RevokedKeys(nil),
		Policy:      policy,
	})
	if err != nil {
		log.Fatal(err)
	}
	verified, err := signing.NewMiddleware(signing.MiddlewareConfig{Verifier: verifier})
	if err != nil {
		log.Fatal(err)
	}
	seller := httptest.NewServer(verified(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		who, _ := signing.IdentityFrom(r.Context())
		fmt.Println("called by", who.AgentURL, "with key", who.KeyID)
	})))

	// The buyer.
	signer, err := signing.NewSigner(signing.SignerConfig{Profile: signing.Request31, KeyID: id, Key: private})
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: &signing.Transport{Signer: signer}}
	call := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_media_buy"}}`
	for _, c := range []*http.Client{client, http.DefaultClient} {
		resp, err := c.Post(seller.URL+"/mcp", "application/json", strings.NewReader(call))
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
		fmt.Println(resp.Status, resp.Header["Www-Authenticate"])
	}
	seller.Close()
	// Output:
	// called by https://buyer.example/mcp with key example-2026
	// 200 OK []
	// 401 Unauthorized [Signature error="request_signature_required"]
}

// A seller signs a webhook; the buyer knows which seller it must come from.
func ExampleWebhook() {
	private, id := exampleKey()
	signer, err := signing.NewSigner(signing.SignerConfig{Profile: signing.Webhook, KeyID: id, Key: private})
	if err != nil {
		log.Fatal(err)
	}
	m := &signing.Message{
		Method: http.MethodPost, URL: "https://buyer.example/webhook/op_1",
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   []byte(`{"idempotency_key":"whk_0123456789abcdef","status":"completed"}`),
	}
	if err := signer.Sign(m); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Header.Get("Content-Digest"))

	const seller = "https://seller.example/mcp"
	published, err := signing.NewKey(id, private.Public())
	if err != nil {
		log.Fatal(err)
	}
	published.AgentURL = seller
	verifier, err := signing.NewVerifier(signing.VerifierConfig{
		Profile:     signing.Webhook,
		Keys:        &signing.KeySet{AgentURL: seller, Keys: []*signing.Key{published}},
		Revocations: signing.RevokedKeys(nil),
	})
	if err != nil {
		log.Fatal(err)
	}
	m.AgentURL = seller
	verdict, err := verifier.Verify(context.Background(), m)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("from", verdict.Identity.AgentURL)

	_, err = verifier.Verify(context.Background(), m)
	var refused *signing.Error
	fmt.Println(errors.As(err, &refused), refused.Code, "at step", refused.Step)
	// Output:
	// sha-256=:4WctUp6GJqTo-kfzdr9FbrBmLH9lFuXk7s4_KIlu0bo:
	// from https://seller.example/mcp
	// true webhook_signature_replayed at step 12
}

// What an agent serves at its jwks_uri.
func ExampleKeySet() {
	private, id := exampleKey()
	key, err := signing.NewKey(id, private.Public())
	if err != nil {
		log.Fatal(err)
	}
	doc, err := json.MarshalIndent(&signing.KeySet{Keys: []*signing.Key{key}}, "", "  ")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(doc))
	// Output:
	// {
	//   "keys": [
	//     {
	//       "kid": "example-2026",
	//       "kty": "OKP",
	//       "crv": "Ed25519",
	//       "alg": "EdDSA",
	//       "use": "sig",
	//       "key_ops": [
	//         "verify"
	//       ],
	//       "adcp_use": "request-signing",
	//       "x": "BzMzMyPXenNnM5bmYcTmv_ouSgkkvHmuTr5JzrCu19w"
	//     }
	//   ]
	// }
}

func ExampleCanonicalize() {
	target, authority, err := signing.Canonicalize("HTTPS://Seller.Example:443/a/./b%7e?q=%7e#top")
	fmt.Println(target, authority, err)
	// Output: https://seller.example/a/b~?q=%7e seller.example <nil>
}

// A receiver that has not moved to published keys yet.
func ExampleHMAC() {
	secret := signing.SharedSecretConfig{Secret: "only-an-example-0123456789-abcdef"}
	hmac, err := signing.NewHMAC(secret)
	if err != nil {
		log.Fatal(err)
	}
	header, body := http.Header{}, []byte(`{"status":"completed"}`)
	if err := hmac.Sign(header, body); err != nil {
		log.Fatal(err)
	}
	fmt.Println(hmac.Verify(header, body))
	fmt.Println(hmac.Verify(header, []byte(`{"status":"failed"}`)))
	// Output:
	// <nil>
	// webhook_signature_invalid (step 4): the signature is not the secret's over this body
}

func ExamplePlanHash() {
	plan := `{"plan_id":"p1","budget":{"total":100000,"currency":"USD"}}`
	kept := `{"budget":{"currency":"USD","total":1e5},"plan_id":"p1","version":7,"status":"active"}`
	a, err := signing.PlanHash([]byte(plan))
	if err != nil {
		log.Fatal(err)
	}
	same, err := signing.CheckPlanHash([]byte(kept), a)
	fmt.Println(same, err)
	// Output: true <nil>
}
