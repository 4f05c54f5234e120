package adcp

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	both := []string{"3.0", "3.1"}
	tests := []struct {
		rule      string
		version   *string
		major     *int64
		supported []string
		want      string // empty for VERSION_UNSUPPORTED
		field     string
	}{
		{"ExactRelease", new("3.0"), nil, both, "3.0", ""},
		{"ExactReleaseWithMajor", new("3.1"), new(int64(3)), both, "3.1", ""},
		{"HighestNotAboveThePin", new("3.7"), nil, both, "3.1", ""},
		{"TenIsAboveTwo", new("3.10"), nil, []string{"3.2", "3.10", "3.9"}, "3.10", ""},
		{"NothingBelowThePin", new("3.0"), nil, []string{"3.1"}, "", "adcp_version"},
		{"OtherMajorBelow", new("2.5"), nil, both, "", "adcp_version"},
		{"OtherMajorAbove", new("4.0"), nil, both, "", "adcp_version"},
		{"PreReleaseByItsExactName", new("3.2-rc.1"), nil, []string{"3.1", "3.2-rc.1"}, "3.2-rc.1", ""},
		{"PreReleaseIsNotReplaced", new("3.1-beta.1"), nil, both, "", "adcp_version"},
		{"PreReleaseIsNotGivenUnasked", new("3.2"), nil, []string{"3.1", "3.2-rc.1"}, "3.1", ""},
		{"PreReleaseIsNotTheDefault", nil, nil, []string{"3.1", "3.2-rc.1"}, "3.1", ""},
		{"MajorOnly", nil, new(int64(3)), []string{"3.1", "3.0", "2.9"}, "3.1", ""},
		{"MajorUnknown", nil, new(int64(4)), both, "", "adcp_major_version"},
		{"NothingSentIsOurDefault", nil, nil, both, "3.1", ""},
		{"Disagreement", new("3.1"), new(int64(2)), both, "", "adcp_major_version"},
		{"PatchNumber", new("3.1.0"), nil, both, "", "adcp_version"},
		{"NoMinor", new("3"), nil, both, "", "adcp_version"},
		{"NotANumber", new("latest"), nil, both, "", "adcp_version"},
		{"Empty", new(""), nil, both, "", "adcp_version"},
		{"EmptyPreRelease", new("3.1-"), nil, both, "", "adcp_version"},
		{"HugeNumber", new("3.99999999999999999999"), nil, both, "", "adcp_version"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got, err := Negotiate(tt.version, tt.major, tt.supported)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Fatalf("got %q, %v, want %q", got, err, tt.want)
			}
			if err == nil {
				return
			}
			if err.Code != CodeVersionUnsupported || Val(err.Field) != tt.field {
				t.Errorf("got %s at %s, want %s at %s", err.Code, Val(err.Field), CodeVersionUnsupported, tt.field)
			}
			var details VersionUnsupportedDetails
			if json.Unmarshal(err.Details, &details) != nil || !slices.Equal(details.SupportedVersions, tt.supported) {
				t.Errorf("details %s do not list the supported releases", err.Details)
			}
			if invalid := ValidateDocument("error-details/version-unsupported.json", err.Details); invalid != nil {
				t.Error(invalid)
			}
		})
	}
}

func TestHighestCommon(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule         string
		ours, theirs []string
		want         string
	}{
		{"TheHighestOfBoth", Releases(), []string{"3.0", "3.1", "3.2"}, "3.1"},
		{"OnlyTheOlder", Releases(), []string{"3.0"}, "3.0"},
		{"None", Releases(), []string{"2.5"}, ""},
		{"TheySayNothing", Releases(), nil, ""},
		{"AReleaseBeforeItsPreRelease", []string{"3.1", "3.1-rc.2", "3.1-rc.1"}, []string{"3.1-rc.1", "3.1", "3.1-rc.2"}, "3.1"},
		{"TheLaterPreRelease", []string{"3.1-rc.2", "3.1-rc.1"}, []string{"3.1-rc.1", "3.1-rc.2"}, "3.1-rc.2"},
		{"RubbishIsIgnored", Releases(), []string{"x", "3.0"}, "3.0"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got, ok := HighestCommon(tt.ours, tt.theirs)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("got %q, %v, want %q", got, ok, tt.want)
			}
		})
	}
}
