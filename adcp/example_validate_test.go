package adcp_test

import (
	"fmt"

	"github.com/upfront-media/upfront/adcp"
)

// A request that breaks the schema is refused with the member, the rule and
// what to do.
func ExampleValidateRequest() {
	refusal := adcp.ValidateRequest(adcp.GetProducts.Operation, []byte(`{"buying_mode":"brief","brief":7}`))
	fmt.Println(refusal.Code, *refusal.Field)
	fmt.Println(refusal.Message)
	fmt.Println(adcp.ValidateRequest(adcp.GetProducts.Operation, []byte(`{"buying_mode":"brief","brief":"shoes"}`)) == nil)
	// Output:
	// INVALID_REQUEST brief
	// brief must be string, not number
	// true
}

// A document of any kind can be checked by the name of its schema.
func ExampleValidateDocument() {
	fmt.Println(adcp.ValidateDocument("core/format-id.json", []byte(`{"agent_url":"https://ads.example","id":"display_300x250"}`)))
	// Output: <nil>
}
