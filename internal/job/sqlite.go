package job

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/upfront-media/upfront/internal/store"
)

// What River sends to tell its workers of new jobs.
const (
	insertTopic   = "river_insert"
	insertPayload = `{"queue":"default"}`
)

// sqliteDriver is River's driver with another listener: its own asks the database
// 20 times a second over the one writing connection.
type sqliteDriver struct {
	*riversqlite.Driver
	db *store.DB
}

var _ riverdriver.Driver[*sql.Tx] = (*sqliteDriver)(nil)

// GetListener implements [riverdriver.Driver].
func (d *sqliteDriver) GetListener(params *riverdriver.GetListenenerParams) riverdriver.Listener {
	return &listener{db: d.db, schema: params.Schema}
}

// listener hears of jobs that this process has committed. It hears nothing else:
// a SQLite file has no other process to hear from, and jobs that River itself makes
// available are found by looking.
type listener struct {
	db        *store.DB
	schema    string
	mu        sync.Mutex
	committed <-chan struct{}
	stop      func()
}

// Connect implements [riverdriver.Listener].
func (l *listener) Connect(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop != nil {
		return errors.New("the listener is connected already")
	}
	l.committed, l.stop = l.db.Jobs()
	return nil
}

// Close implements [riverdriver.Listener].
func (l *listener) Close(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop != nil {
		l.stop()
		l.committed, l.stop = nil, nil
	}
	return nil
}

// WaitForNotification implements [riverdriver.Listener].
func (l *listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	l.mu.Lock()
	committed := l.committed
	l.mu.Unlock()
	if committed == nil {
		return nil, errors.New("the listener is not connected")
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-committed:
		return &riverdriver.Notification{Topic: insertTopic, Payload: insertPayload}, nil
	}
}

// Listen implements [riverdriver.Listener]; insertions are always heard of.
func (l *listener) Listen(context.Context, string) error { return nil }

// Unlisten implements [riverdriver.Listener].
func (l *listener) Unlisten(context.Context, string) error { return nil }

// Ping implements [riverdriver.Listener].
func (l *listener) Ping(ctx context.Context) error { return l.db.Ping(ctx) }

// Schema implements [riverdriver.Listener].
func (l *listener) Schema() string { return l.schema }

// SetAfterConnectExec implements [riverdriver.Listener]; River's own tests use it.
func (l *listener) SetAfterConnectExec(string) {}
