package seller

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/upfront-media/upfront/adcp"
)

// mark is what the cursor of a list of the books says: the list, and the last
// item shown. The books grow between pages, so a place is an item and not a number.
type mark struct {
	List string `json:"l"`
	Last string `json:"k"`
}

// paginate cuts a page out of items, which must come in the same order for every
// page; list names what is listed, key an item in it. A cursor of another list, or
// of an item that is no longer there, is refused.
func paginate[T any](items []T, req *adcp.PaginationRequest, list string, key func(T) string) ([]T, adcp.PaginationResponse, error) {
	size, total := defaultPage, int64(len(items))
	if req != nil && req.MaxResults != nil {
		size = int(*req.MaxResults)
	}
	if req != nil && req.Cursor != nil {
		var at mark
		raw, err := base64.RawURLEncoding.DecodeString(*req.Cursor)
		i := -1
		if err == nil && json.Unmarshal(raw, &at) == nil && at.List == list {
			i = slices.IndexFunc(items, func(item T) bool { return key(item) == at.Last })
		}
		if i < 0 {
			return nil, adcp.PaginationResponse{}, refusal(adcp.CodeInvalidRequest, "pagination.cursor", "The cursor is not one of this list.").
				WithSuggestion("Start again without a cursor.")
		}
		items = items[i+1:]
	}
	page := adcp.PaginationResponse{TotalCount: &total}
	if len(items) > size {
		items = items[:size]
		raw, err := json.Marshal(mark{list, key(items[size-1])})
		if err != nil {
			return nil, page, err
		}
		page.HasMore, page.Cursor = true, new(base64.RawURLEncoding.EncodeToString(raw))
	}
	return items, page, nil
}
