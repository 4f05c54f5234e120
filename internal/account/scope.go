package account

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// Grants that stand for many operations.
const (
	// GrantAll is every operation of the protocol.
	GrantAll = "*"
	// GrantRead is every operation that changes nothing.
	GrantRead = "read"
)

// Scope is what a credential is good for. The zero Scope is no limit at all.
type Scope struct {
	// Operations are wire names such as "create_media_buy", or [GrantRead], or
	// [GrantAll]. None is every operation. Reading get_adcp_capabilities is
	// always allowed.
	Operations []string
	// Accounts are identifiers of the principal's accounts. None is every account.
	Accounts []string
}

// Validate reports the first grant that is none, and what to write instead.
func (s Scope) Validate() error {
	if err := validateGrants(s.Operations); err != nil {
		return err
	}
	if slices.ContainsFunc(s.Accounts, func(a string) bool { return strings.TrimSpace(a) == "" }) {
		return errors.New("accounts: an identifier is empty")
	}
	return nil
}

func validateGrants(grants []string) error {
	for _, g := range grants {
		if _, known := adcp.OperationNamed(g); !known && g != GrantAll && g != GrantRead {
			return fmt.Errorf("operations: %q is neither an operation of the protocol, such as create_media_buy, nor %q nor %q", g, GrantRead, GrantAll)
		}
	}
	return nil
}

// permission is the scope as an agent asks it, nil where it limits nothing.
func (s Scope) permission() agent.Permission {
	grants := s.Operations
	if len(grants) == 0 {
		grants = []string{GrantAll}
	}
	p := newPermission(grants, s.Accounts)
	if p.all && len(p.accounts) == 0 {
		return nil
	}
	return p
}

// newPermission allows what the grants say; without any it allows nothing.
func newPermission(grants, accounts []string) *permission {
	p := &permission{
		all: slices.Contains(grants, GrantAll), read: slices.Contains(grants, GrantRead),
		operations: grants, accounts: accounts,
	}
	p.readOnly = p.read && !slices.ContainsFunc(grants, changes)
	return p
}

// changes tells whether the grant allows an operation that changes something.
func changes(grant string) bool {
	op, known := adcp.OperationNamed(grant)
	return grant == GrantAll || known && op.Mutating
}

// permission implements agent.Permission.
type permission struct {
	all, read, readOnly  bool
	operations, accounts []string
}

// MayCall implements agent.Permission.
func (p *permission) MayCall(op *adcp.Operation) *adcp.Error {
	switch {
	case p.all, p.read && !op.Mutating, slices.Contains(p.operations, op.Name):
		return nil
	case p.readOnly && op.Mutating:
		return adcp.NewError(adcp.CodeReadOnlyScope, "", "The credential is for reading only, and this operation changes something.").
			WithSuggestion("Use an operation that only reads, or have the operator of this agent give you a credential that may change things.")
	}
	return adcp.NewError(adcp.CodeScopeInsufficient, "", "The credential is not good for this operation.").
		WithSuggestion("List the tools for what it is good for, or have the operator of this agent widen it.")
}

// SeesAccount implements agent.Permission.
func (p *permission) SeesAccount(id string) bool {
	return len(p.accounts) == 0 || slices.Contains(p.accounts, id)
}

// Reach implements agent.Permission: the accounts in order, each once.
func (p *permission) Reach() string {
	if len(p.accounts) == 0 {
		return ""
	}
	accounts := slices.Clone(p.accounts)
	slices.Sort(accounts)
	return fmt.Sprintf("%q", slices.Compact(accounts))
}
