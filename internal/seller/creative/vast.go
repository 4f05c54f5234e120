package creative

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/upfront-media/upfront/adcp"
)

// vastVersions are those of VAST that can be served.
var vastVersions = []string{"2.0", "3.0", "4.0", "4.1", "4.2", "4.3"}

// maxVAST is the longest document that is looked at, in bytes.
const maxVAST = 1 << 20

// vastDocument is as much of a VAST document, of version 2 to 4, as matters for
// whether it can be served (IAB VAST 4.2, section 3).
type vastDocument struct {
	XMLName xml.Name `xml:"VAST"`
	Version string   `xml:"version,attr"`
	Ads     []struct {
		ID      string       `xml:"id,attr"`
		InLine  *vastInLine  `xml:"InLine"`
		Wrapper *vastWrapper `xml:"Wrapper"`
	} `xml:"Ad"`
}

type vastInLine struct {
	System      string       `xml:"AdSystem"`
	Title       string       `xml:"AdTitle"`
	Impressions []string     `xml:"Impression"`
	Linear      []vastLinear `xml:"Creatives>Creative>Linear"`
	NonLinear   []struct{}   `xml:"Creatives>Creative>NonLinearAds>NonLinear"`
}

type vastWrapper struct {
	System      string   `xml:"AdSystem"`
	Tag         string   `xml:"VASTAdTagURI"`
	Impressions []string `xml:"Impression"`
}

type vastLinear struct {
	Duration     string   `xml:"Duration"`
	Tracking     []string `xml:"TrackingEvents>Tracking"`
	ClickThrough string   `xml:"VideoClicks>ClickThrough"`
	ClickTrack   []string `xml:"VideoClicks>ClickTracking"`
	Files        []struct {
		URL       string `xml:",chardata"`
		Delivery  string `xml:"delivery,attr"`
		Type      string `xml:"type,attr"`
		Width     string `xml:"width,attr"`
		Height    string `xml:"height,attr"`
		Bitrate   string `xml:"bitrate,attr"`
		Framework string `xml:"apiFramework,attr"`
	} `xml:"MediaFiles>MediaFile"`
}

// vast checks a VAST tag: the document itself where it comes inline, and its address
// where it is fetched when the ad is served.
func (c *checker) vast(field string, r *adcp.FormatAssetRequirements, a *asset) {
	c.between(field+".duration_ms", "duration", " ms", a.DurationMs, r.MinDurationMs, r.MaxDurationMs)
	if want := string(adcp.Val(r.VASTVersion)); want != "" && a.VASTVersion != "" && a.VASTVersion != want {
		c.notAmong(field+".vast_version", "vast_version", a.VASTVersion, []string{want})
	}
	if a.Content == "" {
		c.https(field+".url", a.URL)
		return
	}
	field += ".content"
	doc, err := readVAST(a.Content)
	if err != nil {
		c.refuse(adcp.CodeValidationError, field, "Send a VAST document of version 2 to 4.", "The document cannot be read: %v.", err)
		return
	}
	version := strings.TrimSpace(doc.Version)
	switch want := string(adcp.Val(r.VASTVersion)); {
	case !slices.Contains(vastVersions, version):
		c.notAmong(field, "the document's version", version, vastVersions)
	case want != "" && version != want:
		c.notAmong(field, "the document's version", version, []string{want})
	case a.VASTVersion != "" && version != a.VASTVersion:
		c.refuse(adcp.CodeValidationError, field, "Declare the document's own version.", "The document's version is %s; vast_version says %s.", version, a.VASTVersion)
	}
	if len(doc.Ads) == 0 {
		c.refuse(adcp.CodeValidationError, field, "Put an Ad into the document.", "The document holds no ad.")
	}
	for i := range doc.Ads {
		at := fmt.Sprintf("Ad %d", i+1)
		switch ad := &doc.Ads[i]; {
		case ad.InLine != nil:
			c.inLine(field, at, r, a, ad.InLine)
		case ad.Wrapper != nil:
			c.vastURLs(field, at+", VASTAdTagURI", []string{ad.Wrapper.Tag}, true)
			c.vastURLs(field, at+", Impression", ad.Wrapper.Impressions, false)
		default:
			c.refuse(adcp.CodeValidationError, field, "Put an InLine or a Wrapper into each Ad.", "%s is neither InLine nor Wrapper.", at)
		}
	}
}

// readVAST reads a document and nothing behind it.
func readVAST(content string) (*vastDocument, error) {
	if len(content) > maxVAST {
		return nil, fmt.Errorf("it is longer than %d bytes", maxVAST)
	}
	d := xml.NewDecoder(strings.NewReader(strings.TrimSpace(content)))
	doc := new(vastDocument)
	if err := d.Decode(doc); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the document")
	}
	return doc, nil
}

func (c *checker) inLine(field, at string, r *adcp.FormatAssetRequirements, a *asset, ad *vastInLine) {
	missing := func(name string) {
		c.refuse(adcp.CodeValidationError, field, "Add "+name+".", "%s has no %s.", at, name)
	}
	if strings.TrimSpace(ad.System) == "" {
		missing("AdSystem")
	}
	if strings.TrimSpace(ad.Title) == "" {
		missing("AdTitle")
	}
	if len(ad.Impressions) == 0 {
		missing("Impression")
	}
	// An empty Impression is allowed: it counts nothing.
	c.vastURLs(field, at+", Impression", ad.Impressions, false)
	if len(ad.Linear) == 0 && len(ad.NonLinear) == 0 {
		missing("Linear creative")
	}
	for i := range ad.Linear {
		c.linear(field, fmt.Sprintf("%s, Linear %d", at, i+1), r, a, &ad.Linear[i])
	}
}

func (c *checker) linear(field, at string, r *adcp.FormatAssetRequirements, a *asset, l *vastLinear) {
	d, err := vastDuration(l.Duration)
	if err != nil {
		c.refuse(adcp.CodeValidationError, field, "Write the duration as HH:MM:SS or HH:MM:SS.mmm.", "%s: %v.", at, err)
	} else {
		ms := d.Milliseconds()
		c.between(field, at+": duration", " ms", &ms, r.MinDurationMs, r.MaxDurationMs)
		if a.DurationMs != nil && (*a.DurationMs-ms > 999 || ms-*a.DurationMs > 999) {
			c.refuse(adcp.CodeValidationError, field, "Declare the document's own duration.", "%s lasts %d ms; duration_ms says %d.", at, ms, *a.DurationMs)
		}
	}
	if len(l.Files) == 0 {
		c.refuse(adcp.CodeValidationError, field, "Add a MediaFile.", "%s has no MediaFile.", at)
	}
	for i := range l.Files {
		f, name := &l.Files[i], fmt.Sprintf("%s, MediaFile %d", at, i+1)
		c.vastURLs(field, name, []string{f.URL}, true)
		if f.Delivery != "progressive" && f.Delivery != "streaming" {
			c.refuse(adcp.CodeValidationError, field, "Write delivery as progressive or streaming.", "%s: delivery is %q.", name, f.Delivery)
		}
		if f.Framework == "VPAID" && !a.VPAID {
			c.refuse(adcp.CodeValidationError, field, "Send a media file that needs no VPAID, or declare vpaid_enabled.", "%s runs VPAID, which the asset does not declare.", name)
		}
		if f.Framework == "" {
			c.oneOf(field, name+": type", encoding(afterSlash(f.Type)), names(r.Containers))
		}
		if f.Type == "" {
			c.refuse(adcp.CodeValidationError, field, "Write its mime type into type.", "%s has no type.", name)
		}
		for _, side := range [][2]string{{"width", f.Width}, {"height", f.Height}} {
			if n, err := strconv.Atoi(strings.TrimSpace(side[1])); err != nil || n < 0 {
				c.refuse(adcp.CodeValidationError, field, "Write its "+side[0]+" in pixels.", "%s: %s is %q.", name, side[0], side[1])
			}
		}
	}
	c.vastURLs(field, at+", Tracking", l.Tracking, false)
	c.vastURLs(field, at+", ClickTracking", l.ClickTrack, false)
	if l.ClickThrough != "" {
		c.vastURLs(field, at+", ClickThrough", []string{l.ClickThrough}, true)
	}
}

// vastURLs checks addresses of a document; empty ones are refused where they are
// needed.
func (c *checker) vastURLs(field, what string, list []string, needed bool) {
	for _, u := range list {
		u = strings.TrimSpace(u)
		if u == "" && !needed {
			continue
		}
		before := len(c.found)
		c.https(field, u)
		if len(c.found) > before {
			last := c.found[len(c.found)-1]
			last.Message = what + ": " + last.Message
		}
	}
}

// vastDuration reads HH:MM:SS with or without milliseconds.
func vastDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	bad := fmt.Errorf("the duration is %q", s)
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return 0, bad
	}
	whole, fraction, _ := strings.Cut(parts[2], ".")
	numbers := []string{parts[0], parts[1], whole}
	var n [3]int
	for i, p := range numbers {
		v, err := strconv.Atoi(p)
		if err != nil || v < 0 || len(p) != 2 || i > 0 && v > 59 {
			return 0, bad
		}
		n[i] = v
	}
	d := time.Duration(n[0])*time.Hour + time.Duration(n[1])*time.Minute + time.Duration(n[2])*time.Second
	if fraction != "" {
		ms, err := strconv.Atoi((fraction + "00")[:3])
		if err != nil || len(fraction) > 3 {
			return 0, bad
		}
		d += time.Duration(ms) * time.Millisecond
	}
	return d, nil
}
