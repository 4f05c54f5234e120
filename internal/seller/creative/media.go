package creative

import (
	"fmt"
	"math/big"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/upfront-media/upfront/adcp"
)

// https refuses an address that is not an absolute one over https.
func (c *checker) https(field, address string) {
	if u, err := url.Parse(plain(address)); err != nil || u.Scheme != "https" || u.Host == "" {
		c.refuse(adcp.CodeValidationError, field, "Send an absolute https address.", "%q is not an absolute https address.", short(address))
	}
}

// macros are what stands in braces, and is filled in when the ad is served.
var macros = strings.NewReplacer("{", "", "}", "", "[", "", "]", "")

// plain is an address without the braces of its macros, which URLs do not have.
func plain(address string) string { return macros.Replace(strings.TrimSpace(address)) }

// short is a text that fits a message.
func short(s string) string {
	if r := []rune(s); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return s
}

// fetched checks where a file is, and that its name and its declared type agree.
func (c *checker) fetched(field string, a *asset) {
	c.https(field+".url", a.URL)
	kind, _, found := strings.Cut(a.MimeType, "/")
	if found && kind != a.Type {
		c.notAmong(field+".mime_type", "mime_type", a.MimeType, []string{a.Type + "/…"})
		return
	}
	byName, byType := encoding(extension(a.URL)), encoding(afterSlash(a.MimeType))
	if byName != "" && byType != "" && byName != byType && known[byName] && known[byType] {
		c.refuse(adcp.CodeValidationError, field+".mime_type", "Send the type of the file that url names.", "mime_type is %s, and the file's name says %s.", a.MimeType, byName)
	}
}

// known are encodings that a file's name tells for certain.
var known = map[string]bool{
	"jpg": true, "png": true, "gif": true, "webp": true, "svg": true, "avif": true, "tiff": true,
	"mp4": true, "webm": true, "mov": true, "mp3": true, "aac": true, "wav": true, "ogg": true, "flac": true,
}

// encodings are names of one encoding.
var encodings = map[string]string{
	"jpeg": "jpg", "svg+xml": "svg", "quicktime": "mov", "mpeg": "mp3", "x-wav": "wav", "wave": "wav", "tif": "tiff", "m4v": "mp4", "x-m4v": "mp4",
}

func encoding(s string) string {
	s = strings.ToLower(strings.TrimPrefix(s, "."))
	if same, ok := encodings[s]; ok {
		return same
	}
	return s
}

func extension(address string) string {
	u, err := url.Parse(plain(address))
	if err != nil {
		return ""
	}
	return path.Ext(u.Path)
}

func afterSlash(s string) string {
	_, after, _ := strings.Cut(s, "/")
	return after
}

// encoded is how a file is encoded by what is declared of it: itself, its mime type,
// its name; "" where none of them tells.
func encoded(declared string, a *asset) string {
	for _, s := range []string{declared, afterSlash(a.MimeType), extension(a.URL)} {
		if e := encoding(s); e != "" && (declared != "" || known[e]) {
			return e
		}
	}
	return ""
}

// oneOf refuses an encoding that is told and not accepted.
func (c *checker) oneOf(field, what, have string, accepted []string) {
	if have == "" || len(accepted) == 0 {
		return
	}
	if !slices.ContainsFunc(accepted, func(a string) bool { return encoding(a) == encoding(have) }) {
		c.notAmong(field, what, have, accepted)
	}
}

// names are the values of an enum as texts.
func names[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

// between refuses a number outside of its bounds; nil is not told, or no bound.
func (c *checker) between(field, what, unit string, have, least, most *int64) {
	if have == nil || (least == nil || *have >= *least) && (most == nil || *have <= *most) {
		return
	}
	accepted := ""
	switch {
	case least != nil && most != nil && *least == *most:
		accepted = fmt.Sprintf("%d%s", *least, unit)
	case least != nil && most != nil:
		accepted = fmt.Sprintf("%d to %d%s", *least, *most, unit)
	case least != nil:
		accepted = fmt.Sprintf("%d%s or more", *least, unit)
	default:
		accepted = fmt.Sprintf("%d%s or less", *most, unit)
	}
	c.refuse(adcp.CodeValidationError, field, "Send one with "+what+" "+accepted+".", "%s is %d%s; accepted is %s.", what, *have, unit, accepted)
	c.accepting(map[string]any{"accepted": accepted})
}

// whole is a decimal as a whole number, rounded down; nil where there is none.
func whole(d *adcp.Decimal) *int64 {
	if d == nil || *d == "" {
		return nil
	}
	m, err := d.Micros()
	if err != nil {
		return nil
	}
	return new(m / 1_000_000)
}

// size checks width, height and their ratio.
func (c *checker) size(field string, r *adcp.FormatAssetRequirements, a *asset) {
	width, height := whole(&a.Width), whole(&a.Height)
	c.between(field+".width", "width", " pixels", width, whole(r.MinWidth), whole(r.MaxWidth))
	c.between(field+".height", "height", " pixels", height, whole(r.MinHeight), whole(r.MaxHeight))
	if r.AspectRatio == nil || width == nil || height == nil || *height <= 0 {
		return
	}
	wide, high, ok := strings.Cut(*r.AspectRatio, ":")
	w, errW := strconv.ParseInt(wide, 10, 64)
	h, errH := strconv.ParseInt(high, 10, 64)
	if !ok || errW != nil || errH != nil || h == 0 {
		return
	}
	// Encoders round sides to even numbers: one part in a hundred is let through.
	want, have := big.NewRat(w, h), big.NewRat(*width, *height)
	if off := new(big.Rat).Sub(have, want); off.Abs(off).Cmp(new(big.Rat).Mul(want, big.NewRat(1, 100))) > 0 {
		c.refuse(adcp.CodeValidationError, field, "Send one of "+*r.AspectRatio+".", "%d by %d is not %s.", *width, *height, *r.AspectRatio)
		c.accepting(map[string]any{"accepted": *r.AspectRatio})
	}
}

func (c *checker) fileSize(field string, r *adcp.FormatAssetRequirements, bytes *int64) {
	if bytes == nil || r.MaxFileSizeKb == nil {
		return
	}
	c.between(field, "file size", " bytes", bytes, nil, new(*r.MaxFileSizeKb*1024))
}

func (c *checker) image(field string, r *adcp.FormatAssetRequirements, a *asset) {
	c.size(field, r, a)
	c.oneOf(field+".format", "format", encoded(a.Format, a), names(r.Formats))
	c.fileSize(field+".file_size_bytes", r, a.FileSizeBytes)
	if r.AnimationAllowed != nil && !*r.AnimationAllowed && encoded(a.Format, a) == "gif" && a.DurationMs != nil && *a.DurationMs > 0 {
		c.refuse(adcp.CodeValidationError, field, "Send a still image.", "The format takes no animation.")
	}
}

func (c *checker) video(field string, r *adcp.FormatAssetRequirements, a *asset) {
	c.size(field, r, a)
	c.between(field+".duration_ms", "duration", " ms", a.DurationMs, r.MinDurationMs, r.MaxDurationMs)
	c.oneOf(field+".container_format", "container", encoded(a.Container, a), names(r.Containers))
	c.oneOf(field+".video_codec", "video codec", a.VideoCodec, names(r.Codecs))
	c.between(field+".video_bitrate_kbps", "bitrate", " kbps", a.VideoBitrate, r.MinBitrateKbps, r.MaxBitrateKbps)
	c.fileSize(field+".file_size_bytes", r, a.FileSizeBytes)
	if len(r.FrameRates) > 0 && a.FrameRate != "" && !slices.ContainsFunc(r.FrameRates, func(d adcp.Decimal) bool { return d.Cmp(adcp.Decimal(a.FrameRate)) == 0 }) {
		accepted := names(r.FrameRates)
		c.notAmong(field+".frame_rate", "frame rate", a.FrameRate, accepted)
	}
	if r.AudioRequired != nil && *r.AudioRequired && a.HasAudio != nil && !*a.HasAudio {
		c.refuse(adcp.CodeValidationError, field+".has_audio", "Send a video with sound.", "The format needs sound.")
	}
	c.oneOf(field+".audio_codec", "audio codec", a.AudioCodec, names(r.AudioCodecs))
	c.rate(field+".audio_sampling_rate_hz", a.AudioRate, r.AudioSampleRates)
}

func (c *checker) audio(field string, r *adcp.FormatAssetRequirements, a *asset) {
	c.between(field+".duration_ms", "duration", " ms", a.DurationMs, r.MinDurationMs, r.MaxDurationMs)
	have := a.Codec
	if have == "" {
		have = a.Container
	}
	c.oneOf(field+".codec", "format", encoded(have, a), names(r.Formats))
	c.between(field+".bitrate_kbps", "bitrate", " kbps", a.Bitrate, r.MinBitrateKbps, r.MaxBitrateKbps)
	c.fileSize(field+".file_size_bytes", r, a.FileSizeBytes)
	c.rate(field+".sampling_rate_hz", a.SamplingRate, r.SampleRates)
	c.oneOf(field+".channels", "channels", a.Channels, names(r.Channels))
}

func (c *checker) rate(field string, have *int64, accepted []int64) {
	if have == nil || len(accepted) == 0 || slices.Contains(accepted, *have) {
		return
	}
	list := make([]string, len(accepted))
	for i, n := range accepted {
		list[i] = strconv.FormatInt(n, 10)
	}
	c.notAmong(field, "sampling rate", strconv.FormatInt(*have, 10), list)
}
