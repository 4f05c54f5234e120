package secret_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/upfront-media/upfront/internal/secret"
)

func box(t *testing.T, b byte) *secret.Box {
	t.Helper()
	x, err := secret.New(bytes.Repeat([]byte{b}, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestSealedTextsOpenWhereTheyBelong(t *testing.T) {
	t.Parallel()
	ours, other := box(t, 1), box(t, 2)
	const plain, place = "0123456789abcdef0123456789abcdef", "sales/reg_1"
	sealed := ours.Seal(plain, place)
	if strings.Contains(sealed, plain) || sealed == ours.Seal(plain, place) {
		t.Errorf("%s is readable, or comes out alike twice", sealed)
	}
	if got, err := ours.Open(sealed, place); err != nil || got != plain {
		t.Errorf("got %q, %v", got, err)
	}
	if ours.Seal("", place) != "" {
		t.Error("nothing is not sealed")
	}
	if got, err := ours.Open("", place); err != nil || got != "" {
		t.Errorf("got %q, %v", got, err)
	}
	if ours.ID() == other.ID() || ours.ID() != box(t, 1).ID() {
		t.Error("keys are not told apart by their names")
	}
	flipped := []byte(sealed)
	flipped[len(flipped)-3] ^= 1
	for name, open := range map[string]func() (string, error){
		"Another key":   func() (string, error) { return other.Open(sealed, place) },
		"Another place": func() (string, error) { return ours.Open(sealed, "sales/reg_2") },
		"Changed":       func() (string, error) { return ours.Open(string(flipped), place) },
		"In the clear":  func() (string, error) { return ours.Open(plain, place) },
		"Cut off":       func() (string, error) { return ours.Open(sealed[:8], place) },
	} {
		if got, err := open(); !errors.Is(err, secret.ErrSealed) || got != "" {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestKeyFileIsMadeOnceAndKeptClose(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data", "secret.key")
	var keys sync.Map
	var wg sync.WaitGroup
	for i := range 8 { // processes that start at the same time
		wg.Go(func() {
			key, err := secret.LoadKey(path)
			if err != nil {
				t.Error(err)
			}
			keys.Store(i, string(key))
		})
	}
	wg.Wait()
	first, _ := keys.Load(0)
	keys.Range(func(_, v any) bool {
		if v != first || len(v.(string)) != secret.KeySize {
			t.Errorf("got two keys, or one of %d bytes", len(v.(string)))
		}
		return true
	})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("got %v", left)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.LoadKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read is taken: %v", err)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	good := bytes.Repeat([]byte{7}, secret.KeySize)
	for _, text := range []string{
		base64.StdEncoding.EncodeToString(good), base64.RawStdEncoding.EncodeToString(good), base64.StdEncoding.EncodeToString(good) + "\n",
	} {
		if key, err := secret.ParseKey(text); err != nil || !bytes.Equal(key, good) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	for _, text := range []string{"", "password", base64.StdEncoding.EncodeToString(good[:31])} {
		if _, err := secret.ParseKey(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	path := filepath.Join(t.TempDir(), "secret.key")
	if err := os.WriteFile(path, []byte("empty"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.LoadKey(path); err == nil {
		t.Error("a broken key file is taken")
	}
	if _, err := secret.New(good[:16]); err == nil {
		t.Error("a short key is taken")
	}
}
