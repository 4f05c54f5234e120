package buyer

import (
	"testing"

	"github.com/upfront-media/upfront/adcp"
)

func TestCreativesKeepTheRatioThatAFormatAsksFor(t *testing.T) {
	t.Parallel()
	n := func(s string) *adcp.Decimal { return new(adcp.Decimal(s)) }
	for rule, test := range map[string]struct {
		need          adcp.FormatAssetRequirements
		width, height int64
	}{
		"NoneAsked":         {adcp.FormatAssetRequirements{}, 1920, 1080},
		"Upright":           {adcp.FormatAssetRequirements{AspectRatio: new("9:16"), MinWidth: n("720"), MinHeight: n("1280")}, 1080, 1920},
		"Square":            {adcp.FormatAssetRequirements{AspectRatio: new("1:1")}, 1920, 1920},
		"AtLeastTheMinimum": {adcp.FormatAssetRequirements{AspectRatio: new("16:9"), MinHeight: n("2160")}, 3840, 2160},
		"WithinTheMaximum":  {adcp.FormatAssetRequirements{AspectRatio: new("4:3"), MaxWidth: n("640")}, 640, 480},
		"NotARatio":         {adcp.FormatAssetRequirements{AspectRatio: new("wide")}, 1920, 1080},
	} {
		if w, h := size(test.need, adcp.Format{}, FormatID{}, 1920, 1080); w != test.width || h != test.height {
			t.Errorf("%s: %d by %d, want %d by %d", rule, w, h, test.width, test.height)
		}
	}
}
