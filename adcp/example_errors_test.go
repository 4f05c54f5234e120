package adcp_test

import (
	"encoding/json"
	"fmt"

	"github.com/upfront-media/upfront/adcp"
)

// An error says what a caller can do about it: the recovery class comes from
// the protocol's catalogue.
func ExampleNewError() {
	refusal := adcp.NewError(adcp.CodeRateLimited, "", "Too many requests.").WithRetryAfter(2)
	wire, _ := json.Marshal(refusal)
	fmt.Println(string(wire))
	// Output:
	// {"code":"RATE_LIMITED","message":"Too many requests.","retry_after":2,"recovery":"transient"}
}

// Amounts keep the digits that were sent, and are never floats.
func ExampleDecimal() {
	var option adcp.PricingOption
	err := adcp.Unmarshal([]byte(`{"pricing_option_id":"o","pricing_model":"cpm","currency":"USD","fixed_price":12345678901234.567890}`), &option)
	fmt.Println(err, *option.FixedPrice)
	micros, err := adcp.Decimal("28.50").Micros()
	fmt.Println(micros, err)
	// Output:
	// <nil> 12345678901234.567890
	// 28500000 <nil>
}

// An older release is chosen where both sides know no newer one.
func ExampleHighestCommon() {
	release, ok := adcp.HighestCommon(adcp.Releases(), []string{"2.5", "3.0"})
	fmt.Println(release, ok)
	// Output: 3.0 true
}
