package creative

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/adcp"
)

// Slot is an asset that a format has room for.
type Slot struct {
	// ID is the key in the creative's assets.
	ID string
	// Type is by enums/asset-content-type.json.
	Type     string
	Required bool
	// Requirements are in the words of the protocol's core/requirements schemas; nil
	// where there are none.
	Requirements *adcp.FormatAssetRequirements
}

// Format is what a creative is made for. One without slots takes whatever comes.
type Format struct {
	// Name is how refusals call it.
	Name  string
	Slots []Slot
}

// asset is what an asset says of itself, of whatever type it is
// (core/assets/asset-union.json).
type asset struct {
	Type            string       `json:"asset_type"`
	URL             string       `json:"url"`
	URLType         string       `json:"url_type"`
	Content         string       `json:"content"`
	Width           adcp.Decimal `json:"width"`
	Height          adcp.Decimal `json:"height"`
	Format          string       `json:"format"`
	MimeType        string       `json:"mime_type"`
	DurationMs      *int64       `json:"duration_ms"`
	FileSizeBytes   *int64       `json:"file_size_bytes"`
	Container       string       `json:"container_format"`
	VideoCodec      string       `json:"video_codec"`
	VideoBitrate    *int64       `json:"video_bitrate_kbps"`
	FrameRate       string       `json:"frame_rate"`
	HasAudio        *bool        `json:"has_audio"`
	AudioCodec      string       `json:"audio_codec"`
	Codec           string       `json:"codec"`
	Bitrate         *int64       `json:"bitrate_kbps"`
	SamplingRate    *int64       `json:"sampling_rate_hz"`
	AudioRate       *int64       `json:"audio_sampling_rate_hz"`
	Channels        string       `json:"channels"`
	VASTVersion     string       `json:"vast_version"`
	VPAID           bool         `json:"vpaid_enabled"`
	Event           string       `json:"event"`
	CustomEventName string       `json:"custom_event_name"`
}

// trackers are measurement that comes along with creatives of any format.
var trackers = []string{"pixel_tracker", "vast_tracker", "daast_tracker"}

// Check compares a creative's assets, found at the path at, with its format. It
// returns everything that is wrong, each with its field and what would be accepted,
// and warnings about what is taken or left aside nevertheless.
//
// An asset is known by its key. One under a key that the format does not have is
// taken for the one of its type that is missing, where there is only one way to do
// so: buyers name the picture of a banner "image" as well as "banner_image".
func Check(at string, f Format, assets map[string]json.RawMessage) (problems []*adcp.Error, warnings []string) {
	c := &checker{}
	read := map[string][]asset{}
	for _, key := range slices.Sorted(maps.Keys(assets)) {
		list, err := assetsOf(assets[key])
		if err != nil || len(list) == 0 {
			c.refuse(adcp.CodeValidationError, at+"."+key, "Send an asset, or a list of them, as core/assets has it.", "Asset %s cannot be read.", key)
			continue
		}
		read[key] = list
	}
	taken, warnings := match(f, read)
	for _, s := range f.Slots {
		key, ok := taken[s.ID]
		if !ok {
			if _, unreadable := assets[s.ID]; s.Required && !unreadable {
				c.refuse(adcp.CodeValidationError, at+"."+s.ID, "Add the asset; list_creative_formats says what each format needs.",
					"Format %s needs the asset %s, of type %s.", f.Name, s.ID, s.Type)
			}
			continue
		}
		for i := range read[key] {
			field := at + "." + key
			if len(read[key]) > 1 {
				field = fmt.Sprintf("%s[%d]", field, i)
			}
			c.asset(field, s, &read[key][i])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(read)) {
		for i := range read[key] {
			if a := &read[key][i]; slices.Contains(trackers, a.Type) {
				c.tracker(at+"."+key, a)
			}
		}
	}
	return c.found, warnings
}

// assetsOf reads one asset or a list of them.
func assetsOf(raw json.RawMessage) ([]asset, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '[' {
		var list []asset
		return list, json.Unmarshal(raw, &list)
	}
	var one asset
	err := json.Unmarshal(raw, &one)
	return []asset{one}, err
}

// match finds the key of each slot's asset.
func match(f Format, read map[string][]asset) (taken map[string]string, warnings []string) {
	taken = map[string]string{}
	spare := maps.Clone(read)
	for _, s := range f.Slots {
		if _, ok := read[s.ID]; ok {
			taken[s.ID] = s.ID
			delete(spare, s.ID)
		}
	}
	for _, s := range f.Slots {
		if _, ok := taken[s.ID]; ok {
			continue
		}
		var keys []string
		for key, list := range spare {
			if list[0].Type == s.Type {
				keys = append(keys, key)
			}
		}
		open := 0
		for _, other := range f.Slots {
			if _, ok := taken[other.ID]; !ok && other.Type == s.Type && (other.Required || other.ID == s.ID) {
				open++
			}
		}
		if len(keys) != 1 || open != 1 || !s.Required && !clickThrough(s) {
			continue
		}
		taken[s.ID] = keys[0]
		delete(spare, keys[0])
		warnings = append(warnings, fmt.Sprintf("assets.%s is taken for %s of format %s.", keys[0], s.ID, f.Name))
	}
	for _, key := range slices.Sorted(maps.Keys(spare)) {
		if len(f.Slots) > 0 && !slices.Contains(trackers, spare[key][0].Type) {
			warnings = append(warnings, fmt.Sprintf("Format %s has no asset %s; it is kept and not served.", f.Name, key))
		}
	}
	return taken, warnings
}

// clickThrough tells whether the slot is where the ad leads.
func clickThrough(s Slot) bool {
	return s.Requirements != nil && s.Requirements.Role != nil && *s.Requirements.Role == "clickthrough"
}

// checker collects what is wrong.
type checker struct{ found []*adcp.Error }

// refuse notes that something is wrong, and what to do about it.
func (c *checker) refuse(code adcp.ErrorCode, field, suggestion, format string, args ...any) {
	c.found = append(c.found, adcp.NewError(code, field, fmt.Sprintf(format, args...)).WithSuggestion(suggestion))
}

// accepting adds to the refusal just noted what would be accepted, for machines.
func (c *checker) accepting(details map[string]any) {
	last := len(c.found) - 1
	c.found[last] = c.found[last].WithDetails(details)
}

// notAmong refuses a value that is not one of those accepted.
func (c *checker) notAmong(field, what, value string, accepted []string) {
	c.refuse(adcp.CodeValidationError, field, fmt.Sprintf("Send one with %s %s.", what, strings.Join(accepted, ", ")),
		"%s is %s; accepted is %s.", what, value, strings.Join(accepted, ", "))
	c.accepting(map[string]any{"accepted_values": accepted})
}

// asset checks one asset against its slot.
func (c *checker) asset(field string, s Slot, a *asset) {
	if a.Type != s.Type {
		c.notAmong(field+".asset_type", "asset_type", a.Type, []string{s.Type})
		return
	}
	r := s.Requirements
	if r == nil {
		r = new(adcp.FormatAssetRequirements)
	}
	switch s.Type {
	case "image":
		c.fetched(field, a)
		c.image(field, r, a)
	case "video":
		c.fetched(field, a)
		c.video(field, r, a)
	case "audio":
		c.fetched(field, a)
		c.audio(field, r, a)
	case "text", "markdown":
		c.text(field, r, a)
	case "url":
		c.link(field, r, a)
	case "html":
		c.html(field, r, a)
	case "javascript":
		c.javascript(field, r, a)
	case "vast":
		c.vast(field, r, a)
	}
}

// tracker checks measurement: it must be fetched over https, and say what it counts.
func (c *checker) tracker(field string, a *asset) {
	c.https(field+".url", a.URL)
	if a.Event == "custom" && a.CustomEventName == "" {
		c.refuse(adcp.CodeValidationError, field+".custom_event_name", "Name the event in custom_event_name.", "A tracker of a custom event needs custom_event_name.")
	}
}
