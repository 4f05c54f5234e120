package seller

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// defaultPage and maxPage are the protocol's (core/pagination-request.json).
const (
	defaultPage = 50
	maxPage     = 100
)

// cursorLife is how long a list can be walked on. It bounds how long ago the
// first page may have been evaluated.
const cursorLife = 24 * time.Hour

// cursor is a place in one answer. The answer is worked out anew for every page,
// as of the first page's time, so that nothing is skipped or repeated while the
// catalogue stands; Query ties the place to the request and to the catalogue.
// Callers see it as opaque text.
type cursor struct {
	Query  string `json:"q"`
	Offset int    `json:"o"`
	AsOf   int64  `json:"t"` // microseconds
}

func (c cursor) String() string {
	// Strings and integers always marshal.
	text, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(text)
}

var errCursor = adcp.NewError(adcp.CodeInvalidRequest, "pagination.cursor", "The cursor does not belong to this request.").
	WithSuggestion("Send the same request as for the first page, or leave the cursor out to start again.")

// readCursor reads what [cursor.String] wrote for the same query.
func readCursor(text, query string, now time.Time) (cursor, *adcp.Error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	var c cursor
	if err != nil || json.Unmarshal(raw, &c) != nil || c.Query != query || c.Offset < 0 {
		return cursor{}, errCursor
	}
	if at := time.UnixMicro(c.AsOf); at.After(now) || now.Sub(at) > cursorLife {
		return cursor{}, adcp.NewError(adcp.CodeInvalidRequest, "pagination.cursor", "The cursor has expired.").
			WithSuggestion("Leave the cursor out to start again.")
	}
	return c, nil
}

// digest names a document: equal documents have equal names.
func digest(parts ...any) (string, error) {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(parts); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// walk is where a request stands in its list.
type walk struct {
	query string
	asOf  time.Time
	from  int
	size  int
}

// startWalk reads a request's pagination. Query names everything the list
// depends on besides the time.
func startWalk(p *adcp.PaginationRequest, query string, now time.Time) (walk, *adcp.Error) {
	w := walk{query: query, asOf: now, size: defaultPage}
	if p == nil {
		return w, nil
	}
	if p.MaxResults != nil {
		w.size = int(min(max(*p.MaxResults, 1), maxPage))
	}
	if p.Cursor != nil {
		c, err := readCursor(*p.Cursor, query, now)
		if err != nil {
			return w, err
		}
		w.asOf, w.from = time.UnixMicro(c.AsOf).UTC(), c.Offset
	}
	return w, nil
}

// pageOf cuts the walk's page out of the whole list.
func pageOf[T any](w walk, all []T) ([]T, *adcp.PaginationResponse) {
	from := min(w.from, len(all))
	to := min(from+w.size, len(all))
	p := &adcp.PaginationResponse{HasMore: to < len(all), TotalCount: new(int64(len(all)))}
	if p.HasMore {
		p.Cursor = new(cursor{Query: w.query, Offset: to, AsOf: w.asOf.UnixMicro()}.String())
	}
	return all[from:to], p
}
