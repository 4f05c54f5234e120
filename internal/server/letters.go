package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/store"
	"github.com/upfront-media/upfront/internal/webhook"
)

// Letters is the webhooks of the sales agent, over the database that `upfront serve`
// with the same settings uses, whether it is running or not. Close it when done.
type Letters struct {
	*webhook.Letters
	db *store.DB
}

// OpenLetters opens the webhooks. A database that is not there is an error.
func OpenLetters(ctx context.Context, s Settings) (*Letters, error) {
	at := s.salesStore()
	if _, err := os.Stat(at.Path); at.URL == "" && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no database in %s: give the --data, --database or --config of serve", s.Data)
	}
	db, err := store.Open(ctx, at)
	if err != nil {
		return nil, err
	}
	return &Letters{Letters: webhook.OpenLetters(db, s.tenant(), clock.System{}), db: db}, nil
}

// Close closes the database.
func (l *Letters) Close() error { return l.db.Close() }
