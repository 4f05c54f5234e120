package adcp_test

import (
	"fmt"

	"github.com/upfront-media/upfront/adcp"
)

// The operation table says what there is to call and what it asks of a caller.
func ExampleOperationNamed() {
	op, ok := adcp.OperationNamed("create_media_buy")
	fmt.Println(ok, op.Protocol, op.Access, op.Mutating)
	fmt.Println(op.RequestSchema)
	// Output:
	// true media-buy account true
	// media-buy/create-media-buy-request.json
}
