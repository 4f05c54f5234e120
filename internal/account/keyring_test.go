package account_test

import (
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/store/storetest"
)

var morning = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// bundle is what most tests need: a keyring and a directory over one store, and
// the clock of both.
type bundle struct {
	db        *store.DB
	clock     *clock.Simulated
	keys      *account.Keyring
	directory *account.Directory
}

func setup(t *testing.T, db *store.DB) *bundle {
	t.Helper()
	b := &bundle{db: db, clock: clock.NewSimulated(morning)}
	b.keys = account.NewKeyring(account.KeyringConfig{Store: db, Tenant: "sales", Clock: b.clock})
	b.directory = b.newDirectory(t)
	return b
}

func (b *bundle) newDirectory(t *testing.T) *account.Directory {
	t.Helper()
	d, err := account.New(account.Config{
		Tenant: "sales", Store: b.db, Clock: b.clock,
		Principals: []account.Principal{{Name: "configured", KeySHA256: account.HashKey(key)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func (b *bundle) create(t *testing.T, n account.NewKey) (string, account.Key) {
	t.Helper()
	if n.Principal == "" {
		n.Principal = "acme"
	}
	key, kept, err := b.keys.Create(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return key, kept
}

// call authenticates with a key and says whether it was accepted.
func (b *bundle) call(t *testing.T, key string) (agent.Caller, bool) {
	t.Helper()
	caller, err := b.directory.Authenticate(t.Context(), agent.Credential{Scheme: "bearer", Value: key})
	if err != nil && !errors.Is(err, agent.ErrBadCredential) {
		t.Fatal(err)
	}
	return caller, err == nil
}

func (b *bundle) want(t *testing.T, key string, accepted bool, when string) {
	t.Helper()
	if _, ok := b.call(t, key); ok != accepted {
		t.Errorf("%s: accepted is %t, want %t", when, ok, accepted)
	}
}

func TestKeysAreRecognisable(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.Open(t, store.SQLite))
	form := regexp.MustCompile(`^upf_(live|test)_[0-9a-hjkmnp-tv-z]{41}$`)
	live, kept := b.create(t, account.NewKey{})
	test, _ := b.create(t, account.NewKey{Principal: "tester", Sandbox: true})
	for _, k := range []string{live, test} {
		if !form.MatchString(k) {
			t.Errorf("%s is not of the form %s", k, form)
		}
	}
	if !strings.HasPrefix(live, "upf_live_") || !strings.HasPrefix(test, "upf_test_") {
		t.Errorf("the sandbox does not show in %s and %s", live, test)
	}
	if !strings.HasPrefix(live, kept.ID) || len(kept.ID) != len("upf_live_")+8 {
		t.Errorf("%q does not name %s", kept.ID, live)
	}
	// One letter wrong, anywhere, and it is not even looked up.
	for i := len("upf_live_"); i < len(live); i++ {
		typo := live[:i] + map[bool]string{true: "3", false: "2"}[live[i] == '2'] + live[i+1:]
		if account.WellFormed(typo) {
			t.Errorf("the checksum of %s does not tell that letter %d is wrong", typo, i)
		}
	}
}

func TestKeyOpensWhatItWasMadeFor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		all, _ := b.create(t, account.NewKey{})
		sandbox, _ := b.create(t, account.NewKey{Principal: "tester", Sandbox: true})
		narrow, _ := b.create(t, account.NewKey{Scope: account.Scope{Operations: []string{"read", "sync_creatives"}, Accounts: []string{"acct_1"}}})
		got, ok := b.call(t, all)
		if want := (agent.Caller{Tenant: "sales", Principal: "acme"}); !ok || got != want {
			t.Errorf("got %+v, %t; want %+v", got, ok, want)
		}
		got, ok = b.call(t, sandbox)
		if want := (agent.Caller{Tenant: "sales", Principal: "tester", Sandbox: true}); !ok || got != want {
			t.Errorf("got %+v, %t; want %+v", got, ok, want)
		}
		got, ok = b.call(t, narrow)
		if !ok || got.Permission == nil || got.SeesAccount("acct_2") || !got.SeesAccount("acct_1") {
			t.Fatalf("got %+v, %t; want acct_1 alone", got, ok)
		}
		if got.Permission.MayCall(adcp.SyncCreatives.Operation) != nil || got.Permission.MayCall(adcp.CreateMediaBuy.Operation) == nil {
			t.Error("the operations are not the key's")
		}
		b.want(t, key, true, "a key of the configuration")
		b.want(t, all[:len(all)-1], false, "a key cut short")
		b.want(t, account.MakeKey(t), false, "a well-formed key that nobody made")
		other, err := account.New(account.Config{Tenant: "another", Store: db, Clock: b.clock})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Authenticate(t.Context(), agent.Credential{Scheme: "bearer", Value: all}); !errors.Is(err, agent.ErrBadCredential) {
			t.Errorf("another tenant's key: %v", err)
		}
		if _, err := b.directory.Authenticate(t.Context(), basic("acme", all)); err != nil {
			t.Errorf("through HTTP Basic: %v", err)
		}
	})
}

func TestRefusedKeys(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.Open(t, store.SQLite))
	b.create(t, account.NewKey{Principal: "acme"})
	b.create(t, account.NewKey{Principal: "tester", Sandbox: true})
	for _, tt := range []struct {
		rule string
		key  account.NewKey
		want string
	}{
		{"a key stands for somebody", account.NewKey{}, "principal"},
		{"a principal has no blanks around it", account.NewKey{Principal: " acme"}, "blanks"},
		{"a principal fits on a line", account.NewKey{Principal: "ac\nme"}, "printable"},
		{"a principal has bounds", account.NewKey{Principal: strings.Repeat("x", 201)}, "200"},
		{"an operation is the protocol's", account.NewKey{Principal: "acme", Scope: account.Scope{Operations: []string{"get_rich"}}}, "get_rich"},
		{"an account has an identifier", account.NewKey{Principal: "acme", Scope: account.Scope{Accounts: []string{" "}}}, "accounts"},
		{"a lifetime is ahead", account.NewKey{Principal: "acme", Lifetime: -1}, "expires"},
		{"a live principal stays out of the sandbox", account.NewKey{Principal: "acme", Sandbox: true}, "not both"},
		{"a sandbox principal stays in it", account.NewKey{Principal: "tester"}, "not both"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			if _, _, err := b.keys.Create(t.Context(), tt.key); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error that has %q", err, tt.want)
			}
		})
	}
	if list, err := b.keys.List(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("a refused key was kept: %v, %v", list, err)
	}
}

func TestKeyExpires(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		k, _ := b.create(t, account.NewKey{Lifetime: time.Hour})
		b.want(t, k, true, "when made")
		b.clock.Advance(time.Hour - time.Microsecond)
		b.want(t, k, true, "at the last instant")
		b.clock.Advance(time.Microsecond)
		b.want(t, k, false, "when expired, though remembered a moment ago")
	})
}

func TestRevokedKeyIsRefusedWithinASecond(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		k, kept := b.create(t, account.NewKey{})
		b.want(t, k, true, "when made")
		b.clock.Advance(time.Minute)
		revoked, err := b.keys.Revoke(t.Context(), kept.ID)
		if err != nil || !revoked.RevokedAt.Equal(b.clock.Now()) {
			t.Fatalf("got %+v, %v", revoked, err)
		}
		b.want(t, k, false, "once what was remembered is old")

		k, kept = b.create(t, account.NewKey{})
		b.want(t, k, true, "when made")
		if _, err := b.keys.Revoke(t.Context(), k); err != nil {
			t.Fatalf("by the key itself: %v", err)
		}
		b.clock.Advance(account.CacheFor)
		b.want(t, k, false, "a second after")
		again, err := b.keys.Revoke(t.Context(), kept.ID)
		if err != nil || !again.RevokedAt.Equal(b.clock.Now().Add(-account.CacheFor)) {
			t.Errorf("revoking again changed it: %+v, %v", again, err)
		}
		if _, err := b.keys.Revoke(t.Context(), "upf_live_00000000"); !errors.Is(err, account.ErrNoKey) {
			t.Errorf("got %v, want ErrNoKey", err)
		}
		stranger := account.NewKeyring(account.KeyringConfig{Store: db, Tenant: "another", Clock: b.clock})
		if _, err := stranger.Revoke(t.Context(), kept.ID); !errors.Is(err, account.ErrNoKey) {
			t.Errorf("another tenant's key: got %v, want ErrNoKey", err)
		}
	})
}

func TestRotatedKeyOverlapsWithItsSuccessor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		scope := account.Scope{Operations: []string{"read"}, Accounts: []string{"acct_1"}}
		first, kept := b.create(t, account.NewKey{Scope: scope, Lifetime: 30 * 24 * time.Hour})
		b.clock.Advance(24 * time.Hour)
		second, successor, old, err := b.keys.Rotate(t.Context(), kept.ID, 2*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		want := account.Key{
			ID: successor.ID, Principal: "acme", Scope: scope, CreatedAt: b.clock.Now(), ExpiresAt: b.clock.Now().Add(30 * 24 * time.Hour),
		}
		if diff := cmp.Diff(want, successor, cmpopts.IgnoreUnexported(account.Key{})); diff != "" {
			t.Errorf("successor (-want +got):\n%s", diff)
		}
		if old.ReplacedBy != successor.ID || !old.ExpiresAt.Equal(b.clock.Now().Add(2*time.Hour)) || old.Status(b.clock.Now()) != account.KeyRotated {
			t.Errorf("old key: %+v", old)
		}
		b.want(t, first, true, "the old key in the overlap")
		b.want(t, second, true, "the new key in the overlap")
		b.clock.Advance(2 * time.Hour)
		b.want(t, first, false, "the old key after the overlap")
		b.want(t, second, true, "the new key after the overlap")

		third, thirdKept, _, err := b.keys.Rotate(t.Context(), successor.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(account.CacheFor)
		b.want(t, second, false, "a key rotated without an overlap")
		b.want(t, third, true, "its successor")
		if _, _, soon, err := b.keys.Rotate(t.Context(), thirdKept.ID, 1000*24*time.Hour); err != nil || !soon.ExpiresAt.Equal(thirdKept.ExpiresAt) {
			t.Errorf("an overlap made an old key live longer: %+v, %v", soon, err)
		}
		for rule, id := range map[string]string{
			"was rotated": thirdKept.ID, "is expired": kept.ID, "no such key": "upf_live_00000000",
		} {
			if _, _, _, err := b.keys.Rotate(t.Context(), id, time.Hour); err == nil || !strings.Contains(err.Error(), rule) {
				t.Errorf("got %v, want an error that has %q", err, rule)
			}
		}
		if _, err := b.keys.Revoke(t.Context(), thirdKept.ID); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := b.keys.Rotate(t.Context(), thirdKept.ID, time.Hour); err == nil || !strings.Contains(err.Error(), "is revoked") {
			t.Errorf("got %v, want an error that says it is revoked", err)
		}
		if _, _, _, err := b.keys.Rotate(t.Context(), thirdKept.ID, -1); err == nil || !strings.Contains(err.Error(), "negative") {
			t.Errorf("got %v, want an error that says it is negative", err)
		}
	})
}

// TestRotateWhileUsed rotates a key from many sides while it is used: exactly one
// rotation succeeds, and no call is refused while the old key is valid.
func TestRotateWhileUsed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		k, kept := b.create(t, account.NewKey{})
		var wg sync.WaitGroup
		var mu sync.Mutex
		var made []string
		for range 4 {
			wg.Go(func() {
				if successor, _, _, err := b.keys.Rotate(t.Context(), kept.ID, time.Hour); err == nil {
					mu.Lock()
					made = append(made, successor)
					mu.Unlock()
				}
			})
			wg.Go(func() {
				for range 20 {
					b.want(t, k, true, "while it is rotated")
					b.clock.Advance(account.CacheFor / 2)
				}
			})
		}
		wg.Wait()
		if len(made) != 1 {
			t.Fatalf("%d rotations succeeded, want 1", len(made))
		}
		b.want(t, made[0], true, "the successor")
		list, err := b.keys.List(t.Context())
		if err != nil || len(list) != 2 {
			t.Errorf("got %d keys, %v; want 2", len(list), err)
		}
	})
}

func TestLastUseIsCoarse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		k, _ := b.create(t, account.NewKey{})
		used := func() time.Time {
			t.Helper()
			b.directory.Close() // waits for what is being written
			list, err := b.keys.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return list[0].LastUsedAt
		}
		if got := used(); !got.IsZero() {
			t.Errorf("used at %v before it was", got)
		}
		b.directory = b.newDirectory(t)
		for range 50 {
			b.want(t, k, true, "in use")
			b.clock.Advance(time.Second)
		}
		if got := used(); !got.Equal(morning) {
			t.Errorf("last used %v, want the first use of the minute, %v", got, morning)
		}
		b.directory = b.newDirectory(t)
		b.clock.Advance(account.TouchEvery)
		b.want(t, k, true, "in use")
		if got := used(); !got.Equal(b.clock.Now()) {
			t.Errorf("last used %v, want %v", got, b.clock.Now())
		}
	})
}

func TestKeyStoreThatIsDown(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.Open(t, store.SQLite))
	k, _ := b.create(t, account.NewKey{})
	if err := b.db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := b.directory.Authenticate(t.Context(), agent.Credential{Scheme: "bearer", Value: k})
	if err == nil || errors.Is(err, agent.ErrBadCredential) {
		t.Errorf("got %v: a key that cannot be looked up is neither good nor bad", err)
	}
	b.want(t, key, true, "a key of the configuration")
}
