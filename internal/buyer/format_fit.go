package buyer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
)

// videoChannels are where the brand's spots run, in the protocol's names.
var videoChannels = []string{"ctv", "olv", "linear_tv"}

// dropUnplayable rejects what is sold on video channels and takes none of the
// brand's spots: a still picture, or only longer ones. Without spots in the
// brief, or where the seller does not list its formats now, nothing is dropped.
func (s *Service) dropUnplayable(ctx context.Context, seller string, f *found, in Intent) {
	onVideo := func(o Offer) bool {
		return len(o.Formats) > 0 && slices.ContainsFunc(o.Channels, func(c string) bool { return slices.Contains(videoChannels, c) })
	}
	if len(in.AdLengths) == 0 || !slices.ContainsFunc(f.offers, onVideo) {
		return
	}
	known, err := s.formats(ctx, s.clients[seller])
	if err != nil {
		s.log.WarnContext(ctx, "a seller's formats could not be read", "seller", seller, "error", s.said(err))
		return
	}
	dropped := map[string]bool{}
	f.offers = slices.DeleteFunc(f.offers, func(o Offer) bool {
		if !onVideo(o) || takesSpot(o.Formats, known, in.AdLengths) {
			return false
		}
		if !dropped[o.ProductID] {
			dropped[o.ProductID] = true
			f.rejected = append(f.rejected, Rejection{
				Seller: seller, ProductID: o.ProductID,
				Reason: "takes no spot of " + seconds(in.AdLengths) + ", which are the lengths the brief has",
			})
		}
		return true
	})
}

// takesSpot reports whether one of the accepted formats plays a spot of one of
// the lengths. A format that the seller does not list may.
func takesSpot(accepted []FormatID, known []adcp.Format, lengths []int) bool {
	for _, want := range accepted {
		f, ok := findFormat(known, want)
		if !ok {
			return true
		}
		for _, a := range f.Assets {
			kind := adcp.Val(a.AssetType)
			if kind != adcp.FormatAssetAssetTypeVideo && kind != adcp.FormatAssetAssetTypeVAST {
				continue
			}
			r := adcp.Val(a.Requirements)
			if slices.ContainsFunc(lengths, func(s int) bool { return lasts(int64(s)*1000, r.MinDurationMs, r.MaxDurationMs) }) {
				return true
			}
		}
	}
	return false
}

// seconds is a list of lengths in words: "6 or 15 seconds".
func seconds(lengths []int) string {
	var parts []string
	for _, s := range lengths {
		parts = append(parts, fmt.Sprint(s))
	}
	return strings.Join(parts, " or ") + " seconds"
}
