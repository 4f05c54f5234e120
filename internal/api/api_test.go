package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/api"
)

// people is a desk that knows two keys.
type people struct{}

func (people) Admit(_ context.Context, key string) (account.Staff, error) {
	switch key {
	case "sales":
		return account.Staff{Name: "maria", Roles: []account.Role{account.RoleSales}}, nil
	case "admin":
		return account.Staff{Name: "root", Roles: []account.Role{account.RoleAdmin}}, nil
	case "down":
		return account.Staff{}, errors.New("database at 10.0.0.7 is down")
	}
	return account.Staff{}, account.ErrNotStaff
}

// open serves an API with an operation that only managers may call.
func open(t *testing.T, change func(*api.Config)) *httptest.Server {
	t.Helper()
	cfg := api.Config{Title: "test", Version: "1", Desk: people{}, Hosts: []string{"127.0.0.1"}}
	if change != nil {
		change(&cfg)
	}
	a := api.New(cfg)
	api.HandleStaff(a)
	type input struct {
		ID string `path:"id"`
	}
	type output struct {
		Body struct {
			By string `json:"by"`
		}
	}
	api.Handle(a, api.Operation{Method: http.MethodPost, Path: "/deals/{id}/sign", ID: "sign", Tag: "deals", Roles: []account.Role{account.RoleManager}},
		func(_ context.Context, staff account.Staff, in *input) (*output, error) {
			switch in.ID {
			case "missing":
				return nil, adcp.NewError(adcp.CodeMediaBuyNotFound, "id", "There is no such media buy.").WithSuggestion("List them.")
			case "broken":
				return nil, errors.New("disk full at /var/lib")
			}
			out := new(output)
			out.Body.By = staff.Name
			return out, nil
		})
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	return s
}

func call(t *testing.T, s *httptest.Server, method, path, authorization string) (int, api.Problem, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var p api.Problem
	if resp.StatusCode >= 400 {
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatalf("%d %s: %v", resp.StatusCode, body, err)
		}
	}
	if resp.StatusCode == http.StatusUnauthorized && resp.Header.Get("WWW-Authenticate") == "" {
		t.Error("401 without WWW-Authenticate")
	}
	return resp.StatusCode, p, string(body)
}

func TestWhoIsLetIn(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	tests := map[string]struct {
		path, authorization string
		status              int
		code                adcp.ErrorCode
	}{
		"NobodyWithoutAKey":        {"/deals/1/sign", "", 401, adcp.CodeAuthMissing},
		"NobodyByAnotherScheme":    {"/deals/1/sign", "Basic YTpi", 401, adcp.CodeAuthInvalid},
		"NobodyByAnUnknownKey":     {"/deals/1/sign", "Bearer nonsense", 401, adcp.CodeAuthInvalid},
		"NobodyOfAnotherRole":      {"/deals/1/sign", "Bearer sales", 403, adcp.CodePermissionDenied},
		"AnAdminEverywhere":        {"/deals/1/sign", "bearer admin", 200, ""},
		"NobodyWhileTheDeskIsDown": {"/deals/1/sign", "Bearer down", 503, adcp.CodeServiceUnavailable},
		"RefusalsKeepTheirCode":    {"/deals/missing/sign", "Bearer admin", 404, adcp.CodeMediaBuyNotFound},
		"FaultsAreNotTold":         {"/deals/broken/sign", "Bearer admin", 503, adcp.CodeServiceUnavailable},
		"NoUnknownParameters":      {"/deals/1/sign?force=true", "Bearer admin", 422, ""},
	}
	for rule, test := range tests {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			status, p, body := call(t, s, http.MethodPost, "/api/v1"+test.path, test.authorization)
			if status != test.status || p.Code != string(test.code) {
				t.Errorf("got %d %q, want %d %q: %s", status, p.Code, test.status, test.code, body)
			}
			if strings.Contains(body, "10.0.0.7") || strings.Contains(body, "/var/lib") {
				t.Errorf("tells of the inside: %s", body)
			}
		})
	}
}

func TestAnOpenAPINeedsNoKeyButRefusesABadOne(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *api.Config) { c.Open = true })
	if status, _, body := call(t, s, http.MethodGet, "/api/v1/me", ""); status != 200 || !strings.Contains(body, "sandbox") {
		t.Errorf("got %d %s", status, body)
	}
	if status, _, body := call(t, s, http.MethodGet, "/api/v1/me", "Bearer nonsense"); status != 401 {
		t.Errorf("got %d %s, want 401", status, body)
	}
}

func TestAnotherHostIsNotServed(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *api.Config) { c.Hosts = []string{"sales.example"}; c.Open = true })
	resp, err := http.Get(s.URL + "/api/v1/me")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("got %d, want 421", resp.StatusCode)
	}
}

func TestTheDescriptionNamesEveryOperation(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	_, _, body := call(t, s, http.MethodGet, "/api/v1/openapi.json", "")
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if got := doc.Paths["/api/v1/deals/{id}/sign"]["post"].OperationID; got != "sign" {
		t.Errorf("the OpenAPI document has %q, want sign: %s", got, body)
	}
}
