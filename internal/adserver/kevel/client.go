package kevel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/upfront-media/upfront/internal/adserver"
)

// client speaks HTTP with the API. Its errors wrap [adserver.ErrUnavailable], or are
// [errGone] or a [*adserver.Refusal].
type client struct {
	http *http.Client
	base *url.URL
	key  string
}

const (
	maxAnswer  = 32 << 20
	maxMessage = 300
	pageSize   = 100
)

// errGone reports an object that the API does not know.
var errGone = errors.New("kevel: no such object")

func unavailable(format string, args ...any) error {
	return fmt.Errorf("%w: kevel: %w", adserver.ErrUnavailable, fmt.Errorf(format, args...))
}

func (c *client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	body, err := c.send(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return unavailable("%s %s: the answer is not what was expected: %w", method, path, err)
	}
	return nil
}

func (c *client) send(ctx context.Context, method, path string, query url.Values, in any) ([]byte, error) {
	u := c.base.JoinPath(path)
	u.RawQuery = query.Encode()
	var body io.Reader
	if in != nil {
		doc, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("kevel: %w", err)
		}
		body = bytes.NewReader(doc)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("kevel: %w", err)
	}
	req.Header.Set("X-Adzerk-ApiKey", c.key)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unavailable("%w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, unavailable("%s %s: %w", method, path, err)
	}
	return answer, failure(method, path, resp, answer)
}

// failure says what a status means. The API documents 400 for what is wrong with a
// request; every other refusal may pass, or is for the operator to mend.
func failure(method, path string, resp *http.Response, answer []byte) error {
	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusNoContent:
		return nil
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return &adserver.Refusal{Reason: "Kevel says: " + string(answer[:min(len(answer), maxMessage)])}
	case http.StatusNotFound:
		return errGone
	case http.StatusUnauthorized, http.StatusForbidden:
		return unavailable("%s %s: status %d: check the API key", method, path, resp.StatusCode)
	case http.StatusTooManyRequests:
		return unavailable("%s %s: too many requests; retry after %q", method, path, resp.Header.Get("Retry-After"))
	}
	return unavailable("%s %s: status %d", method, path, resp.StatusCode)
}

// list reads all pages: the last one is the first that is empty.
func list[T any](ctx context.Context, c *client, path string) ([]T, error) {
	var all []T
	for page := 1; ; page++ {
		var got struct {
			Items []T `json:"items"`
		}
		query := url.Values{"page": {strconv.Itoa(page)}, "pageSize": {strconv.Itoa(pageSize)}}
		if err := c.call(ctx, http.MethodGet, path, query, nil, &got); err != nil {
			return nil, err
		}
		if len(got.Items) == 0 {
			return all, nil
		}
		all = append(all, got.Items...)
	}
}
