package buyer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/id"
)

// studio makes a brand's simple creatives: one for each format that is asked
// for, of files that the brand hosts at its own content address.
type studio struct {
	campaignID, seller, name, domain string
	// seconds are the lengths of the brand's spots, ascending; empty where the
	// brief says none.
	seconds []int
}

// choose picks the format to make for a package among those it accepts: the
// first that runs one of the brand's lengths, else the first that can be made.
// The reason says why there is none.
func (st studio) choose(accepted []FormatID, known []adcp.Format) (made *adcp.CreativeAsset, reason string) {
	reason = "the seller does not list the formats it asks for"
	fits := false
	for _, want := range accepted {
		f, ok := findFormat(known, want)
		if !ok {
			continue
		}
		asset, problem := st.make(f, want)
		if problem != "" {
			if made == nil {
				reason = problem
			}
			continue
		}
		if runs := st.runs(f); made == nil || (runs && !fits) {
			made, fits = asset, runs
		}
	}
	if made == nil {
		return nil, reason
	}
	return made, ""
}

// findFormat finds a format by its agent and name, or by name alone where the
// agent's address has changed since the product was read.
func findFormat(known []adcp.Format, want FormatID) (adcp.Format, bool) {
	i := slices.IndexFunc(known, func(f adcp.Format) bool { return f.FormatID.ID == want.ID && f.FormatID.AgentURL == want.AgentURL })
	if i < 0 {
		i = slices.IndexFunc(known, func(f adcp.Format) bool { return f.FormatID.ID == want.ID })
	}
	if i < 0 {
		return adcp.Format{}, false
	}
	return known[i], true
}

// runs reports whether the format plays a spot of one of the brand's lengths.
func (st studio) runs(f adcp.Format) bool {
	for _, a := range f.Assets {
		switch adcp.Val(a.AssetType) {
		case adcp.FormatAssetAssetTypeVideo, adcp.FormatAssetAssetTypeVAST, adcp.FormatAssetAssetTypeAudio, adcp.FormatAssetAssetTypeDAAST:
		default:
			continue
		}
		r := adcp.Val(a.Requirements)
		if slices.ContainsFunc(st.seconds, func(s int) bool { return lasts(int64(s)*1000, r.MinDurationMs, r.MaxDurationMs) }) {
			return true
		}
	}
	return false
}

func lasts(ms int64, least, most *int64) bool {
	return (least == nil || ms >= *least) && (most == nil || ms <= *most)
}

// make builds a creative with everything that the format requires.
func (st studio) make(f adcp.Format, want FormatID) (*adcp.CreativeAsset, string) {
	ref := f.FormatID
	if want.Width > 0 && want.Height > 0 {
		ref.Width, ref.Height = &want.Width, &want.Height
	}
	if want.DurationMS != "" {
		ref.DurationMs = new(adcp.Decimal(want.DurationMS))
	}
	c := &adcp.CreativeAsset{
		CreativeID: id.Derive("creative", st.campaignID, st.seller, want.ID, fmt.Sprint(want.Width, want.Height, want.DurationMS)),
		Name:       cut(st.name, 80) + " " + want.ID,
		FormatID:   &ref,
		Assets:     map[string]json.RawMessage{},
	}
	for _, a := range f.Assets {
		clickthrough := a.Requirements != nil && adcp.Val(a.Requirements.Role) == adcp.URLAssetRequirementsRoleClickthrough
		if !a.Required && !clickthrough {
			continue
		}
		if a.AssetID == nil || a.AssetType == nil {
			return nil, fmt.Sprintf("format %s asks for a group of assets, which the brand has none of", want.ID)
		}
		asset, ok := st.asset(c.CreativeID, *a.AssetID, string(*a.AssetType), adcp.Val(a.Requirements), f, want)
		if !ok {
			return nil, fmt.Sprintf("format %s asks for an asset of type %s, which the brand has none of", want.ID, *a.AssetType)
		}
		document, err := json.Marshal(asset)
		if err != nil {
			return nil, fmt.Sprintf("format %s: asset %s: %v", want.ID, *a.AssetID, err)
		}
		c.Assets[*a.AssetID] = document
	}
	if len(c.Assets) == 0 {
		return nil, fmt.Sprintf("format %s does not say what it is made of", want.ID)
	}
	return c, ""
}

// asset is one file, text or address of a creative, in the protocol's form.
func (st studio) asset(creativeID, assetID, kind string, r adcp.FormatAssetRequirements, f adcp.Format, want FormatID) (map[string]any, bool) {
	hosted := func(extension string) string {
		return fmt.Sprintf("https://cdn.%s/%s/%s.%s", st.domain, creativeID, slugOf(assetID), extension)
	}
	switch kind {
	case "image":
		width, height := size(r, f, want, 1200, 628)
		extension := "jpg"
		if len(r.Formats) > 0 {
			extension = string(r.Formats[0])
		}
		return map[string]any{
			"asset_type": kind, "url": hosted(extension), "width": width, "height": height,
			"format": extension, "alt_text": cut(st.name, 120),
		}, true
	case "video":
		width, height := size(r, f, want, 1920, 1080)
		container := "mp4"
		if len(r.Containers) > 0 {
			container = string(r.Containers[0])
		}
		return map[string]any{
			"asset_type": kind, "url": hosted(container), "width": width, "height": height,
			"duration_ms": st.duration(r, want), "container_format": container,
		}, true
	case "audio":
		extension := "mp3"
		if len(r.Formats) > 0 {
			extension = string(r.Formats[0])
		}
		return map[string]any{"asset_type": kind, "url": hosted(extension), "duration_ms": st.duration(r, want), "container_format": extension}, true
	case "text", "markdown":
		return map[string]any{"asset_type": kind, "content": st.words(r)}, true
	case "html":
		return map[string]any{"asset_type": kind, "content": fmt.Sprintf(`<a href="https://www.%s/"><img src="%s" alt=""></a>`, st.domain, hosted("jpg"))}, true
	case "vast", "daast":
		return map[string]any{"asset_type": kind, "delivery_type": "url", "url": hosted("xml"), "duration_ms": st.duration(r, want)}, true
	case "zip":
		return map[string]any{"asset_type": kind, "url": hosted("zip")}, true
	case "url":
		switch adcp.Val(r.Role) {
		case adcp.URLAssetRequirementsRoleClickthrough, adcp.URLAssetRequirementsRoleLandingPage, "":
			return map[string]any{"asset_type": kind, "url": fmt.Sprintf("https://www.%s/%s", st.domain, slugOf(st.name)), "url_type": "clickthrough"}, true
		}
		return map[string]any{"asset_type": kind, "url": hosted("gif"), "url_type": "tracker_pixel"}, true
	}
	return nil, false
}

// words is the brand's line of text within the bounds of a requirement.
func (st studio) words(r adcp.FormatAssetRequirements) string {
	text := st.name
	if len(r.AllowedValues) > 0 {
		return r.AllowedValues[0]
	}
	if most := adcp.Val(r.MaxLength); most > 0 && most < int64(len(text)) {
		text = cut(text, int(most))
	}
	for int64(len(text)) < min(adcp.Val(r.MinLength), 10_000) {
		text += "."
	}
	return text
}

// duration is one of the brand's own lengths where it fits, else the length
// that the format asks for.
func (st studio) duration(r adcp.FormatAssetRequirements, want FormatID) int64 {
	if ms := floorOf(adcp.Decimal(cmp.Or(want.DurationMS, "0"))); ms > 0 {
		return ms
	}
	for _, s := range st.seconds {
		if lasts(int64(s)*1000, r.MinDurationMs, r.MaxDurationMs) {
			return int64(s) * 1000
		}
	}
	least, most := adcp.Val(r.MinDurationMs), adcp.Val(r.MaxDurationMs)
	switch {
	case least > 0 && most >= least && most < math.MaxInt64/2:
		return (least + most) / 2
	case least > 0:
		return least
	case most > 0:
		return min(most, 15_000)
	}
	return 15_000
}

// size is a width and height that a requirement, the format id or the format's
// first render asks for.
func size(r adcp.FormatAssetRequirements, f adcp.Format, want FormatID, width, height int64) (w, h int64) {
	if want.Width > 0 && want.Height > 0 {
		return want.Width, want.Height
	}
	if len(f.Renders) > 0 && f.Renders[0].Dimensions != nil {
		d := f.Renders[0].Dimensions
		if rw, rh := floorOf(adcp.Val(d.Width)), floorOf(adcp.Val(d.Height)); rw > 0 && rh > 0 && (d.Unit == nil || *d.Unit == "px") {
			width, height = rw, rh
		}
	}
	bound := func(n int64, least, most *adcp.Decimal) int64 {
		n = max(n, floorOf(adcp.Val(least)))
		if m := floorOf(adcp.Val(most)); m > 0 {
			n = min(n, m)
		}
		return n
	}
	width, height = bound(width, r.MinWidth, r.MaxWidth), bound(height, r.MinHeight, r.MaxHeight)
	return proportioned(adcp.Val(r.AspectRatio), width, height, r)
}

// proportioned gives a width and height the aspect ratio, such as 9:16, in whole
// pixels: as large as the longer side was, within the requirement's bounds.
func proportioned(ratio string, width, height int64, r adcp.FormatAssetRequirements) (w, h int64) {
	across, down, ok := strings.Cut(ratio, ":")
	rw, errW := strconv.ParseInt(across, 10, 32)
	rh, errH := strconv.ParseInt(down, 10, 32)
	if !ok || errW != nil || errH != nil || rw <= 0 || rh <= 0 {
		return width, height
	}
	n := max(width, height) / max(rw, rh)
	n = max(n, 1, ceilDiv(floorOf(adcp.Val(r.MinWidth)), rw), ceilDiv(floorOf(adcp.Val(r.MinHeight)), rh))
	if most := floorOf(adcp.Val(r.MaxWidth)); most > 0 {
		n = max(1, min(n, most/rw))
	}
	if most := floorOf(adcp.Val(r.MaxHeight)); most > 0 {
		n = max(1, min(n, most/rh))
	}
	return n * rw, n * rh
}

func ceilDiv(n, d int64) int64 { return (n + d - 1) / d }
