package seller

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// RateCard says how a rate card in CSV becomes a catalogue.
type RateCard struct {
	// Name and Domain are the seller's; those of the catalogue that is sold where empty.
	Name, Domain string
}

// rateColumn is a column of a rate card. Its name is a product's or a price's field
// unless field says otherwise.
type rateColumn struct {
	name, field string
	// price tells that the column is the price's and not the product's.
	price bool
	// list columns hold several values with ; between them.
	list bool
	// also are other names that publishers use.
	also []string
}

// rateColumns are what a rate card may have, as docs/publisher.md lists them.
var rateColumns = []rateColumn{
	{name: "name", also: []string{"product_name", "placement"}},
	{name: "product", field: "id", also: []string{"product_id", "id", "sku"}},
	{name: "description"},
	{name: "channel", field: "channels", list: true, also: []string{"channels", "medium"}},
	{name: "formats", list: true, also: []string{"format", "sizes"}},
	{name: "country", field: "countries", list: true, also: []string{"countries", "market"}},
	{name: "regions", list: true, also: []string{"region"}},
	{name: "domain", also: []string{"site", "publisher_domain"}},
	{name: "property_ids", list: true, also: []string{"property_id", "properties"}},
	{name: "guaranteed", field: "delivery"},
	{name: "approval"},
	{name: "lead_time"},
	{name: "exclusivity"},
	{name: "keywords", list: true},
	{name: "tags", list: true},
	{name: "impressions_a_day", field: "forecast", also: []string{"daily_impressions", "impressions_per_day", "impressions"}},
	{name: "price_id", field: "id", price: true},
	{name: "price_model", field: "model", price: true, also: []string{"model", "pricing_model", "rate_type"}},
	{name: "currency", price: true},
	{name: "price", field: "fixed", price: true, also: []string{"rate", "fixed"}},
	{name: "floor", price: true, also: []string{"floor_price"}},
	{name: "minimum", field: "min_spend", price: true, also: []string{"min_spend", "minimum_spend"}},
	{name: "event_type", field: "parameters", price: true},
	{name: "time_unit", field: "parameters", price: true},
	{name: "view_seconds", field: "parameters", price: true},
	{name: "demographic", field: "parameters", price: true},
	{name: "impressions_per_point", field: "parameters", price: true},
}

// RateCardColumns names the columns that a rate card may have.
func RateCardColumns() []string {
	names := make([]string, len(rateColumns))
	for i, c := range rateColumns {
		names[i] = c.name
	}
	return names
}

// rateRow is a line of a rate card.
type rateRow struct {
	r     *yamlReader
	line  int
	cells map[string]string
}

func (row rateRow) fail(column, problem, fix string) {
	yamlNode{r: row.r, line: row.line, path: "column " + column}.fail(problem, fix)
}

// text is the cell as a value; nil where it is empty.
func (row rateRow) text(column string) *yaml.Node {
	return row.value(row.cells[column])
}

func (row rateRow) value(text string) *yaml.Node {
	if text == "" {
		return nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Line: row.line}
}

// number is the cell as a number, with a thousands' comma taken out.
func (row rateRow) number(column string) *yaml.Node {
	n := row.text(column)
	if n == nil {
		return nil
	}
	if thousands.MatchString(n.Value) {
		n.Value = strings.ReplaceAll(n.Value, ",", "")
	}
	n.Tag = "!!int"
	if strings.Contains(n.Value, ".") {
		n.Tag = "!!float"
	}
	return n
}

var thousands = regexp.MustCompile(`^[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?$`)

// list is the cell as a list.
func (row rateRow) list(column string, each func(string) string) *yaml.Node {
	out := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: row.line}
	for part := range strings.SplitSeq(row.cells[column], ";") {
		if part = each(strings.TrimSpace(part)); part != "" {
			out.Content = append(out.Content, row.value(part))
		}
	}
	if len(out.Content) == 0 {
		return nil
	}
	return out
}

// read reads a rate card. What is wrong is told by line and column.
func (s RateCard) read(text []byte, now *Catalogue) (*Catalogue, error) {
	root, err := s.readRateCard(text, now)
	if err != nil {
		return nil, err
	}
	c, err := catalogueOf(root)
	if wrong, ok := errors.AsType[CatalogueErrors](err); ok {
		for _, e := range wrong {
			e.Path = columnAt(e.Path)
		}
	}
	return c, err
}

var productPath = regexp.MustCompile(`^products\[[0-9]+\]\.(pricing\[[0-9]+\]\.)?([a-z_]+)(\[[0-9]+\]\.|\.)?([a-z_]*)`)

// columnAt is the column that a place in the document comes from.
func columnAt(path string) string {
	m := productPath.FindStringSubmatch(path)
	if m == nil {
		return path
	}
	for _, c := range rateColumns {
		if c.name == m[4] || c.price == (m[1] != "") && cmp.Or(c.field, c.name) == m[2] && m[4] == "" {
			return "column " + c.name
		}
	}
	return path
}

// readRateCard reads a rate card into the document of a catalogue. A product may
// have several lines, one for each of its prices.
func (s RateCard) readRateCard(text []byte, now *Catalogue) (*yaml.Node, error) {
	rows, err := readRows(text)
	if err != nil {
		return nil, err
	}
	reader := rows[0].r
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: 1}
	byID := map[string]*yaml.Node{}
	var formats []string
	for _, row := range rows {
		id := row.id()
		for part := range strings.SplitSeq(row.cells["formats"], ";") {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(formats, part) {
				formats = append(formats, part)
			}
		}
		price := row.price()
		if known := byID[id]; known != nil {
			prices := memberOf(known, "pricing")
			prices.Content = append(prices.Content, price)
			row.sameProduct(known)
			continue
		}
		byID[id] = row.product(id, price)
		list.Content = append(list.Content, byID[id])
	}
	for _, p := range byID {
		giveRates(p)
	}
	if err := reader.refusal(); err != nil {
		return nil, err
	}
	return s.around(list, formats, now)
}

// around is the catalogue's document around products that run the formats.
func (s RateCard) around(products *yaml.Node, formats []string, now *Catalogue) (*yaml.Node, error) {
	head, err := jsonNode([]byte(now.document))
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	if s.Name != "" || s.Domain != "" {
		row := rateRow{line: 1}
		seller := mapping(1, "name", row.value(cmp.Or(s.Name, now.Name)), "domain", row.value(cmp.Or(s.Domain, now.Domain)))
		if s.Name == "" {
			seller = mapping(1, "name", row.value(now.Name), "description", row.value(now.Description), "domain", row.value(s.Domain))
		}
		head = mapping(1, "seller", seller, "standard_formats", memberOf(head, "standard_formats"), "formats", memberOf(head, "formats"))
	}
	standard := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: 1}
	if had := memberOf(head, "standard_formats"); had != nil {
		standard.Content = slices.Clone(had.Content)
	}
	for _, id := range formats {
		if _, known := now.Format(id); !known && isStandardFormat(id) {
			standard.Content = append(standard.Content, rateRow{line: 1}.value(id))
		}
	}
	return mapping(1, "seller", memberOf(head, "seller"), "standard_formats", standard, "formats", memberOf(head, "formats"), "products", products), nil
}

func isStandardFormat(id string) bool {
	known := loadStandardFormats(yamlNode{r: &yamlReader{}})
	return slices.ContainsFunc(known, func(f *Format) bool { return f.ID == id })
}

// readRows reads the lines of a CSV with commas, semicolons or tabs.
func readRows(text []byte) ([]rateRow, error) {
	wrong := func(line int, path, problem, fix string) error {
		return CatalogueErrors{{Line: line, Path: path, Problem: problem, Fix: fix}}
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	switch {
	case len(text) > maxCatalogueBytes:
		return nil, wrong(1, "", fmt.Sprintf("is larger than %d bytes", maxCatalogueBytes), "split it, and import the parts with --keep")
	case !utf8.Valid(text):
		return nil, wrong(1, "", "is not valid UTF-8", "save the sheet as CSV UTF-8")
	}
	header, _, _ := bytes.Cut(text, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(text))
	r.TrimLeadingSpace = true
	for _, comma := range []rune{';', '\t'} {
		if strings.Count(string(header), string(comma)) > strings.Count(string(header), string(r.Comma)) {
			r.Comma = comma
		}
	}
	names, err := r.Read()
	if err != nil {
		return nil, wrong(1, "", "has no header", "write the columns' names in the first line: "+strings.Join(RateCardColumns(), ", "))
	}
	reader := &yamlReader{}
	columns := make([]string, len(names))
	for i, name := range names {
		if columns[i] = columnOf(name); columns[i] == "" || slices.Contains(columns[:i], columns[i]) {
			yamlNode{r: reader, line: 1, path: "column " + name}.fail("is unknown, or there twice", "the columns are "+strings.Join(RateCardColumns(), ", "))
		}
	}
	for _, need := range []string{"name", "channel", "formats", "country", "currency", "impressions_a_day"} {
		if !slices.Contains(columns, need) {
			yamlNode{r: reader, line: 1, path: "column " + need}.fail("is missing", "add it")
		}
	}
	if err := reader.refusal(); err != nil {
		return nil, err
	}
	var rows []rateRow
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if bad, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, wrong(bad.Line, fmt.Sprintf("character %d", bad.Column), bad.Err.Error(), fmt.Sprintf("write %d cells, and quote those that hold %q", len(columns), r.Comma))
		}
		if err != nil {
			return nil, wrong(1, "", err.Error(), "save the sheet as CSV UTF-8")
		}
		line, _ := r.FieldPos(0)
		row := rateRow{r: reader, line: line, cells: make(map[string]string, len(cells))}
		for i, cell := range cells {
			row.cells[columns[i]] = strings.TrimSpace(cell)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, wrong(1, "", "has no products", "write a line for each product")
	}
	return rows, nil
}

// columnOf is the column that a header means; "" for none.
func columnOf(header string) string {
	name := strings.ToLower(strings.Join(strings.FieldsFunc(header, func(r rune) bool { return r == ' ' || r == '_' || r == '-' || r == '(' || r == ')' }), "_"))
	for _, c := range rateColumns {
		if c.name == name || slices.Contains(c.also, name) {
			return c.name
		}
	}
	return ""
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// id is the product's own, or follows from its name.
func (row rateRow) id() string {
	id := row.cells["product"]
	if id == "" {
		id = strings.Trim(unfit.ReplaceAllString(strings.ToLower(row.cells["name"]), "_"), "_")
		id = id[:min(len(id), 64)]
	}
	if id == "" {
		row.fail("name", "is empty", "name the product")
		return "line_" + strconv.Itoa(row.line)
	}
	return id
}
