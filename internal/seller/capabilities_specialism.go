package seller

import (
	"slices"

	"github.com/upfront-media/upfront/adcp"
)

// specialisms are the ways of selling that the agent claims to master, each of
// which switches a family of the protocol's conformance scenarios on: what it
// takes orders for, going by the products on the shelf.
func (s *Service) specialisms() []adcp.AdcpSpecialism {
	if !s.takesOrders() {
		return nil
	}
	products := s.shelf().offer("")
	list := []adcp.AdcpSpecialism{adcp.AdcpSpecialismSalesProposalMode}
	if slices.ContainsFunc(products, func(p *Product) bool { return p.Guaranteed }) {
		list = append(list, adcp.AdcpSpecialismSalesGuaranteed)
	}
	if slices.ContainsFunc(products, func(p *Product) bool { return !p.Guaranteed }) {
		list = append(list, adcp.AdcpSpecialismSalesNonGuaranteed)
	}
	if slices.ContainsFunc(products, func(p *Product) bool { return len(p.catalogTypes()) > 0 }) {
		list = append(list, adcp.AdcpSpecialismSalesCatalogDriven)
	}
	if s.audiences != nil {
		list = append(list, adcp.AdcpSpecialismAudienceSync)
	}
	if s.governance != nil {
		list = append(list, adcp.AdcpSpecialismGovernanceAwareSeller)
	}
	return list
}
