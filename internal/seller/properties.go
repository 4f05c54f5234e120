package seller

import (
	"maps"
	"slices"

	"github.com/upfront-media/upfront/adcp"
)

// Properties are the publishers' properties that the agent now sells to everybody,
// each once: what its adagents.json has to authorise, in the order of domains.
func (s *Service) Properties() []adcp.PublisherPropertySelector {
	type claim struct {
		all       bool
		ids, tags map[string]bool
	}
	domains := map[string]*claim{}
	for _, product := range s.shelves.Load().products {
		for _, p := range product.Properties {
			c := domains[p.Domain]
			if c == nil {
				c = &claim{ids: map[string]bool{}, tags: map[string]bool{}}
				domains[p.Domain] = c
			}
			c.all = c.all || len(p.PropertyIDs)+len(p.Tags) == 0
			for _, id := range p.PropertyIDs {
				c.ids[id] = true
			}
			for _, tag := range p.Tags {
				c.tags[tag] = true
			}
		}
	}
	var sold []PublisherProperties
	for _, domain := range slices.Sorted(maps.Keys(domains)) {
		c := domains[domain]
		if c.all {
			sold = append(sold, PublisherProperties{Domain: domain})
			continue
		}
		if len(c.ids) > 0 {
			sold = append(sold, PublisherProperties{Domain: domain, PropertyIDs: slices.Sorted(maps.Keys(c.ids))})
		}
		if len(c.tags) > 0 {
			sold = append(sold, PublisherProperties{Domain: domain, Tags: slices.Sorted(maps.Keys(c.tags))})
		}
	}
	return wireProperties(sold)
}
