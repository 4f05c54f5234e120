package job

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// connection is embedded under a name that leaves the method Conn free.
type connection = pgx.Conn

// transaction lets River insert on a connection whose transaction database/sql has
// begun and will end. River only queries with it: it may neither end it nor begin
// another one inside.
type transaction struct{ *connection }

var _ pgx.Tx = transaction{}

var errNotOurs = errors.New("the transaction belongs to who began it")

// Begin implements [pgx.Tx]; it is refused.
func (transaction) Begin(context.Context) (pgx.Tx, error) { return nil, errNotOurs }

// Commit implements [pgx.Tx]; it is refused.
func (transaction) Commit(context.Context) error { return errNotOurs }

// Rollback implements [pgx.Tx]; it is refused.
func (transaction) Rollback(context.Context) error { return errNotOurs }

// LargeObjects implements [pgx.Tx]; River uses none.
func (transaction) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

// Conn implements [pgx.Tx].
func (t transaction) Conn() *pgx.Conn { return t.connection }
