// Package adservertest is the suite that every adapter of package adserver must
// pass, run from the adapter's own tests.
package adservertest
