package agent

import (
	"crypto/sha256"
	"sync"

	"github.com/upfront-media/upfront/adcp"
)

// maxChecked is how many answers a generation of [checked] names.
const maxChecked = 2048

// checked remembers which answers have passed their schema, by digest. Whether
// bytes match a schema never changes, and readers of a rate card or of a list
// of formats get the same bytes over and over; the check costs more than
// everything else about such an answer. It keeps two generations of names, and
// of answers nothing else.
type checked struct {
	mu         sync.Mutex
	young, old map[[sha256.Size]byte]struct{}
}

// response checks an answer as [adcp.ValidateResponse] does.
func (c *checked) response(op *adcp.Operation, body []byte) error {
	h := sha256.New()
	h.Write([]byte(op.ResponseSchema + "\x00"))
	h.Write(body)
	var name [sha256.Size]byte
	h.Sum(name[:0])
	if c.knows(name) {
		return nil
	}
	if err := adcp.ValidateResponse(op, body); err != nil {
		return err
	}
	c.note(name)
	return nil
}

func (c *checked) knows(name [sha256.Size]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.young[name]; ok {
		return true
	}
	_, ok := c.old[name]
	if ok {
		c.keep(name)
	}
	return ok
}

func (c *checked) note(name [sha256.Size]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(name)
}

// keep must be called with the lock held.
func (c *checked) keep(name [sha256.Size]byte) {
	if c.young == nil || len(c.young) >= maxChecked {
		c.young, c.old = map[[sha256.Size]byte]struct{}{}, c.young
	}
	c.young[name] = struct{}{}
}
