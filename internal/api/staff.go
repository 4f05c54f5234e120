package api

import (
	"context"
	"net/http"

	"github.com/upfront-media/upfront/internal/account"
)

// Me is who the caller is, as the API sees it.
type Me struct {
	Name  string         `json:"name" doc:"The name that decisions are recorded under"`
	Roles []account.Role `json:"roles" doc:"What the person may do"`
}

// HandleStaff lets people see who they are here.
func HandleStaff(a *API) {
	type output struct{ Body Me }
	Handle(a, Operation{Method: http.MethodGet, Path: "/me", ID: "me", Summary: "Who you are here", Tag: "staff"},
		func(_ context.Context, staff account.Staff, _ *struct{}) (*output, error) {
			return &output{Me{Name: staff.Name, Roles: staff.Roles}}, nil
		})
}
