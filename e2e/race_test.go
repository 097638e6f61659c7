//go:build race

package e2e

// buildFlags make the gateway's race detector follow that of the tests.
var buildFlags = []string{"-race"}
