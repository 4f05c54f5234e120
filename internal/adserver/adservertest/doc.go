// Package adservertest is the suite that every adapter of package adserver must
// pass, run from the adapter's own tests:
//
//	func TestConformance(t *testing.T) {
//		adservertest.Run(t, func(t *testing.T) adservertest.Bench { … })
//	}
//
// [RunWithFaults] runs one order's life again for every fault at every place.
package adservertest
