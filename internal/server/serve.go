package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/upfront-media/upfront/examples"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/seller"
	"github.com/upfront-media/upfront/internal/store"
)

// Version is the program's version as it names itself to other agents.
const Version = "0.1.0"

// salesStore is where the sales agent keeps its state.
func (s Settings) salesStore() store.Config {
	return store.Config{URL: s.Database, Path: filepath.Join(s.Data, "sales.db")}
}

// stopWithin is how long a graceful stop may take.
const stopWithin = 15 * time.Second

// Serve runs the sales agent until ctx ends, then stops gracefully: it takes no
// new calls, lets running ones and jobs end, and closes the database. It says on
// out where it listens; logs go there too.
func Serve(ctx context.Context, s Settings, getenv func(string) string, out io.Writer) error {
	logTo, closeLog, err := s.logWriter(out)
	if err != nil {
		return err
	}
	defer closeLog()
	log, err := s.Log.logger(logTo)
	if err != nil {
		return err
	}
	tuneMemory(getenv)
	catalogue, err := s.Sales.load(s.exampleCatalogue())
	if err != nil {
		return err
	}
	at, err := s.listen(ctx)
	if err != nil {
		return err
	}
	cfg, err := s.salesConfig(getenv, at)
	if err != nil {
		return errors.Join(err, at.close())
	}
	cfg.Catalogue, cfg.Logger = catalogue, log
	sales, err := NewSales(ctx, cfg)
	if err != nil {
		return errors.Join(err, at.close())
	}
	if s.Sandbox {
		s.announceSandbox(out, at, cfg.Signatures != nil)
	}
	if nobody, err := sales.knowsNobody(ctx, s); err != nil {
		log.Error("keys", "err", err)
	} else if nobody {
		fmt.Fprintln(out, "no principal is known: anyone may browse, nobody can buy (make a key: upfront keys create)")
	}
	fmt.Fprintf(out, "%s sells %d products at http://%s/sales/mcp\n", sales.service.Name(), len(sales.service.Catalogue().Products), at.plain.Addr())
	server := &http.Server{
		Handler:           logged(sales.Handler(), log),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	server.RegisterOnShutdown(sales.EndStreams)
	ended := make(chan error, 2)
	at.serve(server, ended)
	err = keepUp(ctx, sales, s.Sales.Tick, ended, log)

	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	log.Info("stopping")
	return errors.Join(err, server.Shutdown(stopping), sales.Close(stopping))
}

// salesConfig puts together what the settings say of the sales agent, but for its
// catalogue.
func (s Settings) salesConfig(getenv func(string) string, at *listeners) (SalesConfig, error) {
	var none SalesConfig
	if s.PublicURL == "" {
		s.PublicURL = "http://" + at.plain.Addr().String()
	}
	public := strings.TrimSuffix(s.PublicURL, "/")
	principals, err := s.principals(getenv)
	if err != nil {
		return none, err
	}
	box, err := s.secrets(getenv)
	if err != nil {
		return none, err
	}
	keys, err := s.signingKeys(getenv, clock.System{})
	if err != nil {
		return none, err
	}
	self, err := newSelf(cmp.Or(at.secureURL(), s.PublicURL), keys)
	if err != nil {
		return none, err
	}
	self.Revoked = s.Identity.RevokedKeys
	if self.Published() {
		// What is wrong with the list is told at the start, and not to its readers.
		if _, err := self.Revocations(time.Now()); err != nil {
			return none, fmt.Errorf("identity.revoked_keys: %w", err)
		}
	}
	origins := at.origins(s.PublicURL)
	if s.Sandbox {
		self.Origins = origins
	}
	signatures, signers, err := s.signatures(self)
	if err != nil {
		return none, err
	}
	if signatures != nil {
		signatures.Origins = origins
	}
	oauth, err := s.OAuth.config(public+endpointMCP, public+endpointA2A)
	if err != nil {
		return none, err
	}
	desk, err := s.Sales.Approval.desk()
	if err != nil {
		return none, err
	}
	return SalesConfig{
		Tenant: s.tenant(), Name: s.Sales.Name, PublicURL: s.PublicURL,
		Store:      s.salesStore(),
		Clock:      clock.System{},
		Principals: append(principals, signers...),
		TestKits:   s.testKits(),
		OpenREST:   s.Sandbox,
		OAuth:      oauth,
		RateLimit:  s.rateLimit(),
		Self:       self,
		Signatures: signatures,
		SalesDesk:  desk,
		Review:     seller.CreativeReview{Manual: s.Sales.CreativeReview == reviewManual},
		Webhooks: &WebhookConfig{
			Secrets: box, AllowLoopback: s.Webhooks.AllowLoopback,
			RetryAfter: s.Webhooks.RetryAfter, RetryAtMost: s.Webhooks.RetryAtMost,
		},
	}, nil
}

// gcPercent is how much garbage may gather, in percent of what is in use. A call
// of get_products leaves some 20 kB behind, and one that goes through the MCP SDK
// 300 kB more; so the program stays below 150 MB with 200 connections of either.
const gcPercent = 150

// tuneMemory trades memory for speed within a bound. The operator's own GOGC and
// GOMEMLIMIT go before.
func tuneMemory(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(512 << 20)
	}
}

// keepUp lets delivery and states follow the clock until ctx or the server ends.
func keepUp(ctx context.Context, sales *Sales, every time.Duration, ended <-chan error, log *slog.Logger) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := sales.CatchUp(ctx); err != nil && ctx.Err() == nil {
			log.Error("catching up with the clock", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return fmt.Errorf("serve: %w", err)
		case <-ticker.C:
		}
	}
}

// load reads the catalogue, or the embedded one of that name where none is set.
func (s SalesSettings) load(embedded string) (*seller.Catalogue, error) {
	content, err := examples.Catalogues.ReadFile("catalogues/" + embedded + ".yaml")
	if s.Catalogue != "" {
		content, err = os.ReadFile(s.Catalogue)
	}
	if err != nil {
		return nil, fmt.Errorf("sales.catalogue: %w", err)
	}
	catalogue, err := seller.LoadCatalogue(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("sales.catalogue %s: %w", s.Catalogue, err)
	}
	return catalogue, nil
}

func (l LogSettings) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		return nil, fmt.Errorf("log.level: %q is not debug, info, warn or error", l.Level)
	}
	options := &slog.HandlerOptions{Level: level}
	switch strings.ToLower(l.Format) {
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return nil, fmt.Errorf("log.format: %q is not text or json", l.Format)
}

// logged writes a line for each request. Bodies and headers are never logged:
// they hold credentials and other people's terms.
func logged(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r)
		log.Info("request", "method", r.Method, "path", r.URL.Path, "status", recorder.status,
			"took", time.Since(began), "from", r.RemoteAddr)
	})
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
