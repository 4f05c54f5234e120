// Command minimal-buyer asks AdCP agents for offers and prints them with their
// prices: minimal-buyer -brief "podcasts about the sea" http://127.0.0.1:8090/mcp
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
)

func main() {
	brief := flag.String("brief", "", "what is to be advertised, in plain words")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: minimal-buyer -brief TEXT URL...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if *brief == "" || flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	// One key for all is enough for a try: it goes to the addresses named here.
	failed := ask(context.Background(), os.Stdout, os.Getenv("BUYER_TOKEN"), *brief, flag.Args())
	if failed == flag.NArg() {
		os.Exit(1)
	}
}

// patience is how long one agent may take; the others do not wait for it longer.
const patience = 20 * time.Second

// ask prints the offers of each agent, and says how many gave none.
func ask(ctx context.Context, out io.Writer, token, brief string, urls []string) (failed int) {
	var agents []*client.Client
	for _, url := range urls {
		agents = append(agents, client.New(client.Config{URL: url, Token: token}))
	}
	request := &adcp.GetProductsRequest{BuyingMode: adcp.GetProductsRequestBuyingModeBrief, Brief: &brief}
	answers := client.FanOut(ctx, agents, client.FanOutConfig{Timeout: patience},
		func(ctx context.Context, c *client.Client) (*adcp.GetProductsResponse, error) {
			return c.GetProducts(ctx, request)
		})
	for _, a := range answers {
		if a.Err != nil {
			failed++
			fmt.Fprintf(out, "%s: %v\n", a.Agent.URL(), a.Err)
			continue
		}
		fmt.Fprintf(out, "%s: %d offers\n", a.Agent.URL(), len(a.Answer.Products))
		for _, p := range a.Answer.Products {
			for _, o := range p.PricingOptions {
				// What an agent writes is shown on one line, and not trusted further.
				fmt.Fprintf(out, "  %s, %s\n", client.Clean(p.Name, 80), price(o))
			}
		}
		_ = a.Agent.Close()
	}
	return failed
}

func price(o adcp.PricingOption) string {
	what := fmt.Sprintf("%s %s", client.Clean(string(o.PricingModel), 20), client.Clean(o.Currency, 3))
	switch {
	case o.FixedPrice != nil:
		return fmt.Sprintf("%s %s", what, *o.FixedPrice)
	case o.FloorPrice != nil:
		return fmt.Sprintf("%s from %s", what, *o.FloorPrice)
	}
	return what + ", price on request"
}
