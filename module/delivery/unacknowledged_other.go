//go:build !linux

package delivery

import "context"

// limitUnacknowledgedOf does nothing: the option is Linux' own.
func (*Options) limitUnacknowledgedOf(context.Context) {}
