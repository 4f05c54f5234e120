package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/seller"
)

// Shop publishes what a seller sells; [seller.Service] does.
type Shop interface {
	PublishedProducts(ctx context.Context, after int64, limit int) ([]seller.Published, error)
	PublishedProduct(ctx context.Context, productID string) (seller.Published, error)
	PublishProduct(ctx context.Context, productID string, document []byte, e seller.Edit) (seller.Changes, error)
	WithdrawProduct(ctx context.Context, productID string, e seller.Edit) (seller.Changes, error)
	ExportCatalogue(ctx context.Context) ([]byte, error)
	ImportCatalogue(ctx context.Context, text []byte, in seller.Import, e seller.Edit) (seller.Changes, error)
}

// CatalogueProduct is a product of the catalogue as a list shows it.
type CatalogueProduct struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Channels   []string  `json:"channels"`
	Countries  []string  `json:"countries"`
	Guaranteed bool      `json:"guaranteed"`
	Approval   string    `json:"approval" doc:"auto, or manual where a person signs"`
	Prices     []string  `json:"prices" doc:"In words"`
	Revision   int64     `json:"revision" doc:"Counts the product's changes from 1"`
	Position   int64     `json:"position" doc:"Its place; a list goes on after the last one's"`
	ChangedAt  time.Time `json:"changed_at"`
	ChangedBy  string    `json:"changed_by"`
}

// CatalogueProductDetail is a product with its document.
type CatalogueProductDetail struct {
	CatalogueProduct
	Document json.RawMessage `json:"document" doc:"The product as the catalogue's file has it"`
}

// CatalogueChanges tells what an edit changed, or would change.
type CatalogueChanges struct {
	Added     []string `json:"added"`
	Changed   []string `json:"changed"`
	Removed   []string `json:"removed"`
	Unchanged int      `json:"unchanged"`
	Revision  int64    `json:"revision" doc:"The catalogue's"`
	DryRun    bool     `json:"dry_run"`
}

// CatalogueEditQuery is what every change of the catalogue takes.
type CatalogueEditQuery struct {
	DryRun bool `query:"dry_run" doc:"Check everything and change nothing"`
}

// ProductEditQuery is what every change of one product takes.
type ProductEditQuery struct {
	CatalogueEditQuery
	ProductID string `path:"product_id"`
	Revision  string `query:"revision" pattern:"^[0-9]{1,18}$" doc:"Only if the product still has this revision; 0 only if there is none"`
}

func (q ProductEditQuery) edit(staff account.Staff) seller.Edit {
	e := seller.Edit{By: staff.Name, DryRun: q.DryRun}
	var revision int64
	if _, err := fmt.Sscan(q.Revision, &revision); err == nil {
		e.Revision = &revision
	}
	return e
}

// HandleCatalogue puts the catalogue on the API.
func HandleCatalogue(a *API, shop Shop) {
	const tag = "catalogue"
	publishers := []account.Role{account.RoleAdOps}
	type changes struct{ Body CatalogueChanges }
	tell := func(c seller.Changes, dryRun bool, err error) (*changes, error) {
		if err != nil {
			return nil, catalogueError(err)
		}
		return &changes{CatalogueChanges{orEmpty(c.Added), orEmpty(c.Changed), orEmpty(c.Removed), c.Unchanged, c.Revision, dryRun}}, nil
	}

	type listInput struct {
		After int64 `query:"after" doc:"The position of the last product of the page before"`
		Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	type listOutput struct {
		Body struct {
			Products []CatalogueProduct `json:"products"`
		}
	}
	Handle(a, Operation{Method: http.MethodGet, Path: "/products", ID: "list-products", Tag: tag, Summary: "The catalogue's products, in its order"},
		func(ctx context.Context, _ account.Staff, in *listInput) (*listOutput, error) {
			after := in.After
			if after == 0 {
				after = math.MinInt64
			}
			list, err := shop.PublishedProducts(ctx, after, in.Limit)
			if err != nil {
				return nil, err
			}
			out := new(listOutput)
			out.Body.Products = make([]CatalogueProduct, len(list))
			for i, p := range list {
				out.Body.Products[i] = productOf(p)
			}
			return out, nil
		})

	type one struct {
		ProductID string `path:"product_id"`
	}
	type detail struct{ Body CatalogueProductDetail }
	Handle(a, Operation{Method: http.MethodGet, Path: "/products/{product_id}", ID: "get-product", Tag: tag, Summary: "One product with its document"},
		func(ctx context.Context, _ account.Staff, in *one) (*detail, error) {
			p, err := shop.PublishedProduct(ctx, in.ProductID)
			if err != nil {
				return nil, catalogueError(err)
			}
			return &detail{CatalogueProductDetail{productOf(p), p.Document}}, nil
		})
	type putInput struct {
		ProductEditQuery
		RawBody []byte `contentType:"application/json"`
	}
	Handle(a, Operation{Method: http.MethodPut, Path: "/products/{product_id}", ID: "put-product", Tag: tag, Raw: true, Roles: publishers, Summary: "Publish a product, or change it", Description: "The body is the product as the catalogue's file has it, as JSON or YAML."},
		func(ctx context.Context, staff account.Staff, in *putInput) (*changes, error) {
			c, err := shop.PublishProduct(ctx, in.ProductID, in.RawBody, in.edit(staff))
			return tell(c, in.DryRun, err)
		})
	type deleteInput struct {
		ProductEditQuery
	}
	Handle(a, Operation{Method: http.MethodDelete, Path: "/products/{product_id}", ID: "remove-product", Tag: tag, Roles: publishers, Summary: "Sell a product no more; what is booked on it stays", Status: http.StatusOK},
		func(ctx context.Context, staff account.Staff, in *deleteInput) (*changes, error) {
			c, err := shop.WithdrawProduct(ctx, in.ProductID, in.edit(staff))
			return tell(c, in.DryRun, err)
		})

	type file struct {
		ContentType string `header:"Content-Type"`
		Body        []byte
	}
	Handle(a, Operation{Method: http.MethodGet, Path: "/catalogue", ID: "export-catalogue", Tag: tag, Summary: "The whole catalogue as YAML"},
		func(ctx context.Context, _ account.Staff, _ *struct{}) (*file, error) {
			text, err := shop.ExportCatalogue(ctx)
			return &file{"application/yaml", text}, err
		})
	type importInput struct {
		CatalogueEditQuery
		ContentType string `header:"Content-Type"`
		Keep        bool   `query:"keep" doc:"Products that the file does not have stay"`
		Seller      string `query:"seller" maxLength:"100" doc:"The seller's name, which a rate card does not have; as it is where empty"`
		Domain      string `query:"domain" maxLength:"253" doc:"The seller's domain, as well"`
		RawBody     []byte `contentType:"application/yaml"`
	}
	Handle(a, Operation{Method: http.MethodPost, Path: "/catalogue", ID: "import-catalogue", Tag: tag, Raw: true, Roles: publishers, Summary: "Sell what a file has", Description: "The body is a catalogue as YAML or JSON, or with Content-Type text/csv a rate card. All of it is taken, or nothing."},
		func(ctx context.Context, staff account.Staff, in *importInput) (*changes, error) {
			c, err := shop.ImportCatalogue(ctx, in.RawBody, seller.Import{
				Keep: in.Keep, CSV: strings.HasPrefix(in.ContentType, "text/csv"), Card: seller.RateCard{Name: in.Seller, Domain: in.Domain},
			}, seller.Edit{By: staff.Name, DryRun: in.DryRun})
			return tell(c, in.DryRun, err)
		})
}

// catalogueError tells what is wrong with a catalogue, by line and field.
func catalogueError(err error) error {
	var wrong seller.CatalogueErrors
	switch {
	case errors.As(err, &wrong):
		p := &Problem{
			ErrorModel: model(http.StatusUnprocessableEntity, "The catalogue stays as it was: this is wrong."),
			Code:       string(adcp.CodeValidationError), Field: wrong[0].Path,
		}
		for _, e := range wrong {
			detail := &huma.ErrorDetail{Location: fmt.Sprintf("line %d", e.Line), Message: e.Problem}
			if e.Path != "" {
				detail.Location += ", " + e.Path
			}
			if e.Fix != "" {
				detail.Message += "; " + e.Fix
			}
			p.Errors = append(p.Errors, detail)
		}
		return p
	case errors.Is(err, seller.ErrNoProduct):
		return &Problem{
			ErrorModel: model(http.StatusNotFound, "The catalogue has no such product."),
			Code:       string(adcp.CodeProductNotFound), Field: "product_id", Suggestion: "See GET " + Prefix + "/products.",
		}
	case errors.Is(err, seller.ErrStaleRevision):
		return &Problem{
			ErrorModel: model(http.StatusConflict, "The product has changed since that revision."),
			Code:       string(adcp.CodeConflict), Field: "revision", Suggestion: "Read the product again and send its revision.",
		}
	case errors.Is(err, seller.ErrLastProduct):
		return &Problem{
			ErrorModel: model(http.StatusConflict, "It is the last product, and a seller sells at least one."),
			Code:       string(adcp.CodeInvalidState), Field: "product_id", Suggestion: "Publish another product first.",
		}
	}
	return err
}

func productOf(p seller.Published) CatalogueProduct {
	out := CatalogueProduct{
		ID: p.ID, Name: p.Name, Channels: p.Channels, Countries: p.Countries, Guaranteed: p.Guaranteed, Approval: string(p.Approval),
		Prices: make([]string, len(p.Pricing)), Revision: p.Revision, Position: p.Position, ChangedAt: p.ChangedAt, ChangedBy: p.ChangedBy,
	}
	for i, o := range p.Pricing {
		out.Prices[i] = o.Spoken()
	}
	return out
}

// orEmpty is a list that JSON shows as [] where there is nothing.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
