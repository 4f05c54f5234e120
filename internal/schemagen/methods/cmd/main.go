// Command cmd writes the generated methods of adcp/client.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/upfront-media/upfront/internal/schemagen/methods"
)

func main() {
	out := flag.String("out", "adcp/client/operations.gen.go", "file to write")
	flag.Parse()
	source, err := methods.Generate()
	if err == nil {
		err = os.WriteFile(*out, source, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "methods:", err)
		os.Exit(1)
	}
}
