package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// reconnectPause is the pause between attempts to hold a name again after its
	// connection broke.
	reconnectPause = 500 * time.Millisecond
	// unlockTimeout is how long to wait for a server to take back a lock.
	unlockTimeout = time.Second
)

// Hold makes name known as held by this process until release is called or the
// process dies, however it dies: on PostgreSQL it is a lock of a connection of its
// own, which the server frees when the connection ends. A connection that breaks
// while the process lives is replaced; the name is free in between. A SQLite file
// belongs to one process, so there names are kept in memory.
//
// The job queue learns by it whose jobs are orphans. Names are used once:
// holding one that is held waits for it.
func (db *DB) Hold(ctx context.Context, name string) (release func(), err error) {
	if db.dialect == SQLite {
		db.names.add(name)
		return func() { db.names.remove(name) }, nil
	}
	key := db.LockKey("held/" + name)
	conn, err := db.lock(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("hold %s: %w", name, err)
	}
	watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			// Nothing is listened to: this returns when the connection or watch ends.
			if conn != nil {
				_, _ = conn.WaitForNotification(watch)
				unlock(conn)
			}
			if watch.Err() != nil {
				return
			}
			if conn, err = db.lock(watch, key); err != nil {
				conn = nil
				select {
				case <-time.After(reconnectPause):
				case <-watch.Done():
					return
				}
			}
		}
	}()
	return func() { cancel(); <-done }, nil
}

func (db *DB) lock(ctx context.Context, key int64) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, db.config.ConnConfig.Copy())
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", key); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}

// unlock frees the locks of the connection and closes it. Closing alone frees them
// too, but a moment later.
func unlock(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), unlockTimeout)
	defer cancel()
	_, _ = conn.Exec(ctx, "SELECT pg_advisory_unlock_all()")
	_ = conn.Close(ctx)
}

// Held says whether a living process holds the name.
func (db *DB) Held(ctx context.Context, name string) (bool, error) {
	if db.dialect == SQLite {
		return db.names.has(name), nil
	}
	var free bool
	// A shared lock is refused while the holder's exclusive one stands; it is given
	// back at the end of the statement.
	err := db.pool.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock_shared($1)", db.LockKey("held/"+name)).Scan(&free)
	if err != nil {
		return false, fmt.Errorf("look for the holder of %s: %w", name, err)
	}
	return !free, nil
}

// names are those held by this process in a SQLite file.
type names struct {
	mu   sync.Mutex
	held map[string]bool
}

func (n *names) add(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.held == nil {
		n.held = make(map[string]bool)
	}
	n.held[name] = true
}

func (n *names) remove(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.held, name)
}

func (n *names) has(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.held[name]
}

// signals wakes those of this process that wait for something to happen.
type signals struct {
	mu        sync.Mutex
	listeners map[chan struct{}]struct{}
}

func (s *signals) signal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.listeners {
		select {
		case ch <- struct{}{}:
		default: // it has one to read already
		}
	}
}

// Jobs gives a channel that receives after each transaction of this [DB] that
// carried jobs, one value for several where the reader is slow. Call stop when done.
func (db *DB) Jobs() (committed <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	s := &db.jobs
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listeners == nil {
		s.listeners = make(map[chan struct{}]struct{})
	}
	s.listeners[ch] = struct{}{}
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, ch)
	}
}
