package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/internal/api"
)

// restWithin bounds a call to the REST interface; an import may take a while.
const restWithin = 2 * time.Minute

// restFlags are what every command takes that works through the REST interface of
// a running `upfront serve`, as its people do.
type restFlags struct {
	console console
	url     string
	json    bool
}

// on puts the flags on a command and its sub-commands.
func (f *restFlags) on(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&f.url, "url", "", "address of upfront serve (default $UPFRONT_URL, else http://127.0.0.1:8080)")
	cmd.PersistentFlags().BoolVar(&f.json, "json", false, "print JSON")
}

// whoseKey tells in a command's help where the key comes from.
const whoseKey = "It talks to a running `upfront serve` (--url or UPFRONT_URL) with the key in UPFRONT_STAFF_KEY,\n" +
	"which `upfront staff add` makes. A sandbox on this machine needs no key."

// do makes a call and reads the answer into out, where that is given. The body is
// sent as JSON, or as it is where it is an io.Reader, of the given content type.
func (f *restFlags) do(ctx context.Context, method, path string, body, out any) (json.RawMessage, error) {
	contentType := "application/json"
	var content io.Reader
	switch b := body.(type) {
	case nil:
	case typed:
		content, contentType = b.Reader, b.contentType
	default:
		doc, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(doc)
	}
	base := cmp.Or(f.url, f.console.Getenv("UPFRONT_URL"), "http://127.0.0.1:8080")
	if u, err := url.Parse(base); err != nil || u.Host == "" {
		return nil, fmt.Errorf("--url: %q is not an http(s) address", base)
	}
	ctx, cancel := context.WithTimeout(ctx, restWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+api.Prefix+path, content)
	if err != nil {
		return nil, err
	}
	if content != nil {
		req.Header.Set("Content-Type", contentType)
	}
	if key := f.console.Getenv("UPFRONT_STAFF_KEY"); key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s does not answer; is upfront serve running there? (%w)", base, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, refusedWith(resp.StatusCode, answer)
	}
	if out == nil || len(answer) == 0 {
		return answer, nil
	}
	return answer, json.Unmarshal(answer, out)
}

// typed is a body of a content type of its own.
type typed struct {
	io.Reader
	contentType string
}

// refusedWith words a refusal for a person.
func refusedWith(status int, answer []byte) error {
	var p api.Problem
	if json.Unmarshal(answer, &p) != nil || p.Detail == "" {
		return fmt.Errorf("refused with HTTP %d", status)
	}
	text := p.Detail
	if p.Suggestion != "" {
		text += " " + p.Suggestion
	}
	for _, e := range p.Errors {
		text += "\n  " + strings.TrimPrefix(e.Location, "body.") + ": " + e.Message
	}
	return errors.New(text)
}
