package seller

import (
	"fmt"
	"testing"

	"github.com/upfront-media/upfront/adcp"
)

func TestTheListsKeptAreBounded(t *testing.T) {
	t.Parallel()
	var l productLists
	for i := range 5 * maxLists {
		name := fmt.Sprint(i)
		l.put(name, &productList{version: name})
		if got := l.get(name); got == nil || got.version != name || l.get("0") == nil {
			t.Fatalf("after %d lists: one in use is gone", i)
		}
	}
	if n := len(l.young) + len(l.old); n > 2*maxLists || l.get("1") != nil {
		t.Errorf("%d lists are kept, or one that nobody asked for again", n)
	}
}

func TestAListThatDependsOnTheTimeIsNotKept(t *testing.T) {
	t.Parallel()
	timeless := func(f *adcp.ProductFilters) bool {
		return (&query{req: &adcp.GetProductsRequest{Filters: f}}).timeless()
	}
	if timeless(&adcp.ProductFilters{StartDate: new("2027-03-01")}) || timeless(&adcp.ProductFilters{EndDate: new("2027-03-31")}) {
		t.Error("a list of what can start on a day was kept")
	}
	if !timeless(nil) || !timeless(&adcp.ProductFilters{Countries: []string{"US"}}) {
		t.Error("a list without dates was not kept")
	}
}
