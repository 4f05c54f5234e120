// Command minimal-buyer asks AdCP agents for offers and prints them with their
// prices: minimal-buyer -brief "podcasts about the sea" http://127.0.0.1:8090/mcp
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

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

// ask prints the offers of each agent, and says how many gave none.
func ask(ctx context.Context, out io.Writer, token, brief string, urls []string) (failed int) {
	for _, url := range urls {
		agent := client.New(client.Config{URL: url, Token: token})
		offers, err := client.Call(ctx, agent, adcp.GetProducts, &adcp.GetProductsRequest{
			BuyingMode: adcp.GetProductsRequestBuyingModeBrief, Brief: &brief,
		})
		if err != nil {
			failed++
			fmt.Fprintf(out, "%s: %v\n", url, err)
			continue
		}
		fmt.Fprintf(out, "%s: %d offers\n", url, len(offers.Products))
		for _, p := range offers.Products {
			for _, o := range p.PricingOptions {
				// What an agent writes is shown on one line, and not trusted further.
				fmt.Fprintf(out, "  %s, %s\n", client.Clean(p.Name, 80), price(o))
			}
		}
		_ = agent.Close()
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
