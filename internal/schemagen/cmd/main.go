// Command cmd writes the generated part of package adcp from the published schemas.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/upfront-media/upfront/internal/schemagen"
)

func main() {
	schemas := flag.String("schemas", "../shared/adcp/3.1.19/schemas", "directory of the published schemas")
	out := flag.String("out", "adcp", "directory of package adcp")
	corpus := flag.String("corpus", "internal/schemagen/corpus_gen_test.go", "file for the list of types that the corpus is tested with")
	flag.Parse()
	if err := run(*schemas, *out, *corpus); err != nil {
		fmt.Fprintln(os.Stderr, "schemagen:", err)
		os.Exit(1)
	}
}

func run(schemas, out, corpus string) error {
	files, err := schemagen.Generate(os.DirFS(schemas))
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), ".gen.") && files[e.Name()] == nil {
			if err := os.Remove(filepath.Join(out, e.Name())); err != nil {
				return err
			}
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(out, name), data, 0o644); err != nil {
			return err
		}
	}
	list, err := schemagen.GenerateCorpus(os.DirFS(schemas))
	if err != nil {
		return err
	}
	return os.WriteFile(corpus, list, 0o644)
}
