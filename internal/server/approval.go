package server

import (
	"fmt"
	"time"

	"github.com/upfront-media/upfront/internal/account"
	"github.com/upfront-media/upfront/internal/money"
	"github.com/upfront-media/upfront/internal/seller"
)

// ApprovalSettings says which orders take a person's signature, besides those on
// products with manual approval, and what the clock does.
type ApprovalSettings struct {
	// After, where positive, signs what no rule keeps that long after it was
	// received: a sales desk with a standing instruction. Zero waits for a person,
	// and is 1s in the sandbox.
	After time.Duration `koanf:"after"`
	// Deadline, where positive, declines what nobody has decided on that long after
	// it was received.
	Deadline time.Duration `koanf:"deadline"`
	// Rules keep orders for a person; see [seller.ApprovalRule].
	Rules []RuleSettings `koanf:"rules"`
}

// RuleSettings is one rule of [ApprovalSettings].
type RuleSettings struct {
	Name string `koanf:"name"`
	Role string `koanf:"role"`
	// Above are amounts by currency, as text, such as USD: "50000".
	Above      map[string]string `koanf:"above"`
	Categories []string          `koanf:"categories"`
	Products   []string          `koanf:"products"`
	FirstBuy   bool              `koanf:"first_buy"`
}

// desk turns the settings into the sales desk's policy.
func (a ApprovalSettings) desk() (seller.SalesDesk, error) {
	switch {
	case a.After < 0:
		return seller.SalesDesk{}, fmt.Errorf("sales.approval.after: %s is negative", a.After)
	case a.Deadline < 0:
		return seller.SalesDesk{}, fmt.Errorf("sales.approval.deadline: %s is negative", a.Deadline)
	}
	desk := seller.SalesDesk{ApproveAfter: a.After, Deadline: a.Deadline}
	for i, r := range a.Rules {
		rule := seller.ApprovalRule{
			Name: r.Name, Role: account.Role(r.Role), Categories: r.Categories, Products: r.Products, FirstBuy: r.FirstBuy,
		}
		for code, text := range r.Above {
			currency, err := money.ParseCurrency(code)
			if err != nil {
				return seller.SalesDesk{}, fmt.Errorf("sales.approval.rules[%d].above: %w", i, err)
			}
			amount, err := money.Parse(text)
			if err != nil {
				return seller.SalesDesk{}, fmt.Errorf("sales.approval.rules[%d].above.%s: %w", i, code, err)
			}
			if rule.Above == nil {
				rule.Above = map[money.Currency]money.Micros{}
			}
			rule.Above[currency] = amount
		}
		if err := rule.Validate(); err != nil {
			return seller.SalesDesk{}, fmt.Errorf("sales.approval.rules[%d] (%s): %w", i, r.Name, err)
		}
		desk.Rules = append(desk.Rules, rule)
	}
	return desk, nil
}
