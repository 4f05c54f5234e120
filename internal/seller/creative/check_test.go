package creative_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/internal/seller/creative"
)

func slot(t testing.TB, id, kind string, required bool, requirements string) creative.Slot {
	t.Helper()
	s := creative.Slot{ID: id, Type: kind, Required: required}
	if requirements != "" {
		s.Requirements = new(adcp.FormatAssetRequirements)
		if err := json.Unmarshal([]byte(requirements), s.Requirements); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

const linear = `<VAST version="4.2"><Ad id="1"><InLine><AdSystem>acme</AdSystem><AdTitle>Boots</AdTitle><Impression>https://m.example/i</Impression><Creatives><Creative><Linear>` +
	`<Duration>00:00:15</Duration><MediaFiles><MediaFile delivery="progressive" type="video/mp4" width="1280" height="720"><![CDATA[https://cdn.example/v.mp4]]></MediaFile></MediaFiles>` +
	`<VideoClicks><ClickThrough>https://acme.example/</ClickThrough></VideoClicks></Linear></Creative></Creatives></InLine></Ad></VAST>`

// Every requirement lets through what meets it and refuses what does not, naming the
// field.
func TestAssetsMeetTheirRequirements(t *testing.T) {
	t.Parallel()
	vast := func(change ...string) string {
		doc, err := json.Marshal(strings.NewReplacer(change...).Replace(linear))
		if err != nil {
			t.Fatal(err)
		}
		return `{"asset_type":"vast","delivery_type":"inline","vast_version":"4.2","content":` + string(doc) + `}`
	}
	const (
		banner = `{"min_width":300,"max_width":300,"min_height":250,"max_height":250,"formats":["jpg","png"],"max_file_size_kb":200}`
		clip   = `{"aspect_ratio":"16:9","min_duration_ms":14500,"max_duration_ms":15500,"containers":["mp4"],"codecs":["h264"],"max_bitrate_kbps":8000,"frame_rates":[25,29.97],"max_file_size_kb":1000}`
		spot   = `{"max_duration_ms":30000,"formats":["mp3"],"sample_rates":[44100],"min_bitrate_kbps":128}`
	)
	for rule, test := range map[string]struct {
		kind, requirements, asset string
		field, says               string // of the refusal; none where empty
		code                      adcp.ErrorCode
	}{
		"AnImageOfTheSize":         {kind: "image", requirements: banner, asset: `{"asset_type":"image","url":"https://c.example/b.png","width":300,"height":250,"file_size_bytes":200000}`},
		"AnImageOfAnotherSize":     {kind: "image", requirements: banner, asset: `{"asset_type":"image","url":"https://c.example/b.png","width":320,"height":250}`, field: "a.x.width", says: "300 pixels"},
		"AnImageTooHeavy":          {kind: "image", requirements: banner, asset: `{"asset_type":"image","url":"https://c.example/b.png","width":300,"height":250,"file_size_bytes":300000}`, field: "a.x.file_size_bytes", says: "204800"},
		"AnImageByItsName":         {kind: "image", requirements: banner, asset: `{"asset_type":"image","url":"https://c.example/b.gif?x=1","width":300,"height":250}`, field: "a.x.format", says: "jpg, png"},
		"AnImageOfAnotherMimeType": {kind: "image", requirements: banner, asset: `{"asset_type":"image","url":"https://c.example/b","mime_type":"image/webp","width":300,"height":250}`, field: "a.x.format", says: "webp"},
		"AMimeTypeOfAnotherKind":   {kind: "image", asset: `{"asset_type":"image","url":"https://c.example/b","mime_type":"video/mp4","width":1,"height":1}`, field: "a.x.mime_type", says: "image/"},
		"AMimeTypeAgainstTheName":  {kind: "image", asset: `{"asset_type":"image","url":"https://c.example/b.png","mime_type":"image/jpeg","width":1,"height":1}`, field: "a.x.mime_type", says: "png"},
		"AFileOverPlainHTTP":       {kind: "image", asset: `{"asset_type":"image","url":"http://c.example/b.png","width":1,"height":1}`, field: "a.x.url", says: "https"},
		"AnotherTypeOfAsset":       {kind: "image", asset: `{"asset_type":"video","url":"https://c.example/b.mp4"}`, field: "a.x.asset_type", says: "image"},
		"AVideoAsAsked":            {kind: "video", requirements: clip, asset: `{"asset_type":"video","url":"https://c.example/v.mp4","width":1920,"height":1080,"duration_ms":15000,"video_codec":"H264","frame_rate":"29.97"}`},
		"AVideoRoundedToEvenSides": {kind: "video", requirements: clip, asset: `{"asset_type":"video","url":"https://c.example/v.mp4","width":854,"height":480}`},
		"AVideoOfAnotherRatio":     {kind: "video", requirements: clip, asset: `{"asset_type":"video","url":"https://c.example/v.mp4","width":1080,"height":1080}`, field: "a.x", says: "16:9"},
		"AVideoTooLong":            {kind: "video", requirements: clip, asset: `{"asset_type":"video","url":"https://c.example/v.mp4","width":1920,"height":1080,"duration_ms":30000}`, field: "a.x.duration_ms", says: "14500 to 15500 ms"},
		"AVideoInAnotherContainer": {kind: "video", requirements: clip, asset: `{"asset_type":"video","url":"https://c.example/v.webm","width":1920,"height":1080}`, field: "a.x.container_format", says: "mp4"},
		"AVideoOfAnotherCodec":     {kind: "video", requirements: clip, asset: `{"asset_type":"video","url":"https://c.example/v.mp4","width":1920,"height":1080,"video_codec":"vp9"}`, field: "a.x.video_codec", says: "h264"},
		"AVideoOfTooHighABitrate":  {kind: "video", requirements: clip, asset: `{"asset_type":"video","url":"https://c.example/v.mp4","width":1920,"height":1080,"video_bitrate_kbps":9000}`, field: "a.x.video_bitrate_kbps", says: "8000"},
		"AVideoOfAnotherFrameRate": {kind: "video", requirements: clip, asset: `{"asset_type":"video","url":"https://c.example/v.mp4","width":1920,"height":1080,"frame_rate":"60"}`, field: "a.x.frame_rate", says: "29.97"},
		"AVideoWithoutSound":       {kind: "video", requirements: `{"audio_required":true}`, asset: `{"asset_type":"video","url":"https://c.example/v.mp4","has_audio":false}`, field: "a.x.has_audio", says: "sound"},
		"ASpot":                    {kind: "audio", requirements: spot, asset: `{"asset_type":"audio","url":"https://c.example/a.mp3","duration_ms":30000,"sampling_rate_hz":44100,"bitrate_kbps":192}`},
		"ASpotTooLong":             {kind: "audio", requirements: spot, asset: `{"asset_type":"audio","url":"https://c.example/a.mp3","duration_ms":30001}`, field: "a.x.duration_ms", says: "30000 ms or less"},
		"ASpotInAnotherFormat":     {kind: "audio", requirements: spot, asset: `{"asset_type":"audio","url":"https://c.example/a.wav"}`, field: "a.x.codec", says: "mp3"},
		"ASpotOfAnotherRate":       {kind: "audio", requirements: spot, asset: `{"asset_type":"audio","url":"https://c.example/a.mp3","sampling_rate_hz":48000}`, field: "a.x.sampling_rate_hz", says: "44100"},
		"ASpotOfTooLowABitrate":    {kind: "audio", requirements: spot, asset: `{"asset_type":"audio","url":"https://c.example/a.mp3","bitrate_kbps":64}`, field: "a.x.bitrate_kbps", says: "128"},
		"TextCountedByCharacters":  {kind: "text", requirements: `{"max_length":4}`, asset: `{"asset_type":"text","content":"Größ"}`},
		"TextTooLong":              {kind: "text", requirements: `{"max_length":4}`, asset: `{"asset_type":"text","content":"Größe"}`, field: "a.x.content", says: "4 characters or less"},
		"TextOfTooManyLines":       {kind: "text", requirements: `{"max_lines":1}`, asset: `{"asset_type":"text","content":"a\nb"}`, field: "a.x.content", says: "lines"},
		"TextOfTheList":            {kind: "text", requirements: `{"allowed_values":["Buy","Go"]}`, asset: `{"asset_type":"text","content":"Go"}`},
		"TextNotOfTheList":         {kind: "text", requirements: `{"allowed_values":["Buy","Go"]}`, asset: `{"asset_type":"text","content":"Win"}`, field: "a.x.content", says: "Win", code: adcp.CodeCreativeValueNotAllowed},
		"TextAgainstThePattern":    {kind: "text", requirements: `{"character_pattern":"^[A-Z ]+$"}`, asset: `{"asset_type":"text","content":"Hi"}`, field: "a.x.content", says: "[A-Z ]"},
		"TextWithAProhibitedTerm":  {kind: "text", requirements: `{"prohibited_terms":["free"]}`, asset: `{"asset_type":"text","content":"FREE boots"}`, field: "a.x.content", says: "free"},
		"AClickWithMacros":         {kind: "url", asset: `{"asset_type":"url","url":"https://acme.example/{CREATIVE_ID}?c=[CACHEBUSTING]"}`},
		"AClickOverPlainHTTP":      {kind: "url", asset: `{"asset_type":"url","url":"http://acme.example/"}`, field: "a.x.url", says: "https"},
		"AClickThatIsAScript":      {kind: "url", asset: `{"asset_type":"url","url":"javascript:alert(1)"}`, field: "a.x.url", says: "javascript"},
		"AClickThatIsRelative":     {kind: "url", asset: `{"asset_type":"url","url":"/landing"}`, field: "a.x.url", says: "absolute"},
		"AClickElsewhere":          {kind: "url", requirements: `{"allowed_domains":["acme.example"]}`, asset: `{"asset_type":"url","url":"https://notacme.example/"}`, field: "a.x.url", says: "acme.example"},
		"AClickBelowTheDomain":     {kind: "url", requirements: `{"allowed_domains":["acme.example"]}`, asset: `{"asset_type":"url","url":"https://www.acme.example/"}`},
		"MacrosWhereThereAreNone":  {kind: "url", requirements: `{"macro_support":false}`, asset: `{"asset_type":"url","url":"https://acme.example/{CREATIVE_ID}"}`, field: "a.x.url", says: "macros"},
		"HTMLOfItsOwn":             {kind: "html", requirements: `{"external_resources_allowed":false}`, asset: `{"asset_type":"html","content":"<a href='https://acme.example'>x</a><img src='data:image/png;base64,AA'>"}`},
		"HTMLThatLoadsElsewhere":   {kind: "html", requirements: `{"external_resources_allowed":false}`, asset: `{"asset_type":"html","content":"<script src=\"https://evil.example/x.js\"></script>"}`, field: "a.x.content", says: "evil.example"},
		"HTMLOverPlainHTTP":        {kind: "html", asset: `{"asset_type":"html","content":"<img src=http://c.example/x.png>"}`, field: "a.x.content", says: "encryption"},
		"HTMLTooLong":              {kind: "html", requirements: `{"max_file_size_kb":1}`, asset: `{"asset_type":"html","content":"` + strings.Repeat("x", 1025) + `"}`, field: "a.x.content", says: "1024"},
		"HTMLThatIsEmpty":          {kind: "html", asset: `{"asset_type":"html","content":" "}`, field: "a.x.content", says: "empty"},
		"AScriptInStrictMode":      {kind: "javascript", requirements: `{"strict_mode_required":true}`, asset: `{"asset_type":"javascript","content":"'use strict'; x()"}`},
		"AScriptThatIsNot":         {kind: "javascript", requirements: `{"strict_mode_required":true}`, asset: `{"asset_type":"javascript","content":"x()"}`, field: "a.x.content", says: "strict"},
		"ALinearAd":                {kind: "vast", requirements: clip, asset: vast()},
		"AWrapper":                 {kind: "vast", asset: `{"asset_type":"vast","delivery_type":"inline","content":"<VAST version='3.0'><Ad><Wrapper><AdSystem>a</AdSystem><VASTAdTagURI>https://a.example/</VASTAdTagURI></Wrapper></Ad></VAST>"}`},
		"AWrapperWithoutATag":      {kind: "vast", asset: `{"asset_type":"vast","delivery_type":"inline","content":"<VAST version='3.0'><Ad><Wrapper/></Ad></VAST>"}`, field: "a.x.content", says: "VASTAdTagURI"},
		"ATagByItsAddress":         {kind: "vast", asset: `{"asset_type":"vast","delivery_type":"url","url":"https://ads.example/tag"}`},
		"ATagOverPlainHTTP":        {kind: "vast", asset: `{"asset_type":"vast","delivery_type":"url","url":"http://ads.example/tag"}`, field: "a.x.url", says: "https"},
		"VASTThatIsNoXML":          {kind: "vast", asset: `{"asset_type":"vast","delivery_type":"inline","content":"<VAST version='4.2'>"}`, field: "a.x.content", says: "cannot be read"},
		"VASTWithSomethingBehind":  {kind: "vast", asset: vast("</VAST>", "</VAST><x/>"), field: "a.x.content", says: "cannot be read"},
		"VASTOfVersionOne":         {kind: "vast", asset: `{"asset_type":"vast","delivery_type":"inline","content":"<VAST version='1.0'><Ad><Wrapper><VASTAdTagURI>https://a.example/</VASTAdTagURI></Wrapper></Ad></VAST>"}`, field: "a.x.content", says: "2.0"},
		"VASTOfAVersionNotTaken":   {kind: "vast", requirements: `{"vast_version":"4.1"}`, asset: vast(`"vast_version":"4.2"`, ``), field: "a.x.vast_version", says: "4.1"},
		"VASTAgainstItsVersion":    {kind: "vast", asset: vast(`version="4.2"`, `version="3.0"`), field: "a.x.content", says: "vast_version says 4.2"},
		"VASTWithoutAnAd":          {kind: "vast", asset: `{"asset_type":"vast","delivery_type":"inline","content":"<VAST version='4.2'/>"}`, field: "a.x.content", says: "no ad"},
		"VASTWithoutAnImpression":  {kind: "vast", asset: vast("<Impression>https://m.example/i</Impression>", ""), field: "a.x.content", says: "Impression"},
		"VASTTooLong":              {kind: "vast", requirements: clip, asset: vast("00:00:15", "00:00:30"), field: "a.x.content", says: "14500 to 15500"},
		"VASTOfNoDuration":         {kind: "vast", asset: vast("00:00:15", "15s"), field: "a.x.content", says: "15s"},
		"VASTWithoutAMediaFile":    {kind: "vast", asset: vast(`<MediaFile delivery="progressive" type="video/mp4" width="1280" height="720"><![CDATA[https://cdn.example/v.mp4]]></MediaFile>`, ""), field: "a.x.content", says: "no MediaFile"},
		"VASTInAnotherContainer":   {kind: "vast", requirements: clip, asset: vast("video/mp4", "video/webm"), field: "a.x.content", says: "mp4"},
		"VASTFilesOverPlainHTTP":   {kind: "vast", asset: vast("https://cdn.example", "http://cdn.example"), field: "a.x.content", says: "MediaFile 1"},
		"VASTOfAFalseDelivery":     {kind: "vast", asset: vast("progressive", "magic"), field: "a.x.content", says: "magic"},
		"VPAIDUndeclared":          {kind: "vast", asset: vast(`type="video/mp4"`, `type="application/javascript" apiFramework="VPAID"`), field: "a.x.content", says: "VPAID"},
		"VASTClicksOverPlainHTTP":  {kind: "vast", asset: vast("https://acme.example/", "http://acme.example/"), field: "a.x.content", says: "ClickThrough"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			f := creative.Format{Name: "f", Slots: []creative.Slot{slot(t, "x", test.kind, true, test.requirements)}}
			got, warnings := creative.Check("a", f, map[string]json.RawMessage{"x": json.RawMessage(test.asset)})
			if test.field == "" {
				if len(got)+len(warnings) > 0 {
					t.Fatalf("refused: %v, warned %v", got[0], warnings)
				}
				return
			}
			i := slices.IndexFunc(got, func(e *adcp.Error) bool { return adcp.Val(e.Field) == test.field })
			if i < 0 {
				t.Fatalf("got %v, want a refusal of %s", got, test.field)
			}
			code := test.code
			if code == "" {
				code = adcp.CodeValidationError
			}
			if strings.Contains(got[i].Message, "accepted is") && len(got[i].Details) == 0 {
				t.Error("what is accepted is not told to machines")
			}
			if e := got[i]; e.Code != code || !strings.Contains(e.Message, test.says) || adcp.Val(e.Suggestion) == "" {
				t.Errorf("refused with %s %q (%s), want %s that says %q", e.Code, e.Message, adcp.Val(e.Suggestion), code, test.says)
			}
		})
	}
}

// An asset is found by its key, or else by its type where that leaves one way.
func TestAssetsFindTheirSlots(t *testing.T) {
	t.Parallel()
	const image, click = `{"asset_type":"image","url":"https://c.example/b.png","width":1,"height":1}`, `{"asset_type":"url","url":"https://acme.example/"}`
	f := creative.Format{Name: "f", Slots: []creative.Slot{
		slot(t, "banner", "image", true, ""), slot(t, "click_url", "url", false, `{"role":"clickthrough"}`), slot(t, "tracker", "url", false, `{"role":"impression_tracker"}`),
	}}
	for rule, test := range map[string]struct {
		assets   map[string]string
		refused  string
		warnings int
	}{
		"ByTheirKeys":               {assets: map[string]string{"banner": image, "click_url": click}},
		"ByTheirType":               {assets: map[string]string{"image": image, "landing_page_url": click}, warnings: 2},
		"TwoOfAType":                {assets: map[string]string{"one": image, "two": image}, refused: "a.banner", warnings: 2},
		"OneTooMany":                {assets: map[string]string{"banner": image, "spare": image}, warnings: 1},
		"NoneAtAll":                 {assets: map[string]string{}, refused: "a.banner"},
		"OneThatCannotBeRead":       {assets: map[string]string{"banner": `"x"`}, refused: "a.banner"},
		"AnEmptyList":               {assets: map[string]string{"banner": `[]`}, refused: "a.banner"},
		"TrackersComeAlong":         {assets: map[string]string{"banner": image, "p": `{"asset_type":"pixel_tracker","event":"impression","url":"https://m.example/{CACHEBUSTER}"}`}},
		"TrackersOverPlainHTTP":     {assets: map[string]string{"banner": image, "p": `{"asset_type":"pixel_tracker","event":"impression","url":"http://m.example/"}`}, refused: "a.p.url"},
		"CustomEventsHaveAName":     {assets: map[string]string{"banner": image, "p": `{"asset_type":"pixel_tracker","event":"custom","url":"https://m.example/"}`}, refused: "a.p.custom_event_name"},
		"EveryOneOfAListIsLookedAt": {assets: map[string]string{"banner": `[` + image + `,{"asset_type":"image","url":"x"}]`}, refused: "a.banner[1].url"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			assets := map[string]json.RawMessage{}
			for key, a := range test.assets {
				assets[key] = json.RawMessage(a)
			}
			got, warnings := creative.Check("a", f, assets)
			if len(warnings) != test.warnings {
				t.Errorf("warned %q, want %d warnings", warnings, test.warnings)
			}
			if test.refused == "" && len(got) > 0 || test.refused != "" && (len(got) != 1 || adcp.Val(got[0].Field) != test.refused) {
				t.Errorf("refused %v, want %q", got, test.refused)
			}
		})
	}
}

// No document makes the checker fail or wait.
func FuzzVAST(f *testing.F) {
	f.Add(linear)
	f.Add(`<VAST version="4.2"><Ad><InLine/></Ad></VAST>`)
	format := creative.Format{Name: "f", Slots: []creative.Slot{{ID: "x", Type: "vast", Required: true}}}
	f.Fuzz(func(t *testing.T, content string) {
		doc, err := json.Marshal(map[string]string{"asset_type": "vast", "content": content})
		if err != nil {
			t.Skip()
		}
		for _, e := range func() []*adcp.Error {
			found, _ := creative.Check("a", format, map[string]json.RawMessage{"x": doc})
			return found
		}() {
			if adcp.Val(e.Field) == "" || e.Message == "" {
				t.Errorf("a refusal says nothing: %+v", e)
			}
		}
	})
}
